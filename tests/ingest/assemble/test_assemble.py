"""Relations resolved by keys: ownership, skipped stages, resubmitted and unfinished tasks."""

from typing import Any

import numpy as np
import pytest

from afterglow.ingest import arrow
from afterglow.ingest.assemble.completeness import VERDICTS, completeness
from afterglow.ingest.errors import AssemblyError
from afterglow.ingest.pipeline import build_tables
from afterglow.schemas.events import EVENT_TABLES
from afterglow.schemas.issues import ISSUE_CODES, ImportIssue
from afterglow.schemas.logs import EventLog, EventLogTables, LogFile

LOG = EventLog("app", "single", (LogFile("app", 1),))


def tables(log: EventLog = LOG, /, **rows: list[dict[str, Any]]) -> EventLogTables:
    """Event rows given as dicts -> assembled tables; what a row leaves out is null."""
    given = {
        declared.table.name: arrow.from_rows(
            declared.table, [[row.get(c.name) for c in declared.table] for row in rows.get(declared.table.name, [])]
        )
        for declared in EVENT_TABLES
    }
    return build_tables(given, log)


def task(task_id: int, **values: Any) -> dict[str, Any]:
    return {
        "stage_id": 0,
        "stage_attempt": 0,
        "task_id": task_id,
        "index": task_id,
        "attempt": 0,
        "launch_time_ms": 100,
        "finish_time_ms": 150,
        "reason": "Success",
        **values,
    }


def by(table: Any, *key: str) -> dict[Any, dict[str, Any]]:
    rows = table.to_pylist()
    return {row[key[0]] if len(key) == 1 else tuple(row[k] for k in key): row for row in rows}


def test_a_stage_belongs_to_the_job_that_ran_when_it_was_submitted() -> None:
    jobs = [{"at": 1, "job_id": 0, "stage_ids": [0]}, {"at": 5, "job_id": 1, "stage_ids": [0, 1]}]
    found = tables(
        job_start=jobs,
        job_end=[{"at": 4, "job_id": 0, "status": "JobSucceeded"}, {"at": 9, "job_id": 1, "status": "JobSucceeded"}],
        stage_submitted=[
            {"at": 2, "stage_id": 0, "stage_attempt": 0},
            {"at": 6, "stage_id": 1, "stage_attempt": 0},
            {"at": 7, "stage_id": 0, "stage_attempt": 1},
        ],
    )
    stages = by(found.stages, "stage_id", "stage_attempt")
    assert [stages[key]["job_id"] for key in ((0, 0), (1, 0), (0, 1))] == [0, 1, 1]


def test_stages_that_no_job_ran_are_skipped_or_pending() -> None:
    found = tables(
        job_start=[{"at": 1, "job_id": 0, "stage_ids": [0, 1]}, {"at": 2, "job_id": 1, "stage_ids": [2]}],
        job_stages=[{"job_id": 0, "stage_id": 1, "name": "count at x", "num_tasks": 4}],
        job_end=[{"at": 9, "job_id": 0, "status": "JobSucceeded"}],
        stage_submitted=[{"at": 3, "stage_id": 0, "stage_attempt": 0}],
    )
    stages = by(found.stages, "stage_id")
    assert (stages[1]["status"], stages[1]["name"], stages[2]["status"]) == ("SKIPPED", "count at x", "PENDING")
    assert by(found.jobs, "job_id")[0]["num_skipped_stages"] == 1


def test_a_resubmitted_task_is_no_failure_and_no_second_task() -> None:
    found = tables(task_end=[task(1, executor_run_time_ms=9), task(1, reason="Resubmitted"), task(2)])
    rows = by(found.tasks, "task_id")
    assert (len(rows), rows[1]["status"], rows[1]["executor_run_time_ms"]) == (2, "SUCCESS", 9)
    (stage,) = found.stages.to_pylist()
    assert (stage["num_complete_tasks"], stage["num_failed_tasks"], stage["num_resubmitted_tasks"]) == (2, 0, 1)


def test_a_task_that_never_ended_is_running_and_has_no_duration() -> None:
    found = tables(task_start=[task(1, finish_time_ms=None), task(2)], task_end=[task(2)])
    rows = by(found.tasks, "task_id")
    assert (rows[1]["status"], rows[1]["duration_ms"], rows[2]["status"]) == ("RUNNING", None, "SUCCESS")


def test_the_first_of_two_equal_task_ends_counts_and_the_other_is_reported() -> None:
    found = tables(task_end=[task(0, host="a"), task(0, host="b")])
    assert [row["host"] for row in found.tasks.to_pylist()] == ["a"]
    assert "event_duplicate" in found.issues["code"].to_pylist()


def test_missing_metrics_stay_missing_and_sums_are_of_what_is_there() -> None:
    found = tables(task_end=[task(0, reason="ExecutorLostFailure", loss_reason="gone"), task(1, input_bytes=5)])
    rows = by(found.tasks, "task_id")
    assert rows[0]["executor_run_time_ms"] is None and "gone" in rows[0]["failure_reason"]
    (stage,) = found.stages.to_pylist()
    assert (stage["input_bytes"], stage["output_bytes"]) == (5, None)


def test_delay_and_fetching_are_what_the_history_server_says() -> None:
    ends = [
        task(
            0,
            finish_time_ms=200,
            getting_result_at_ms=170,
            executor_run_time_ms=50,
            executor_deserialize_time_ms=5,
            result_serialization_time_ms=1,
        )
    ]
    (row,) = tables(task_end=ends).tasks.to_pylist()
    assert (row["getting_result_time_ms"], row["scheduler_delay_ms"]) == (30, 100 - 56 - 30)


def test_stage_sums_are_the_sums_of_the_tasks() -> None:
    rng = np.random.default_rng(1)
    ends = [
        task(
            i,
            stage_id=int(rng.integers(3)),
            jvm_gc_time_ms=int(rng.integers(100)),
            peak_execution_memory_bytes=int(rng.integers(100)),
        )
        for i in range(50)
    ]
    found = tables(task_end=ends)
    for stage in found.stages.to_pylist():
        own = [row for row in ends if row["stage_id"] == stage["stage_id"]]
        assert stage["jvm_gc_time_ms"] == sum(row["jvm_gc_time_ms"] for row in own)
        assert stage["peak_execution_memory_bytes"] == max(row["peak_execution_memory_bytes"] for row in own)


def test_gaps_in_task_ids_and_short_stages_are_lost_events() -> None:
    found = tables(
        application_end=[{"at": 9, "end_time_ms": 5}],
        task_end=[task(0), task(3)],
        stage_completed=[{"at": 4, "stage_id": 0, "stage_attempt": 0, "num_tasks": 4}],
    )
    assert {"task_ids_missing", "tasks_missing"} <= set(found.issues["code"].to_pylist())
    assert found.application["completeness"] == "events_lost"


@pytest.mark.parametrize("code", [code.code for code in ISSUE_CODES.values() if code.severity == "error"])
def test_no_log_with_an_error_is_complete(code: str) -> None:
    assert completeness(LOG, True, []) == "complete"
    assert completeness(LOG, True, [ImportIssue(code, "")]) in VERDICTS[1:]


def test_no_event_of_an_application_is_an_error() -> None:
    with pytest.raises(AssemblyError, match="app: no event of a Spark application"):
        tables()
