"""The verdict about a run of a job: what is worse than usual, and what is not."""

import random
from typing import Any

import pytest

from afterglow.ingest.job_history import judge, judge_all
from afterglow.schemas.job_history import JobRun

DAY = 86_400_000


def run(number: int, duration: float = 100.0, **given: Any) -> JobRun:
    metrics = {
        "time/duration_s": duration,
        "time/executor_cpu_s": given.pop("cpu", duration * 2),
        "time/executor_run_s": given.pop("run", duration * 2.2),
        "resources/core_hours": given.pop("core_hours", duration / 900),
        "io/max_stage_input_records": given.pop("records", 1e6),
        "spill/disk_bytes": given.pop("spill", 0.0),
        **given.pop("metrics", {}),
    }
    findings = given.pop("findings", {"skew": "warning"})
    status, completeness = given.pop("status", "FINISHED"), given.pop("completeness", "complete")
    return JobRun("job", f"app-{number}", None, "job", number * DAY, status, completeness, metrics, findings, **given)


def usual(runs: int = 9, noise: float = 0.04) -> list[JobRun]:
    dice = random.Random(7)
    return [run(number, 100 * (1 + noise * dice.uniform(-1, 1))) for number in range(runs)]


def kinds(one: JobRun, before: list[JobRun] | None = None) -> list[str]:
    verdict = judge(one, usual() if before is None else before)
    assert verdict is not None
    return [deviation.kind for deviation in verdict.deviations]


def test_usual_runs_are_no_regression() -> None:
    assert kinds(run(20, 104)) == []
    assert kinds(run(20, 116)) == []  # less than a fifth longer


def test_slower_and_dearer() -> None:
    verdict = judge(run(20, 130), usual())
    assert verdict is not None and verdict.kinds == ("slower", "dearer") and verdict.since == "app-20"
    assert verdict.tag.startswith("slower, dearer: It took 2 min 10 s, usually 1 min 39 s, at most ")
    assert 1.2 < verdict.ratios["duration_ratio"] < 1.4


def test_costs_are_compared_in_one_currency() -> None:
    def paid(number: int, currency: str, cost: float) -> JobRun:
        return run(number, metrics={"cost/total": cost}, currency=currency)

    before = [paid(number, "EUR", 1.0) for number in range(9)]
    verdict = judge(paid(20, "EUR", 2.0), before)
    assert verdict is not None and verdict.tag == "dearer: It cost 2 EUR, usually 1."
    assert kinds(paid(20, "JPY", 160.0), before) == []  # core hours are compared, which are as usual


def test_noise_of_the_runs_before_widens_what_is_usual() -> None:
    assert kinds(run(20, 130), usual(noise=0.4)) == []


def test_a_run_before_without_the_measure_does_not_hide_more_data() -> None:
    before = [*usual(), run(9, metrics={"io/max_stage_input_records": 0.0})]
    assert kinds(run(20, 200, records=2e6, core_hours=0.22), before) == []
    assert kinds(run(20, 300, records=2e6, core_hours=0.22), before) == ["slower"]


def test_more_data_may_take_longer_in_proportion() -> None:
    twice: dict[str, Any] = {"records": 2e6, "core_hours": 0.22}
    assert kinds(run(20, 200, **twice)) == []
    assert kinds(run(20, 300, **twice)) == ["slower"]
    after = [*usual(), run(9, 200, **twice), run(10, 200, **twice)]
    assert kinds(run(20, 100), after) == []
    assert kinds(run(20, 140, core_hours=0.11), after) == ["slower"]


def test_half_the_data_in_the_usual_time_is_usual() -> None:
    assert kinds(run(20, 100, records=5e5)) == []


def test_waiting_for_slow_machines_is_a_note() -> None:
    verdict = judge(run(20, 150, cpu=200, run=330), usual())
    assert verdict is not None and [one.kind for one in verdict.deviations] == ["waited"]
    assert verdict.kinds == () and verdict.tag == ""


