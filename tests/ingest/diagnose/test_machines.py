"""Findings of executors, of work thrown away, of the driver, and the figures of an application."""

import json
from typing import Any

import pytest

from tests.ingest.diagnose.builders import START, Made, Row, task


def spread(factor: dict[str, float], stages: int = 3, **columns: Any) -> Made:
    """Stages of tasks of one second; on some executors they take so many times as long."""
    work = Made()
    work.warm()
    for _ in range(stages):
        work.stage([task(round(1_000 * factor.get(str(n % 4 + 1), 1)), str(n % 4 + 1), **columns) for n in range(16)])
    return work


def test_a_slow_executor_waits_or_computes_longer() -> None:
    row = spread({"3": 3}, executor_cpu_time_ns=900_000_000).one("slow_executor")
    assert (row["executor_id"], row["host"], row["cause"], row["level"]) == ("3", "host-3", "waiting", "executor")
    # per stage 3 of its 4 tasks count in the median's group; 8 s later than the others, one task's 3 s is the most
    assert row["cost_ms"] == 3 * 3_000 and "took 3.0 times as long" in row["message"]
    assert row["subject"] == "executor 3 on host-3"
    assert spread({"3": 3}).one("slow_executor")["cause"] == "slow CPU"


def test_a_slow_executor_that_collects_garbage() -> None:
    work = Made()
    work.warm()
    for _ in range(3):
        slow: Row = task(3_000, "2", jvm_gc_time_ms=1_900)
        work.stage([slow if n % 4 == 1 else task(1_000, str(n % 4 + 1)) for n in range(16)])
    assert work.one("slow_executor")["cause"] == "garbage collection"


def test_executors_that_are_alike_say_nothing() -> None:
    assert spread({"1": 1.2, "2": 0.9, "3": 1.1}).codes() == []


def test_an_executor_with_more_data_is_not_slow() -> None:
    work = Made()
    work.warm()
    for _ in range(3):
        work.stage(
            [
                task(3_000, "3", input_bytes=30_000_000)
                if n % 4 == 2
                else task(1_000, str(n % 4 + 1), input_bytes=10**7)
                for n in range(16)
            ]
        )
    assert "slow_executor" not in work.codes()


def test_an_executor_that_was_slow_in_one_stage_only_is_not_slow() -> None:
    work = spread({}, stages=6)
    work.stage([task(4_000 if n % 4 == 2 else 1_000, str(n % 4 + 1)) for n in range(8)])
    assert "slow_executor" not in work.codes()


def test_a_slow_host_stands_for_its_executors() -> None:
    work = Made()
    for executor in work.executors:
        executor["host"] = "slow" if executor["executor_id"] in ("3", "4") else "well"
    work.warm()
    for _ in range(3):
        work.stage([task(3_000 if n % 4 > 1 else 1_000, str(n % 4 + 1)) for n in range(16)])
    found = work.findings()
    assert [(row["code"], row["host"]) for row in found if row["covered_by"] is None] == [("slow_host", "slow")]
    assert {row["executor_id"] for row in found if row["covered_by"] == "slow_host"} <= {"3", "4"}


def test_a_stage_that_ran_again() -> None:
    work = Made()
    stage = work.stage(
        [1_000] * 8,
        status="FAILED",
        failure_reason="FetchFailed: from host-9\n\tat a.B.c(B.scala:1)",
        num_resubmitted_tasks=4,
    )
    work.stage([1_000] * 8, attempt=1, stage_id=stage, job_id=0)
    row = work.one("stage_retry")
    assert row["cost_ms"] == 2_000 + 1_000
    assert "attempt 1 (8 tasks, 2 s)" in row["message"] and "failed: FetchFailed: from host-9. 1 more" in row["message"]


@pytest.mark.parametrize(
    "reason, cause",
    [
        ("Command exited with code 137", "killed"),
        ("Container from a bad node. Exit status: 143. Diagnostics: Killed by external signal", "killed"),
        ("Command exited with code 52", "out of memory"),
        ("The executor with id 2 exited with exit code 52(JVM OOM).", "out of memory"),
        ("Container killed by YARN for exceeding memory limits", "killed"),
        ("Container was preempted", "preempted"),
        ("Executor heartbeat timed out after 120000 ms", "unknown"),
    ],
)
def test_a_lost_executor(reason: str, cause: str) -> None:
    work = Made()
    work.stage(
        [task(4_000, "2", status="FAILED", failure_reason=f"ExecutorLostFailure (executor 2): {reason}")] + [900] * 20
    )
    work.executors[1].update(remove_time_ms=START + 4_000, remove_reason=reason)
    row = work.one("executor_lost")
    assert (row["executor_id"], row["cause"], row["cost_ms"]) == ("2", cause, 1_000)
    assert "lost 4 s after the start, with 1 running task (4 s of work)" in row["message"]
    assert "failed_tasks" not in work.codes()


