"""The duration on other numbers of executors: replayed tasks, the driver's time, and what cannot be replayed."""

import heapq
import json
import random

import pytest

from afterglow.ingest.diagnose.replay import JobWork, StageWork, Work, replay, work_of
from tests.ingest.diagnose.builders import Made, task


def stage(*tasks: float, waits_for: tuple[int, ...] = (), delay: float = 0.0) -> StageWork:
    return StageWork(tasks, waits_for, delay)


def test_tasks_take_the_slot_that_is_free_first() -> None:
    work = Work((JobWork((stage(4, 1, 1, 2),), None, 0.0),), 0.0)
    assert [replay(work, slots) for slots in (1, 2, 3, 8)] == [8, 4, 4, 4]


def test_more_slots_than_tasks_cost_nothing() -> None:
    work = Work((JobWork((stage(4, 1, 1, 2),), None, 0.0),), 0.0)
    assert replay(work, 2**62) == 4


def test_a_stage_waits_for_its_parents_and_a_job_for_the_one_before() -> None:
    first = JobWork((stage(2, 2), stage(3, 3), stage(5, waits_for=(0, 1), delay=1)), None, 10.0)
    second = JobWork((stage(1, 1),), 0, 100.0, 7.0)
    work = Work((first, second), 1000.0)
    # 10 driver, 2 and 3 beside each other, 1 delay, 5, 100 driver, 1, 7 driver, 1000 driver
    assert replay(work, 4) == 10 + 3 + 1 + 5 + 100 + 1 + 7 + 1000
    assert replay(work, 1) == 10 + 10 + 1 + 5 + 100 + 2 + 7 + 1000


def test_jobs_that_ran_beside_each_other_share_the_slots() -> None:
    jobs = tuple(JobWork((stage(6, 6),), None, 0.0) for _ in range(3))
    assert [replay(Work(jobs, 0.0), slots) for slots in (2, 6)] == [18, 6]


def figures_of(work: Made) -> dict[str, float]:
    rows = work.view().tables["findings"].to_pylist()
    (row,) = [row for row in rows if row["code"] == "what_if"]
    found: dict[str, float] = json.loads(row["figures"])
    return found


def made(**given: int) -> Made:
    work = Made(**given)
    work.application["completeness"] = "complete"
    return work


def test_equal_tasks_scale_and_the_driver_does_not() -> None:
    work = made(executors=4)
    work.at = 10_000
    work.stage([1_000] * 64)
    found = figures_of(work)
    assert found["duration_ms"] == found["replayed_ms"] == 26_000
    assert (found["half_ms"], found["twice_ms"], found["four_times_ms"]) == (42_000, 18_000, 14_000)
    assert found["twice_low_ms"] < 18_000 < found["twice_high_ms"]


def test_no_number_of_executors_takes_less_than_the_driver() -> None:
    work = made(executors=1)
    work.at = 10_000
    work.stage([20_000] * 64)
    assert figures_of(work)["four_times_low_ms"] == 10_000


def test_one_long_task_does_not_scale() -> None:
    work = made(executors=4)
    work.stage([task(20_000), *[500] * 12])
    found = figures_of(work)
    assert found["twice_ms"] == found["four_times_ms"] == 20_000


def test_many_tasks_are_grouped_without_changing_the_result() -> None:
    work = made(executors=2)
    work.stage([10] * 6_000)
    assert figures_of(work)["twice_ms"] == pytest.approx(15_000, rel=0.02)


def test_a_cut_log_has_none() -> None:
    work = made(executors=2)
    work.stage([1_000] * 8)
    work.application["completeness"] = "truncated"
    assert not [row for row in work.view().tables["findings"].to_pylist() if row["code"] == "what_if"]


def in_threads() -> Made:
    work = made(executors=1)
    for begin, length in ((1_000, 5_000), (1_000, 400), (1_700, 300), (1_000, 600), (1_900, 500)):
        work.at = begin
        work.stage([task(length, at=begin)])
    work.at = 6_000
    return work


def test_a_job_beside_others_continues_the_thread_that_is_idle_longest() -> None:
    view = in_threads().view()
    jobs, others = work_of(view, 1).jobs, work_of(view, 1, by_thread=False).jobs
    # submitted at 1000 (three), 1700, 1900
    assert [job.after for job in jobs] == [None, None, None, 1, 2]
    assert [job.gap for job in jobs] == [1_000, 1_000, 1_000, 300, 300]
    assert [job.after for job in others] == [None, None, None, 2, 2]


def test_the_range_has_the_durations_of_both_orders() -> None:
    # the fourth job continues the second one or the third one
    def jobs() -> Made:
        work = made(executors=4)
        for begin, length in ((0, 9_000), (0, 2_000), (0, 8_000), (8_100, 10_000)):
            work.at = begin
            work.stage([task(length, at=begin)])
        return work

    view, found = jobs().view(), figures_of(jobs())
    orders = [work_of(view, 4), work_of(view, 4, by_thread=False)]
    assert [[job.after for job in order.jobs] for order in orders] == [[None, None, None, 1], [None, None, None, 2]]
    first, second = (found["duration_ms"] + replay(order, 2) - replay(order, 4) for order in orders)
    assert found["half_low_ms"] <= min(first, second) and max(first, second) <= found["half_high_ms"]


def test_a_stage_that_waits_for_a_busy_slot_is_not_delayed() -> None:
    work = made(executors=1)
    for begin, launched, length in ((0, 0, 1_000), (200, 1_050, 500)):
        work.at = begin
        work.stage([task(length, at=launched)])
    assert [job.stages[0].delay for job in work_of(work.view(), 1).jobs] == [0, 50]
    assert [job.stages[0].delay for job in work_of(work.view(), 2).jobs] == [0, 850]


@pytest.mark.parametrize("slots", [2, 8, 30])
@pytest.mark.parametrize("tasks", [70, 1000])
def test_a_large_stage_ends_as_if_its_tasks_were_replayed_one_by_one(slots: int, tasks: int) -> None:
    dice = random.Random(tasks)
    durations = tuple(dice.uniform(50, 150) for _ in range(tasks))
    free = [0.0] * slots
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    work = Work((JobWork((StageWork(durations, (), 0.0),), None, 0.0),), 0.0)
    assert abs(replay(work, slots) - max(free)) < 100  # the mean of one task


def test_a_large_stage_leaves_the_slots_to_the_next_one_in_order() -> None:
    large, small = StageWork((10.0,) * 1000, (), 0.0), StageWork((5.0,), (0,), 0.0)
    assert replay(Work((JobWork((large, small), None, 0.0),), 0.0), 10) == pytest.approx(1005, abs=10)
