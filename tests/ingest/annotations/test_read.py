"""Annotations of Spark Connect clients: tags of operations, which anybody may write."""

import json
from typing import Any

import pytest

from afterglow.annotate import encode
from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.schemas import spark
from afterglow.schemas.annotations import CONNECT_QUERY, EVENT, MAX_TEXT, to_tag
from afterglow.schemas.logs import EventLog, EventLogTables, LogFile
from afterglow.schemas.spark import REDACTED

from ..assemble.test_assemble import tables

_SESSION = "5f1c0000-1111"
_JOB_TAG = f"SparkConnect_OperationTag_User_ann_Session_{_SESSION}_Operation_0a1b2c3d-000"


def text(seq: int, **event: Any) -> str:
    (one,) = encode.texts("w", seq, [{"time_ms": 1_000 + seq, **event}])
    return one


def client(operations: list[list[str]], *, statement: str = "", jobs: int = 0) -> EventLogTables:
    """The tables of a server whose client set these tags on its operations. Jobs are of the operations in turn."""

    def tags(number: int) -> str:
        own = [f"SparkConnect_SessionTag_User_ann_Session_{_SESSION}_Tag_{tag}" for tag in operations[number]]
        return ",".join([f"{_JOB_TAG}{number}", *own])

    return tables(
        EventLog("app-1", "single", (LogFile("app-1", 1),)),
        application_start=[{"app_id": "app-1", "start_time_ms": 1_000}],
        application_end=[{"end_time_ms": 9_000}],
        connect_operation_started=[
            {
                "operation_id": f"0a1b2c3d-000{number}",
                "session_id": _SESSION,
                "user": "ann",
                "submission_time_ms": 1_000 + number,
                "statement_text": statement,
                "session_tags": set_tags,
            }
            for number, set_tags in enumerate(operations)
        ],
        job_start=[
            {"job_id": job, "submission_time_ms": 1_000 + job, "stage_ids": [job], "at": job} for job in range(jobs)
        ],
        job_stages=[{"job_id": job, "stage_id": job, "name": "count", "rdd_ids": [job]} for job in range(jobs)],
        job_properties=[{"job_id": job, "key": spark.JOB_TAGS, "value": tags(job)} for job in range(jobs)],
    )


def test_a_search_of_a_client_has_its_trials_metrics_and_jobs() -> None:
    place = ["afterglow.tuning=CrossValidator_1", "afterglow.tuning.id=w-1", "afterglow.fold=0"]
    events = [
        text(1, event="tuning_start", id="w-1", uid="CrossValidator_1", metric="rmse", param_maps=[{"p": 1}, {"p": 2}]),
        text(2, event="fit_end", id="w-1", uid="CrossValidator_1", fold=0, trial=0, metric=0.1),
        text(3, event="fit_end", id="w-1", uid="CrossValidator_1", fold=0, trial=1, metric=1 / 3),
        text(4, event="tuning_end", id="w-1", uid="CrossValidator_1", avg_metrics=[0.1, 1 / 3], best_index=0),
    ]
    told = client(
        [
            [to_tag(events[0]), *place, "afterglow.trial=0", "afterglow.phase=fit"],
            [to_tag(events[1]), *place, "afterglow.trial=1", "afterglow.phase=evaluate", "mine"],
            [to_tag(events[3]), to_tag(events[2])],
        ],
        jobs=2,
    )
    (search,) = told.tunings.to_pylist()
    assert (search["tuning_uid"], search["source"], search["best_trial"]) == ("CrossValidator_1", "annotated", 0)
    trials = [(json.loads(row["params_json"]), row["avg_metric"]) for row in told.trials.to_pylist()]
    assert trials == [({"p": 1}, 0.1), ({"p": 2}, 1 / 3)]
    assert [row["metric"] for row in told.fits.to_pylist()] == [0.1, 1 / 3]
    jobs = [(row["tuning_uid"], row["trial"], row["fold"], row["phase"]) for row in told.jobs.to_pylist()]
    assert jobs == [("CrossValidator_1", 0, 0, "fit"), ("CrossValidator_1", 1, 0, "evaluate")]
    assert EVENT not in "".join(row["tags"] for row in told.jobs.to_pylist())
    assert told["connect_operations"]["session_tags"].to_pylist()[1:] == [
        [*place, "afterglow.trial=1", "afterglow.phase=evaluate", "mine"],
        [],
    ]


def test_values_outside_runs_are_the_session_s_and_its_run_is_not_the_application_s() -> None:
    told = client(
        [
            [
                to_tag(text(1, event="log", params={"kept": "a, b"}, metrics=[["rows", 200, None, 1_500]])),
                to_tag(text(2, event="mlflow_run", run_id="r", tracking_uri="sqlite:///x")),
            ]
        ]
    )
    runs = derive(ApplicationView(told)).runs
    (session,) = [run for run in runs if run.level == "session"]
    assert (session.params["kept"], session.metrics["rows"]) == ("a, b", 200)
    assert "kept" not in runs[0].params and told.applications["mlflow_run_id"].to_pylist() == [None]


def test_secrets_in_a_client_s_texts_are_redacted() -> None:
    raw = {
        "v": 1,
        "writer": "w",
        "seq": 1,
        "events": [{"event": "log", "time_ms": 1, "params": {"db_password": "hunter2"}}],
    }
    told = client([[to_tag(json.dumps(raw))], ["afterglow.event=password=hunter2"]])
    runs = derive(ApplicationView(told)).runs
    assert [run.params.get("db_password") for run in runs if run.level == "session"] == [REDACTED]
    assert "hunter2" not in str([run.params for run in runs]) + str(told["connect_operations"].to_pylist())


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "null",
        "[" * 100_000,
        '{"v":1,"writer":"w","seq":1}',
        '{"v":1,"writer":["w"],"seq":1,"events":[]}',
        '{"v":1,"writer":"w","seq":1,"events":[]}' + " " * MAX_TEXT,
    ],
)
def test_a_tag_that_holds_no_annotation_is_one_issue(value: str) -> None:
    told = client([[to_tag(value), "mine"], [f"{EVENT}=%2", to_tag(text(2, event="log", params={"a": 1}))]])
    ours = [row for row in told.issues.to_pylist() if row["code"] == "annotation_unreadable"]
    assert [row["count"] for row in ours] == [2] and "2 annotations" in ours[0]["message"]
    assert [row["text"] for row in told["annotations"].to_pylist()] == ["1"]


def test_properties_of_another_form_count_as_missing() -> None:
    tags = [
        "afterglow.tuning=S",
        "afterglow.trial=-1",
        "afterglow.fold=" + "9" * 40,
        "afterglow.phase=x",
        "afterglow.y=1",
    ]
    told = client([tags, ["afterglow.tuning="]], jobs=2)
    jobs = [(row["tuning_uid"], row["trial"], row["fold"], row["phase"]) for row in told.jobs.to_pylist()]
    assert jobs == [("S", None, None, "prepare"), (None, None, None, None)]


def test_the_query_that_carries_events_is_no_query_of_the_user() -> None:
    statement = f'sql_command {{\n  input {{\n    sql {{\n      query: "{CONNECT_QUERY}"\n    }}\n  }}\n}}\n'
    assert client([[]], statement=statement)["connect_operations"]["kind"].to_pylist() == ["annotation"]
    user = statement.replace("no tasks", "a table")
    assert client([[]], statement=user)["connect_operations"]["kind"].to_pylist() == ["command"]
