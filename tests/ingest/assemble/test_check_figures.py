"""Impossible figures become null and an issue, before anything is computed from them."""

from collections.abc import Callable
from typing import Any

import pytest

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.schemas.logs import EventLogTables

from .test_assemble import LOG, tables, task

START = 1_700_000_000_000
YEAR = 365 * 24 * 3600 * 1000


def application(*tasks: dict[str, Any], stage: dict[str, Any] | None = None, **rows: Any) -> EventLogTables:
    """One job of one stage with these tasks, whose times are ms after START, as all others."""
    own = stage or {}
    return tables(
        LOG,
        application_start=[{"at": 0, "app_id": "a", "name": "a", "start_time_ms": START}],
        application_end=[{"at": 9, "end_time_ms": START + 60_000}],
        job_start=[{"at": 1, "job_id": 0, "submission_time_ms": START + 1_000, "stage_ids": [0]}],
        stage_submitted=[{"at": 2, "stage_id": 0, "stage_attempt": 0, "num_tasks": len(tasks)} | own],
        stage_completed=[
            {"at": 7, "stage_id": 0, "stage_attempt": 0, "num_tasks": len(tasks), "completion_time_ms": START + 50_000}
            | own
        ],
        job_end=[{"at": 8, "job_id": 0, "status": "JobSucceeded", "completion_time_ms": START + 51_000}],
        task_end=[
            one | {"launch_time_ms": START + one["launch_time_ms"], "finish_time_ms": START + one["finish_time_ms"]}
            for one in tasks
        ],
        **rows,
    )


def impossible(found: EventLogTables) -> list[str]:
    return [row["message"] for row in found["issues"].to_pylist() if row["code"] == "figure_impossible"]


def test_a_task_that_ends_before_it_starts_has_no_end() -> None:
    found = application(task(0), task(1, launch_time_ms=2_000, finish_time_ms=1_480, executor_run_time_ms=400))
    rows = found.tasks.to_pylist()
    assert [row["duration_ms"] for row in rows] == [50, None]
    assert rows[1]["finish_time_ms"] is None and rows[1]["executor_run_time_ms"] == 400
    (message,) = impossible(found)
    assert "an end before the start" in message and message.endswith(
        "the first of stage_id 0, stage_attempt 0, task_id 1"
    )


def test_a_time_years_from_all_others_counts_as_missing() -> None:
    ends = [task(n, finish_time_ms=150 + (5 * YEAR if n == 29 else 0)) for n in range(30)]
    found = application(*ends)
    assert found.tasks["duration_ms"].to_pylist() == [50] * 29 + [None]
    assert found.application["last_event_time_ms"] == START + 60_000 and len(impossible(found)) == 1


def test_an_application_that_was_quiet_for_a_year_keeps_its_times() -> None:
    late = [task(n, launch_time_ms=2 * YEAR, finish_time_ms=2 * YEAR + 50) for n in range(4, 8)]
    assert not impossible(application(*[task(n) for n in range(4)], *late))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("input_bytes", -1),
        ("input_bytes", 2**62),
        ("executor_cpu_time_ns", 10**15),
        ("jvm_gc_time_ms", 10**9),
        ("executor_run_time_ms", 10**9),
        ("executor_run_time_ms", 2**62),
    ],
)
def test_a_figure_that_no_task_can_have_counts_as_missing(column: str, value: int) -> None:
    found = application(task(0, **{column: 7}), task(1, **{column: value}))
    assert found.tasks[column].to_pylist() == [7, None]
    assert found.stages[column].to_pylist() == [7] and len(impossible(found)) == 1


def test_an_impossible_run_time_leaves_its_parts_alone() -> None:
    found = application(task(0, executor_run_time_ms=2**55, executor_cpu_time_ns=7, jvm_gc_time_ms=3))
    (row,) = found.tasks.to_pylist()
    assert (row["executor_run_time_ms"], row["executor_cpu_time_ns"], row["jvm_gc_time_ms"]) == (None, 7, 3)


@pytest.mark.parametrize("cores", [2**31 - 1, 2**16 + 2])
def test_cores_that_no_executor_has_count_as_missing(cores: int) -> None:
    added = [{"at": 1, "executor_id": str(n), "cores": n, "add_time_ms": START} for n in (4, cores, cores - 1)]
    found = application(task(0), executor_added=added)
    assert found["executors"]["cores"].to_pylist().count(None) == 2 and found.application["total_cores"] == 4
    assert len(impossible(found)) == 1


@pytest.mark.parametrize("amount", [5.0, 1e300])
def test_a_task_takes_no_more_cpus_than_an_executor_has(amount: float) -> None:
    cpus = {"resource_profile_id": 1, "scope": "task", "resource": "cpus", "amount": amount}
    added = {"at": 1, "executor_id": "1", "cores": 4, "add_time_ms": START}
    found = application(task(0), stage={"resource_profile_id": 1}, resources=[cpus], executor_added=[added])
    assert found.stages["task_cpus"].to_pylist() == [None] and len(impossible(found)) == 1
    assert ApplicationView(found).task_cpus.tolist() == [1.0]


def test_sums_that_would_not_fit_leave_the_giants_out() -> None:
    found = application(task(0, input_bytes=5), *[task(n, input_bytes=2**59) for n in range(1, 20)])
    assert found.stages["input_bytes"].to_pylist() == [5] and impossible(found)