@pytest.mark.parametrize("given", [{"cpu": 320, "run": 330}, {"cpu": 200, "run": 220}])
def test_more_computing_and_idle_cores_are_no_waiting(given: dict[str, float]) -> None:
    assert kinds(run(20, 150, **given)) == ["slower", "dearer"]


def test_python_cannot_be_told_from_waiting() -> None:
    assert kinds(run(20, 150, cpu=200, run=330, metrics={"wall_time/python_s": 50.0})) == ["slower", "dearer"]


def test_more_spill() -> None:
    assert kinds(run(20, spill=2.0**20)) == []
    assert kinds(run(20, spill=2.0**30)) == ["spill"]
    spilling = [run(number, spill=2.0**30) for number in range(9)]
    assert kinds(run(20, spill=1.1 * 2**30), spilling) == []
    assert kinds(run(20, spill=2.0**31), spilling) == ["spill"]
    assert kinds(run(20, spill=2.0**31, records=2e6), spilling) == []  # twice the data
    assert kinds(run(20, spill=2.0**33, records=2e6), spilling) == []  # only what does not fit is spilled


def test_data_that_no_longer_fits_into_memory_is_no_regression() -> None:
    assert kinds(run(20, spill=2.0**30, records=2e6)) == []
    assert kinds(run(20, spill=2.0**30, records=2e6, findings={"spill": "critical"})) == []
    assert kinds(run(20, records=2e6, findings={"job_failed": "critical"})) == ["finding"]
    assert kinds(run(20, 300, records=2e6, findings={"spill": "critical"})) == ["slower", "dearer", "finding"]


def test_more_computing_shows_through_noise() -> None:
    noisy = [run(number, 100 + 60 * (number % 3), cpu=200.0 + number % 2) for number in range(9)]
    assert kinds(run(20, 160, cpu=202), noisy) == []
    assert kinds(run(20, 160, cpu=260), noisy) == ["slower"]


def test_new_findings() -> None:
    assert kinds(run(20, findings={"skew": "critical"})) == []
    assert kinds(run(20, findings={"small_files": "warning"})) == []
    assert kinds(run(20, findings={"small_files": "critical"})) == ["finding"]
    assert kinds(run(20, 150, findings={"small_files": "warning"})) == ["slower", "dearer", "finding"]


def test_a_failed_run_is_no_comparison_of_times() -> None:
    assert kinds(run(20, 300, status="FAILED")) == ["failed"]
    assert kinds(run(20, 300, status="KILLED", completeness="no_application_end")) == ["failed"]
    assert judge(run(20, 300, status="RUNNING", completeness="in_progress"), usual()) is None
    assert judge(run(20, 300, completeness="truncated"), usual()) is None


def test_failed_and_cut_runs_are_not_what_is_usual() -> None:
    cut = [run(number, 10, status="FAILED") for number in range(9, 19)]
    assert kinds(run(20, 104), [*usual(), *cut]) == []


def test_too_few_runs_say_nothing() -> None:
    verdict = judge(run(20, 300), usual(2))
    assert verdict is not None and verdict.runs == 2 and verdict.kinds == ()


def test_only_runs_before_count() -> None:
    later = [run(number, 10) for number in range(30, 60)]
    assert kinds(run(20, 104), [*usual(), *later]) == []
    assert judge(run(3, 300), usual(3) + later).runs == 3  # type: ignore[union-attr]


def test_a_regression_begins_once() -> None:
    series = [*usual(), run(9, 150), run(10, 152), run(11, 149), run(12, 104), run(13, 150)]
    since = [one.since for one, verdict in judge_all(series) if verdict and verdict.kinds]
    assert since == ["app-9", "app-9", "app-9", "app-13"]


def test_a_step_becomes_usual() -> None:
    series = [*usual(), *(run(number, 150) for number in range(9, 40))]
    judged = judge_all(series, compared_runs=10)
    assert judged[9][1].kinds and not judged[-1][1].kinds  # type: ignore[union-attr]
