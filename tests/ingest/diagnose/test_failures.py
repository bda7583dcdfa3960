"""Failures: tasks that failed or were killed, speculation, and jobs that died."""

import pytest

from tests.ingest.diagnose.builders import Made, Row, task


def test_failed_tasks() -> None:
    work = Made()
    failed: Row = task(5_000, status="FAILED", failure_reason="java.io.IOException: disk <b>full</b>")
    work.stage([failed] * 3 + [1_000] * 20, status="FAILED")
    row = work.one("failed_tasks")
    assert row["cost_ms"] == 9_000, "all the time of a stage that failed is lost"
    assert "3 of 23 task attempts failed after 15 s of work and the stage failed. Reason: java.io" in row["message"]


def test_one_failure_that_costs_nothing_is_not_told() -> None:
    work = Made()
    work.stage([task(500, status="FAILED", failure_reason="x"), *[1_000] * 20])
    assert work.codes() == []


def test_of_a_python_exception_the_last_line_is_told() -> None:
    reason = "PythonException: Traceback (most recent call last):\n  File a\nValueError: no 7\n\n\nSQLSTATE: 38000"
    work = Made()
    work.stage([task(5_000, status="FAILED", failure_reason=reason)] * 4 + [1_000] * 20)
    assert work.one("failed_tasks")["message"].endswith(". Reason: ValueError: no 7.")


def test_killed_tasks_and_lost_speculation() -> None:
    work = Made()
    work.stage([task(20_000, status="KILLED", failure_reason="TaskKilled: stage cancelled")] * 2 + [1_000] * 20)
    work.stage(
        [task(20_000, status="KILLED", failure_reason="TaskKilled: another attempt succeeded", speculative=True)]
        + [1_000] * 20
    )
    rows = work.findings()
    assert {row["code"]: (row["stage_id"], row["cost_ms"]) for row in rows} == {
        "killed_tasks": (0, 10_000),
        "speculation_wasted": (1, 5_000),
    }


def test_failures_that_differ_in_numbers_and_addresses_are_one_reason() -> None:
    work = Made()
    reasons = [f"java.io.IOException: no block {n} on host-{n}.net:70{n}5, Buffer@{n}3fa2c1d" for n in range(4)]
    work.stage([*(task(5_000, status="FAILED", failure_reason=reason) for reason in reasons), *[1_000] * 20])
    assert ". Reason: java.io.IOException: no block 0 on" in work.one("failed_tasks")["message"]


@pytest.mark.parametrize(
    ("columns", "place"), [({"index": 7}, "all of partition 7"), ({"executor_id": "2"}, "all on executor 2")]
)
def test_failures_of_one_place_say_so(columns: Row, place: str) -> None:
    work = Made()
    executor = columns.pop("executor_id", None)
    failed = [task(5_000, executor, status="FAILED", failure_reason="x", **columns) for _ in range(4)]
    work.stage([*failed, *[1_000] * 20])
    assert f"of work, {place}. Reason: x" in work.one("failed_tasks")["message"]


def test_speculation_that_helped_is_no_waste() -> None:
    work = Made()
    slow = task(20_000, status="KILLED", failure_reason="TaskKilled: another attempt succeeded", speculative=False)
    work.stage([slow, *[1_000] * 20])
    assert "speculation_wasted" not in work.codes() and "killed_tasks" not in work.codes()


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "out of memory"),
        ("ExecutorLostFailure (executor 3): Command exited with code 52", "out of memory"),
        ("ExecutorLostFailure (executor 3): worker lost", "executor lost"),
        ("ValueError: could not convert string to float: 'n/a'", "exception"),
        (None, "unknown"),
    ],
)
def test_a_job_that_died_is_the_first_finding(reason: str | None, cause: str) -> None:
    work = Made()
    work.stage([60_000] + [1_000] * 20, name="a costly stage")
    failed = [task(100, status="FAILED", failure_reason=reason)] * 4
    work.stage([*failed, 1_000], status="FAILED", job={"status": "FAILED", "failure_reason": reason})
    first = work.findings()[0]
    assert (first["code"], first["severity"], first["cause"]) == ("job_failed", "critical", cause)
    assert first["job_id"] == 1 and (reason or "no reason given") in first["message"]


def test_jobs_that_died_of_one_reason_are_one_finding() -> None:
    work = Made()
    for number in range(3):
        job = {"status": "FAILED", "failure_reason": f"Job aborted: file part-{number} is corrupt"}
        work.stage([1_000], status="FAILED", job=job)
    row = work.one("job_failed")
    assert row["cost_ms"] == 3_000 and row["message"].endswith("2 more jobs failed for the same reason.")


def test_a_job_that_was_cancelled_did_not_die() -> None:
    work = Made()
    work.stage([1_000], status="FAILED", job={"status": "FAILED", "failure_reason": "Job 0 cancelled by user"})
    assert "job_failed" not in work.codes()


def test_a_finding_costs_no_more_than_its_stages_lasted() -> None:
    work = Made()
    for start in (0, 0):
        work.at = start
        work.stage([task(1_000, jvm_gc_time_ms=1_000)] * 8, name="same")
    row = work.one("gc", ("any.cost_ratio", 0))
    assert row["cost_ms"] <= 2_000, "two stages at once: their time counts once"
