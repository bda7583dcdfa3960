"""The comparison of two applications, A (before) and B (after)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["slower", "faster", "about the same", "not comparable"]

SAME_RATIO, SAME_S = 0.05, 1.0
"""A smaller relative change, or a smaller change in seconds, does not count as a change."""

SHOWN_METRICS = (
    "time/duration_s",
    "time/executor_run_s",
    "time/executor_cpu_s",
    "time/gc_s",
    "time/scheduler_delay_s",
    "shuffle/fetch_wait_s",
    "tasks/total",
    "tasks/failed",
    "io/input_bytes",
    "io/output_bytes",
    "shuffle/read_bytes",
    "shuffle/write_bytes",
    "spill/disk_bytes",
    "executors/total",
    "executors/idle_ratio",
)
"""Metrics of the applications in the comparison. --fail-if accepts any metric."""

STAGE_CAUSES = {
    "bytes read": ("io/input_bytes", "shuffle/read_bytes"),
    "bytes written": ("io/output_bytes", "shuffle/write_bytes"),
    "spill to disk": ("spill/disk_bytes",),
    "CPU time": ("time/executor_cpu_s",),
    "garbage collection": ("time/gc_s",),
    "waiting for shuffle": ("shuffle/fetch_wait_s",),
    "scheduler delay": ("time/scheduler_delay_s",),
    "tasks": ("tasks/total",),
    "failed tasks": ("tasks/failed",),
}
"""Reasons for a change of a stage's time, with the metrics that show them."""


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage of one application, all attempts together. `plan` is stages.plan_hash; `order` counts submissions."""

    stage_id: int
    name: str
    plan: str | None
    order: int
    duration_s: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Side:
    """One application attempt in a comparison. `quiet_s` is the time in which none of its stages ran."""

    label: str
    app_id: str
    app_attempt: str | None
    name: str
    complete: bool
    metrics: Mapping[str, float]
    stages: Sequence[StageFigures]
    findings: Sequence[Mapping[str, Any]]
    quiet_s: float
    problem: str | None = None
    failed_jobs: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One metric on both sides, in its unit. None where a side does not have it."""

    name: str
    unit: str
    a: float | None
    b: float | None

    @property
    def by(self) -> float:
        """B minus A. A missing side counts as 0."""
        return (self.b or 0.0) - (self.a or 0.0)

    @property
    def ratio(self) -> float | None:
        """The change relative to A. None where A is 0."""
        return self.by / self.a if self.a else None


@dataclass(frozen=True, slots=True)
class StageChange:
    """Stages of one plan and one name: their number and total time on each side.

    `pairs` are the matched stages. `why` lists the reasons for the change in words.
    """

    name: str
    count_a: int
    count_b: int
    duration: Change
    pairs: Sequence[tuple[StageFigures | None, StageFigures | None]]
    why: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Changes from A to B. Stages are sorted by their change in time, findings by cost."""

    a: Side
    b: Side
    verdict: Verdict
    sentence: str
    metrics: Sequence[Change]
    stages: Sequence[StageChange]
    findings_new: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    findings_gone: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    problems: Sequence[str] = ()