def test_executors_lost_at_the_end_are_a_note() -> None:
    work = Made()
    work.stage([1_000] * 20)
    work.executors[1].update(remove_time_ms=START + work.at, remove_reason="Executor Process Lost")
    assert work.one("executor_lost")["severity"] == "note"
    work.executors[1]["remove_reason"] = "Command exited with code 137"
    assert work.one("executor_lost")["severity"] == "warning"


def test_an_application_that_failed_is_the_first_finding() -> None:
    work = Made()
    work.stage([1_000] * 20, job={"status": "FAILED", "failure_reason": "java.lang.OutOfMemoryError"})
    work.application["exit_code"] = 0
    assert "application_failed" not in {row["code"] for row in work.findings()}
    work.application["exit_code"] = 1
    rows = work.findings()
    assert {row["code"] for row in rows[:2]} == {"application_failed", "job_failed"}
    assert {row["severity"] for row in rows[:2]} == {"critical"}
    assert "exit code 1 after 5 s. Its last failed job was j0" in work.one("application_failed")["message"]


@pytest.mark.parametrize(
    "reason",
    [
        "Executor killed by driver.",
        "Container container_1 exited from explicit termination request.",
        "Command exited with code 0",
        "Executor decommission finished.",
    ],
)
def test_an_executor_that_was_sent_away_is_not_lost(reason: str) -> None:
    work = Made()
    work.stage([1_000] * 20)
    work.executors[1].update(remove_time_ms=START + 60_000, remove_reason=reason)
    assert work.codes() == []


def test_cores_that_are_idle_beside_others() -> None:
    work = Made(executors=10, duration_ms=200_000)
    for number in range(8):
        on = [str((number + index) % 10 + 1) for index in range(6)]
        work.stage([task(20_000 if index < 2 else 5_000, executor) for index, executor in enumerate(on)])
    row = work.one("idle_cores")
    assert row["cost_ms"] == pytest.approx(8 * (20_000 - 6_000)) and row["severity"] == "warning"
    assert "70 % of the core time was idle" in row["message"]


@pytest.mark.parametrize("master, codes", [("local[8]", []), ("local[*]", ["idle_cores"])])
def test_cores_of_local_mode_count_if_tasks_computed_on_them(master: str, codes: list[str]) -> None:
    work = Made(executors=1, cores=8, master=master)
    for _ in range(8):
        work.stage([*[20_000] * 3, *[task(2_000, executor_cpu_time_ns=0)] * 5], name="collect at Job.scala:1")
    assert [row["code"] for row in work.findings() if row["code"] == "idle_cores"] == codes


@pytest.mark.parametrize(
    "before, between, after, cause",
    [
        (200_000, 0, 0, "before the first job"),
        (0, 200_000, 0, "between jobs"),
        (0, 0, 200_000, "after the last job"),
    ],
)
def test_time_without_tasks(before: int, between: int, after: int, cause: str) -> None:
    work = Made(duration_ms=before + between + after + 4_000)
    work.at = before
    work.stage([1_000] * 8)
    work.at += between
    work.stage([1_000] * 8)
    row = work.one("no_tasks_running")
    assert (row["cause"], row["severity"]) == (cause, "warning")
    assert row["cost_ms"] == 200_000 - (10_000 if before else 0)


def test_the_start_ends_when_the_executors_have_registered() -> None:
    work = Made(duration_ms=204_000)
    for executor in work.executors:
        executor["add_time_ms"] = START + 150_000
    work.at = 200_000
    work.stage([1_000] * 8)
    assert "no_tasks_running" not in [row["code"] for row in work.findings()]
    for executor in work.executors[1:]:
        executor["add_time_ms"] = START + 240_000  # while the job runs
    work.executors[0]["add_time_ms"] = START
    assert work.one("no_tasks_running")["cost_ms"] == 192_000


def test_the_longest_gaps_are_named() -> None:
    work = Made()
    for gap in (0, 30_000, 20_000):
        work.at += gap
        work.stage([1_000] * 8, name=f"collect at job.py:{gap}")
    row = work.one("no_tasks_running")
    assert "The longest gaps are 30 s before j1 collect" in row["message"] and "20 s before j2" in row["message"]


