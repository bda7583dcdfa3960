"""The division of an application's wall time: whole, never negative, and each part where it belongs."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from afterglow.ingest.diagnose.wall_time import _whole, wall_time
from afterglow.schemas.findings.application import WALL_TIME_PARTS
from tests.ingest.diagnose.builders import START, Made, task


def parts_of(work: Made) -> dict[str, int]:
    """The parts that are not 0, after a check that they are whole."""
    app = work.view()
    found = wall_time(app)
    assert set(found) == set(WALL_TIME_PARTS) and sum(found.values()) == app.duration_ms
    assert min(found.values()) >= 0
    return {name: ms for name, ms in found.items() if ms}


def test_time_without_tasks_is_divided_by_what_happened() -> None:
    work = Made(duration_ms=30_000, executors=2)
    work.executors[0]["add_time_ms"] = START + 3_000
    work.at = 5_000
    work.stage([task(4_000, at=6_000, executor_cpu_time_ns=4 * 10**9)] * 2)
    work.at += 5_000
    work.stage([task(1_000, executor_cpu_time_ns=10**9)] * 2)
    assert parts_of(work) == {
        "starting": 3_000,
        "driver": 2_000 + 5_000,
        "scheduling": 1_000,
        "computing": 5_000,
        "after_end": 30_000 - 16_000,
    }


def test_time_with_tasks_is_divided_by_their_metrics() -> None:
    one = task(
        10_000,
        executor_run_time_ms=9_000,
        executor_cpu_time_ns=2 * 10**9,
        jvm_gc_time_ms=1_000,
        shuffle_fetch_wait_ms=500,
        shuffle_write_time_ns=500 * 10**6,
        memory_spilled_bytes=100_000_000,
        disk_spilled_bytes=1,
        input_bytes=1,
    )
    work = Made(executors=2)
    work.stage([one] * 4, name="save")
    expected = {"scheduling": 1_000, "gc": 1_000, "shuffle": 1_000, "spill": 1_000, "computing": 2_000}
    assert parts_of(work) == {name: 2 * ms for name, ms in (expected | {"reading": 4_000}).items()}
    work.rows["stages"][0]["name"] = work.rows["jobs"][0]["name"] = "collect at job.py:7"
    assert parts_of(work) == {name: 2 * ms for name, ms in (expected | {"python": 4_000}).items()}


def test_idle_cores_are_those_of_the_last_tasks_or_of_few_tasks() -> None:
    work = Made(executors=4)
    work.stage([task(1_000, executor_cpu_time_ns=10**9)] * 3 + [task(9_000, executor_cpu_time_ns=9 * 10**9)], name="x")
    work.stage([task(4_000, executor_cpu_time_ns=4 * 10**9)], name="y")
    assert parts_of(work) == {"computing": 3_000 + 1_000, "straggler": 6_000, "few_tasks": 3_000}


def test_a_stream_waits_for_its_next_batch() -> None:
    work = Made(executors=1)
    for _ in range(3):
        work.at += 2_000
        batch = {"description": "name\nid = 1\nrunId = 5cca4b47-1aa4-4d5a-9f9f-8f2f7a1ba2c0\nbatch = 1"}
        work.stage([task(1_000, executor_cpu_time_ns=10**9)], name="x", job=batch)
    assert parts_of(work) == {"driver": 2_000, "batch_wait": 4_000, "computing": 3_000}


def test_an_application_without_jobs_only_ran_its_driver() -> None:
    assert parts_of(Made(duration_ms=5_000)) == {"driver": 5_000}
    assert sum(wall_time(Made(duration_ms=0).view()).values()) == 0


def test_it_is_the_first_of_the_figures() -> None:
    work = Made(duration_ms=10_000)
    work.stage([task(2_000, executor_cpu_time_ns=2 * 10**9)] * 4)
    rows = {row["code"]: row for row in work.view().tables["findings"].to_pylist()}
    assert rows["wall_time"]["message"] == "Of 10 s: 8 s after the end (80 %), 2 s computing (20 %)."
    assert json.loads(rows["wall_time"]["figures"])["after_end_ms"] == 8_000


amounts = st.integers(0, 20_000)
tasks = st.fixed_dictionaries(
    {
        "duration_ms": st.integers(0, 20_000),
        "executor_run_time_ms": st.none() | amounts,
        "executor_cpu_time_ns": st.none() | st.integers(0, 10**11),
        "jvm_gc_time_ms": st.none() | amounts,
        "shuffle_fetch_wait_ms": amounts,
        "shuffle_write_time_ns": st.integers(0, 10**10),
        "memory_spilled_bytes": st.integers(0, 10**10),
        "disk_spilled_bytes": st.integers(0, 10),
        "input_bytes": st.integers(0, 2),
        "status": st.sampled_from(["SUCCESS", "FAILED", "KILLED", "RUNNING"]),
    }
)
stages = st.tuples(st.lists(tasks, max_size=8), st.integers(0, 5_000), st.sampled_from(["save", "collect at a.py:1"]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(stages, max_size=5),
    st.none() | st.integers(0, 60_000),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(-1_000, 60_000), st.none() | st.integers(-1_000, 60_000)), min_size=4, max_size=4),
)
def test_the_parts_add_up_to_the_duration(
    given_stages: list[Any], duration_ms: int | None, executors: int, times: list[tuple[int, int | None]]
) -> None:
    work = Made(duration_ms=duration_ms, executors=executors)
    for own, gap, name in given_stages:
        work.at += gap
        work.stage([{"executor_id": None, "at": None, **one} for one in own], name=name)
    for executor, (added, removed) in zip(work.executors, times, strict=False):
        executor["add_time_ms"] = START + added
        executor["remove_time_ms"] = None if removed is None else START + removed
    parts_of(work)


def test_the_last_digits_of_a_sum_do_not_move_a_millisecond() -> None:
    assert _whole({"driver": 2759.9999999999995, "gc": 1.0000000000000009}, 2761) == {"driver": 2760, "gc": 1}
    assert _whole({"driver": 2760.0000000000005, "gc": 0.9999999999999991}, 2761) == {"driver": 2760, "gc": 1}
    assert _whole({"driver": 1.5, "gc": 1.5}, 3) == {"driver": 2, "gc": 1}
