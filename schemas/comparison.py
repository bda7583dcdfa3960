"""A comparison of two applications, A (before) and B (after), as a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["slower", "faster", "about the same"]

SAME_RATIO, SAME_S = 0.05, 1.0
"""A change of less than this share, or of less than so many seconds, is none."""

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
"""Metrics of the applications that are set side by side; --fail-if takes any."""

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
"""What else changed with a stage's time, and the metrics that say so."""


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage of one application, its attempts together. `plan` is stages.plan_hash; `order` counts by submission."""

    stage_id: int
    name: str
    plan: str | None
    order: int
    duration_s: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Side:
    """One application attempt as it is compared. `quiet_s` is the time in which no stage of it ran."""

    label: str
    app_id: str
    app_attempt: str | None
    name: str
    complete: bool
    metrics: Mapping[str, float]
    stages: Sequence[StageFigures]
    findings: Sequence[Mapping[str, Any]]
    quiet_s: float


@dataclass(frozen=True, slots=True)
class Change:
    """One figure on both sides, in the metric's unit; None where a side does not have it."""

    name: str
    unit: str
    a: float | None
    b: float | None

    @property
    def by(self) -> float:
        """B minus A; what a side does not have is 0."""
        return (self.b or 0.0) - (self.a or 0.0)

    @property
    def ratio(self) -> float | None:
        """By which share of A; None where A is 0."""
        return self.by / self.a if self.a else None


@dataclass(frozen=True, slots=True)
class StageChange:
    """Stages with one plan and one name: how many there are on each side, and what they took together. `pairs` are the
    stage ids that were matched, `why` what else changed, in words."""

    name: str
    count_a: int
    count_b: int
    duration: Change
    pairs: Sequence[tuple[StageFigures | None, StageFigures | None]]
    why: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from A to B. Stages are ordered by the time they lost or gained, findings by cost."""

    a: Side
    b: Side
    verdict: Verdict
    sentence: str
    metrics: Sequence[Change]
    stages: Sequence[StageChange]
    findings_new: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    findings_gone: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
