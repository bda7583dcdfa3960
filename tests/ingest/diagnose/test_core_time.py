"""Where the core time went: parts that are never negative and cover it without gap or overlap."""

import json

import pytest

from afterglow.ingest.diagnose.core_time import core_time
from tests.ingest.diagnose.builders import Made, task


def test_an_engine_with_threads_of_its_own_takes_no_more_than_its_tasks() -> None:
    work = Made(executors=2, cores=4)
    work.stage([task(10_000, executor_cpu_time_ns=25 * 10**9)] * 8)
    parts = core_time(work.view())
    assert parts["CPU"] == 80_000 and sum(parts.values()) == 80_000


def test_tasks_take_the_cpus_of_their_stage() -> None:
    work = Made(executors=2, cores=4)
    work.stage([task(10_000, str(n % 2 + 1), at=n // 2 * 10_000) for n in range(8)], task_cpus=4.0)
    parts = core_time(work.view())
    assert sum(parts.values()) == 8 * 40_000 == work.view().timeline.busy_ms(0, 2**62)
    assert parts["idle beside other tasks"] == 0 and "idle_cores" not in {row["code"] for row in work.findings()}


def test_shares_of_the_message_sum_to_100() -> None:
    work = Made(duration_ms=31_000)
    work.stage([task(9_000, jvm_gc_time_ms=333, shuffle_fetch_wait_ms=777)] * 7)
    (row,) = [r for r in work.view().tables["findings"].to_pylist() if r["code"] == "core_hours"]
    numbers = [int(part.split(" %")[0]) for part in row["message"].split(": ")[1].split(", ") if " %" in part]
    assert sum(numbers) == 100
    figures = json.loads(row["figures"])
    assert figures.pop("core_ms") == pytest.approx(sum(figures.values()))


def test_a_task_whose_end_is_unknown_takes_its_run_time() -> None:
    work = Made(executors=1)
    work.stage([task(10_000)])
    work.rows["tasks"][0] |= {"duration_ms": None, "finish_time_ms": None, "executor_run_time_ms": 4_000}
    parts = core_time(work.view())
    assert parts["CPU"] == 4_000 and parts["idle while no task ran"] == 6_000 and sum(parts.values()) == 10_000
