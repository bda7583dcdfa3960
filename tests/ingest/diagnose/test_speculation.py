"""A speculative copy that finished first: its task waited for a slow machine, not for partitions."""

import json

from tests.ingest.diagnose.builders import Made, Row, task

_BEATEN = {"status": "KILLED", "failure_reason": "TaskKilled: another attempt succeeded"}


def _attempts(hangs_ms: int, others: int) -> list[Row]:
    """Tasks of 1 s, and one that hangs until a copy of 900 ms replaces it."""
    copy = task(900, index=others, speculative=True, at=hangs_ms - 900)
    return [*(task(1_000) for _ in range(others)), task(hangs_ms, index=others, **_BEATEN), copy]


def test_a_stage_that_waited_for_a_copy_needs_no_partitions() -> None:
    helped = Made(executors=8)
    helped.stage(_attempts(4_000, others=2))
    assert helped.findings() == []
    plain = Made(executors=8)
    plain.stage([task(1_000), task(1_000), task(4_000)])
    assert plain.codes() == ["few_partitions"]


def test_cores_idle_beside_an_attempt_that_hangs_are_no_fault() -> None:
    helped = Made(executors=8)
    helped.stage(_attempts(120_000, others=2))
    assert helped.findings() == []
    slow = Made(executors=8)
    slow.stage([task(40_000), task(40_000), *_attempts(120_000, others=2)[2:]])
    assert "few_partitions" in slow.codes()  # it has few tasks even without the one that hangs
    few = json.loads(slow.one("few_partitions")["figures"])
    assert few["stage_ms"] == 40_000


def test_the_attempt_that_a_copy_replaced_is_a_straggler() -> None:
    work = Made(executors=8)
    work.warm()
    work.stage(_attempts(9_000, others=6))
    row = work.one("straggler")
    assert row["message"].endswith("A speculative copy finished before it.")
    assert row["cost_ms"] == 8_000 and json.loads(row["figures"])["duration_ms"] == 9_000
    assert "speculation_wasted" not in work.codes()


def test_a_copy_that_lost_is_no_straggler() -> None:
    work = Made(executors=8)
    work.warm()
    lost = task(9_000, index=6, speculative=True, **_BEATEN)
    work.stage([*(task(1_000) for _ in range(7)), lost])
    assert "straggler" not in work.codes()