def test_an_application_that_ends_at_0_ends_with_its_last_event() -> None:
    found = tables(
        LOG,
        application_start=[{"at": 0, "app_id": "a", "start_time_ms": START}],
        application_end=[{"at": 9, "end_time_ms": 0}],
    )
    assert found.application["end_time_ms"] is None and found.application["duration_ms"] is None
    assert len(impossible(found)) == 1


@pytest.mark.parametrize("start", [None, 0])
def test_an_end_before_all_events_counts_as_missing_also_without_a_start(start: int | None) -> None:
    found = tables(
        LOG,
        application_start=[{"at": 0, "app_id": "a", "start_time_ms": start}],
        application_end=[{"at": 9, "end_time_ms": START // 1000}],
        task_end=[task(0, launch_time_ms=START, finish_time_ms=START + 50)],
    )
    assert [found.application[name] for name in ("start_time_ms", "end_time_ms", "duration_ms")] == [START, None, None]
    assert f"the application's end ({START // 1000})" in impossible(found)[-1]


@pytest.mark.parametrize("clock", [lambda ms: ms * 1000, lambda ms: ms * 10**6, lambda ms: ms + 2**60])
def test_times_by_a_clock_that_counts_no_milliseconds_count_as_missing(clock: Callable[[int], int]) -> None:
    found = tables(
        LOG,
        application_start=[{"at": 0, "app_id": "a", "name": "a", "start_time_ms": clock(START)}],
        application_end=[{"at": 9, "end_time_ms": clock(START) + 1}],
        task_end=[task(0, launch_time_ms=clock(START), finish_time_ms=clock(START) + 1)],
    )
    assert (found.application["start_time_ms"], found.application["end_time_ms"]) == (None, None)
    assert found.tasks["launch_time_ms"].to_pylist() == [None]
    assert sum("the application's" in message for message in impossible(found)) == 2
    assert derive(ApplicationView(found)).application.metrics["time/duration_s"] == 0


def test_a_stage_whose_end_was_dropped_ends_with_its_tasks() -> None:
    found = tables(
        LOG,
        application_start=[{"at": 0, "app_id": "a", "name": "a", "start_time_ms": START}],
        application_end=[{"at": 9, "end_time_ms": START + 60_000}],
        job_start=[{"at": n, "job_id": n, "submission_time_ms": START + 10, "stage_ids": [n]} for n in (0, 1)],
        stage_submitted=[
            {"at": 2 + n, "stage_id": n, "stage_attempt": 0, "num_tasks": 1, "submission_time_ms": START + 20}
            for n in (0, 1)
        ],
        stage_completed=[{"at": 6, "stage_id": 1, "stage_attempt": 0, "completion_time_ms": START + 400}],
        job_end=[{"at": 8, "job_id": 0, "status": "JobSucceeded", "completion_time_ms": START + 500}],
        task_end=[task(n, stage_id=n, launch_time_ms=START + 100, finish_time_ms=START + 300) for n in (0, 1)],
    )
    (issue,) = [row for row in found["issues"].to_pylist() if row["code"] == "end_missing"]
    assert issue["message"].endswith("StageCompleted of stage 0 and JobEnd of job 1") and issue["count"] == 2
    assert not found.application["log_complete"] and found.application["completeness"] == "events_lost"
    runs = {"/".join(run.key.rsplit("/", 2)[-2:]): run for run in derive(ApplicationView(found)).runs}
    assert (runs["stage/0.0"].status, runs["stage/0.0"].end_ms) == ("FINISHED", START + 300)
    assert (runs["job/1"].status, runs["job/1"].end_ms) == ("FINISHED", START + 400)


def test_a_stage_takes_the_cpus_of_its_resource_profile() -> None:
    cpus = {"resource_profile_id": 1, "scope": "task", "resource": "cpus", "amount": 4.0}
    found = application(task(0), stage={"resource_profile_id": 1}, resources=[cpus])
    assert found.stages["task_cpus"].to_pylist() == [4.0]
    assert ApplicationView(found).task_cpus.tolist() == [4.0]
    assert application(task(0)).stages["task_cpus"].to_pylist() == [1.0]


@pytest.mark.parametrize(
    ("statuses", "state"),
    [(["JobSucceeded", "JobSucceeded"], "FINISHED"), (["JobSucceeded", "JobFailed"], "FAILED"), ([], "KILLED")],
)
def test_databricks_never_writes_an_end_so_jobs_tell_the_state(statuses: list[str], state: str) -> None:
    found = tables(
        LOG,
        application_start=[{"at": 0, "app_id": "a", "start_time_ms": START}],
        environment=[{"section": "spark", "key": "spark.databricks.clusterUsageTags.x", "value": "y"}],
        job_start=[{"at": 1 + n, "job_id": n, "submission_time_ms": START + n} for n in range(max(len(statuses), 1))],
        job_end=[
            {"at": 5 + n, "job_id": n, "status": status, "completion_time_ms": START + 9}
            for n, status in enumerate(statuses)
        ],
    )
    assert ApplicationView(found).state == state
    assert "Databricks writes none" in str(found["issues"]["message"].to_pylist())


def test_delta_lake_on_another_spark_is_no_databricks() -> None:
    key = "spark.databricks.delta.retentionDurationCheck.enabled"
    found = tables(
        LOG,
        environment=[{"section": "spark", "key": key, "value": "false"}],
        job_start=[{"at": 1, "job_id": 0, "submission_time_ms": START}],
        job_end=[{"at": 5, "job_id": 0, "status": "JobSucceeded", "completion_time_ms": START + 9}],
    )
    assert ApplicationView(found).state == "KILLED"
    assert "its driver died" in str(found["issues"]["message"].to_pylist())
