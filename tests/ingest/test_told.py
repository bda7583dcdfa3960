"""What a job said twice with different words: both are kept, under names that are the same at every import."""

import re
from typing import Any

from afterglow.annotate import encode
from afterglow.ingest.derive import derive
from afterglow.schemas.annotations import EVENT
from afterglow.schemas.logs import EventLog, EventLogTables, LogFile
from afterglow.schemas.runs import Run

from .test_assemble import tables

_TIME = 1_000


def said(*envelopes: list[dict[str, Any]], log: str = "app-1") -> EventLogTables:
    """The tables of an application whose job wrote these events, an envelope per list."""
    texts = [
        text
        for seq, events in enumerate(envelopes)
        for text in encode.texts("w", seq, [{"time_ms": _TIME + seq, **event} for event in events])
    ]
    return tables(
        EventLog(log, "single", (LogFile(log, 1),)),
        application_start=[{"app_id": "app-1", "start_time_ms": _TIME}],
        application_end=[{"end_time_ms": _TIME + 100}],
        job_start=[{"job_id": job, "submission_time_ms": _TIME + job} for job in range(len(texts))],
        job_properties=[{"job_id": job, "key": EVENT, "value": text} for job, text in enumerate(texts)],
    )


def run(told: EventLogTables, end: str) -> Run:
    (found,) = [run for run in derive(told).runs if run.key.endswith(end)]
    return found


def collisions(told: EventLogTables) -> list[str]:
    return [row["message"] for row in told.issues.to_pylist() if row["code"] == "annotation_collides"]


def search(number: int, reg: float, run_id: str | None = None) -> dict[str, Any]:
    around = {"run": run_id} if run_id else {}
    return {
        "event": "tuning_start",
        "id": f"w-{number}",
        "uid": f"CrossValidator_{number}",
        "kind": "CrossValidator",
        "params": {"LogisticRegression.regParam": reg},
        "param_maps": [{"LogisticRegression.maxIter": number}],
        **around,
    }


def fit(number: int, reg: float, run_id: str | None = None) -> dict[str, Any]:
    around = {"run": run_id} if run_id else {}
    return {
        "event": "estimator_start",
        "id": f"f-{number}",
        "uid": f"logreg_{number}",
        "params": {"LogisticRegression.regParam": reg, "LogisticRegression.maxIter": 5},
        **around,
    }


RUN = {"event": "run_start", "id": "r", "name": "training"}


def test_two_searches_in_one_run_have_params_of_their_own() -> None:
    told = said([RUN], [search(1, 0.1, "r")], [search(2, 0.5, "r")])
    assert collisions(told) == []
    for number, reg in ((1, "0.1"), (2, "0.5")):
        tuning = run(told, f"/tuning/CrossValidator_{number}")
        assert tuning.params == {"LogisticRegression.regParam": reg} and tuning.parent == run(told, "/run/r").key
        assert run(told, f"/tuning/CrossValidator_{number}/trial/0").params == {
            "LogisticRegression.maxIter": str(number)
        }


def test_two_fits_in_one_run_share_its_params_and_the_later_is_suffixed_where_they_differ() -> None:
    told = said([RUN], [fit(1, 0.1, "r")], [fit(2, 0.5, "r")])
    params = dict(run(told, "/run/r").params)
    assert params.pop("LogisticRegression.regParam") == "0.1" and params.pop("LogisticRegression.maxIter") == "5"
    ((name, value),) = params.items()
    assert re.fullmatch(r"LogisticRegression\.regParam_[0-9a-f]{8}", name) and value == "0.5"
    (message,) = collisions(told)
    assert name in message


def test_the_suffix_is_the_same_at_every_import_whatever_the_log_is_called_by_then() -> None:
    events = [RUN], [fit(1, 0.1, "r")], [fit(2, 0.5, "r")]
    first, again = said(*events), said(*events, log="app-1.inprogress")
    assert first["annotations"].equals(again["annotations"])


def test_every_value_of_many_is_kept_once_under_a_name_of_its_own() -> None:
    # One envelope: what is said within two seconds.
    told = said([{"event": "log", "tags": {"stage": value}} for value in ("a", "b", "c", "b", "a")])
    root = derive(told).runs[0]
    kept = {name: value for name, value in root.tags.items() if name.split("_")[0] == "stage"}
    assert sorted(kept.values()) == ["a", "b", "c"] and kept["stage"] == "a"


def test_params_and_tags_of_one_name_are_apart() -> None:
    told = said([{"event": "log", "params": {"kind": "p"}, "tags": {"kind": "t"}}])
    root = derive(told).runs[0]
    assert (root.params["kind"], root.tags["kind"], collisions(told)) == ("p", "t", [])
