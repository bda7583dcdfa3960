"""Findings about persisted data."""

import pytest

from tests.ingest.diagnose.builders import START, Made, task


def persisted(read_bytes: list[int], run_ms: int = 5_000, **job: object) -> Made:
    """A stage of eight tasks that persists RDD 4, and a later one that reads it; 0 bytes are a block that is lost."""
    work = Made(duration_ms=60_000)
    for sizes in ([0] * 8, read_bytes):
        tasks = [task(500 if size else run_ms, input_bytes=size) for size in sizes]
        if sizes:
            work.stage(tasks, persisted_rdd_ids=[4], source_rdd_ids=[0], job=job)
    return work


def test_persisted_blocks_that_memory_did_not_hold() -> None:
    row = persisted([1_000] * 5 + [0] * 3).one("cache_lost")
    assert row["cause"] == "memory" and "3 tasks of 1 stage computed partitions" in row["message"]
    assert row["cost_ms"] == pytest.approx(3 * 4_500 / 4)


def test_persisted_blocks_that_went_with_their_executor() -> None:
    work = persisted([1_000] * 5 + [0] * 3)
    work.executors[0] |= {"remove_time_ms": START + 10_000, "remove_reason": "worker lost"}
    assert work.one("cache_lost")["cause"] == "executor lost"


@pytest.mark.parametrize(
    "read_bytes, run_ms",
    [
        ([1_000] * 8, 5_000),  # all blocks are there
        ([0] * 8, 5_000),  # no block is read at all: the stage may do something else
    ],
)
def test_persisted_data_that_is_read_is_none(read_bytes: list[int], run_ms: int) -> None:
    assert persisted(read_bytes, run_ms).codes() == []


def test_a_task_that_is_done_at_once_had_nothing_to_compute() -> None:
    work = persisted([1_000] * 5 + [0] * 3)
    for row in work.rows["tasks"][13:]:
        row["executor_run_time_ms"] = 2_400
    assert work.codes() == []


def test_persisted_data_that_no_later_action_reads() -> None:
    row = persisted([]).one("cache_unused")
    assert row["cost_ms"] == 5_000 and "RDD 4, which no later action reads" in row["message"]


def test_what_a_fit_persists_is_its_own() -> None:
    assert persisted([], fit_uid="fit-1").codes() == []
    assert persisted([1_000] * 5 + [0] * 3, fit_uid="fit-1").codes() == []


def test_an_application_that_did_not_end_may_still_read_it() -> None:
    work = persisted([])
    work.application["completed"] = False
    assert work.codes() == []