@pytest.mark.parametrize("sign", ["name", "call site", "property"])
def test_a_shell_that_waits_for_its_user_is_a_note(sign: str) -> None:
    work = Made()
    work.stage([1_000] * 8)
    work.at += 100_000
    work.stage([1_000] * 8, name="count at <console>:25" if sign == "call site" else "count at job.py:2")
    if sign == "name":
        work.application["name"] = "Spark shell"
    if sign == "property":
        work.rows["properties"].append({"key": "spark.repl.class.uri", "value": "spark://host:1/classes"})
    row = work.one("no_tasks_running")
    assert (row["cause"], row["severity"], row["cost_ms"]) == ("interactive", "note", 100_000)


def test_the_driver_between_the_jobs_of_fits_is_a_note() -> None:
    work = Made()
    work.stage([1_000] * 8)
    for _ in range(10):
        work.at += 3_000
        work.stage([100] * 4, job={"fit_uid": "LogisticRegression_1"})
    row = work.one("no_tasks_running")
    assert (row["cause"], row["severity"]) == ("in fits", "note")


def test_jobs_whose_tasks_do_not_run() -> None:
    work = Made(duration_ms=104_000)
    work.stage([task(1_000, at=100_000)] * 8)
    work.rows["jobs"][0]["submission_time_ms"] = START
    assert work.one("no_tasks_running")["cause"] == "inside jobs"


def test_starting_up_is_no_finding() -> None:
    work = Made(duration_ms=44_000)
    work.at = 40_000
    work.stage([1_000] * 8)
    assert work.codes() == []


def test_the_figures_of_an_application() -> None:
    work = Made(duration_ms=30_000)
    work.at = 5_000
    work.stage([2_000, 2_000, 2_000, 8_000], name="first")
    work.at += 3_000
    work.stage([1_000] * 8, name="second")
    rows = {row["code"]: row for row in work.view().tables["findings"].to_pylist()}
    figures = {code: json.loads(row["figures"]) for code, row in rows.items()}
    assert figures["critical_path"] == {
        "stages_ms": 10_000,
        "driver_ms": 20_000,
        "num_stages": 2,
        "stages": ["0.0", "1.0"],
    }
    assert figures["lower_bound"]["least_ms"] == 20_000 + 8_000 + 2_000
    hours = figures["core_hours"]
    assert hours["core_ms"] == 120_000 and hours["CPU"] == pytest.approx(0.9 * 22_000)
    assert hours["idle while no task ran"] == 80_000 and hours["idle beside other tasks"] == 40_000 - 22_000
    assert {rows[code]["cost_ms"] for code in ("critical_path", "lower_bound", "core_hours")} == {None}


def test_a_job_without_times_lasts_as_long_as_its_stages() -> None:
    work = Made(duration_ms=60_000)
    work.at = 2_000
    work.stage([56_000] * 2, job={"submission_time_ms": None, "completion_time_ms": None})
    rows = {row["code"]: json.loads(row["figures"]) for row in work.view().tables["findings"].to_pylist()}
    assert rows["lower_bound"]["without_jobs_ms"] == 4_000
    assert rows["lower_bound"]["least_ms"] <= 60_000
    assert rows["critical_path"]["stages_ms"] == 56_000


def test_idle_cores_of_a_shell_are_a_note() -> None:
    work = Made(executors=10, duration_ms=200_000)
    work.application["name"] = "Spark shell"
    for number in range(8):
        on = [str((number + index) % 10 + 1) for index in range(6)]
        work.stage([task(20_000 if index < 2 else 5_000, executor) for index, executor in enumerate(on)])
    assert work.one("idle_cores")["severity"] == "note"


def test_idle_cores_that_another_finding_explains_are_not_told_again() -> None:
    work = Made(executors=10)
    work.warm(20)
    for number in range(8):
        work.stage([2_000] * 15 + [task(20_000, str(number + 1))])
    assert [row["code"] for row in work.findings() if row["covered_by"] is None] == ["straggler"]


def test_what_is_told_whatever_it_costs_is_a_warning() -> None:
    work = Made(duration_ms=10_000_000)
    work.stage([task(500, status="FAILED", failure_reason="x")] * 3 + [1_000] * 20)
    assert work.one("failed_tasks")["severity"] == "warning"


def test_of_stages_side_by_side_the_later_one_is_on_the_path() -> None:
    work = Made(duration_ms=20_000)
    work.stage([4_000, 4_000], name="short")
    work.at = 0
    work.stage([9_000, 9_000], name="long")
    work.stage([1_000], name="last")
    (row,) = [r for r in work.view().tables["findings"].to_pylist() if r["code"] == "critical_path"]
    assert json.loads(row["figures"])["stages"] == ["1.0", "2.0"]


def test_an_application_without_tasks_has_no_findings() -> None:
    assert Made().view().tables["findings"].num_rows == 0
