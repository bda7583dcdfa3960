"""Recurring jobs: the figures of one run of a job, what counts as a regression, and its thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .logs import WHOLE

Kind = Literal["slower", "waited", "dearer", "spill", "finding", "failed"]


@dataclass(frozen=True, slots=True)
class RegressionKind:
    """One way in which a run can be worse than the runs of its job before. `counts` is False for a note."""

    kind: Kind
    doc: str
    counts: bool = True


KINDS: tuple[RegressionKind, ...] = (
    RegressionKind("failed", "The application failed, or its log has no end."),
    RegressionKind("slower", "It took longer than usual for its amount of data, or its tasks had more CPU time."),
    RegressionKind(
        "waited",
        "It took longer than usual, but its tasks computed as much as usual and waited for the rest. The machines, the "
        "storage or the network were slower. This is a note and no regression.",
        counts=False,
    ),
    RegressionKind("dearer", "Its executors cost more, or had more core hours if there are no prices."),
    RegressionKind("spill", "It spilled more bytes to disk."),
    RegressionKind(
        "finding", "It has a new critical finding, or a new warning and is also slower, dearer or spills more."
    ),
)
COUNTED = frozenset(one.kind for one in KINDS if one.counts)

COMPARED_RUNS = 20
"""Default number of complete runs before, whose median and spread a run is compared with."""
MIN_RUNS = 3
MIN_EFFECT = 0.2
"""A figure that exceeds the median by less than this share is usual."""
SPREADS, MIN_SPREAD_RATIO, FEW_RUNS = 4.0, 0.03, 3.0
"""A figure is usual up to SPREADS * (1 + FEW_RUNS / runs) spreads above the median. The spread is 1.4826 times the
median absolute deviation, and at least MIN_SPREAD_RATIO of the median."""
MIN_SECONDS, MIN_SPILL_BYTES, MIN_GROWTH = 0.5, 16 * 2**20, 1.1
SAME_WORK_RATIO, MIN_WAIT_RATIO, PYTHON_RATIO = 1.1, 1.15, 0.1
"""A run waited if its CPU time is below SAME_WORK_RATIO of the usual, and the run time of its tasks per CPU time is
above MIN_WAIT_RATIO of the usual. The CPU time of Python is not measured, so a run with PYTHON_RATIO of it cannot
say."""

DURATION, CPU, RUN, CORE_HOURS, COST = (
    "time/duration_s",
    "time/executor_cpu_s",
    "time/executor_run_s",
    "resources/core_hours",
    "cost/total",
)
SPILL, PYTHON = "spill/disk_bytes", "wall_time/python_s"
MAX_INPUT = {"io/max_stage_input_records": "input_records", "io/max_stage_input_bytes": "input_bytes"}
"""Metric of an application -> the column of `stages` whose greatest value it is."""
DATA = (*MAX_INPUT, "shuffle/write_records")
"""Measures of the amount of data, of which the first that the run and most of the runs before have is used. Sums of
input would grow where a job reads the same data again."""
METRICS = (DURATION, CPU, RUN, CORE_HOURS, COST, SPILL, PYTHON, *DATA, "shuffle/read_bytes", "tasks/total")
"""The metrics of an application that its history needs."""

JOB_TAG, FOUND_BY_TAG, FINDINGS_TAG = "afterglow.job", "afterglow.job.found_by", "afterglow.findings"
REGRESSION_TAG, SINCE_TAG, SENT_TAG = (
    "afterglow.regression",
    "afterglow.regression.since",
    "afterglow.regression.sent",
)


@dataclass(frozen=True, slots=True)
class JobRun:
    """One application as a run of its job. `findings` are code -> severity. Metrics that are 0 may be missing.

    `currency` is that of its costs, "" if it has none.
    """

    job: str
    app_id: str
    app_attempt: str | None
    name: str
    start_ms: int
    status: str
    completeness: str
    metrics: Mapping[str, float]
    findings: Mapping[str, str] = field(default_factory=dict)
    regression: str = ""
    since: str = ""
    run_id: str | None = None
    url: str | None = None
    orchestrators: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""

    @property
    def is_comparable(self) -> bool:
        """Whether its figures are those of the whole work."""
        return self.status == "FINISHED" and self.completeness in WHOLE

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds in its regression tag."""
        return kinds_of(self.regression)


def kinds_of(regression: str) -> tuple[str, ...]:
    """The kinds in the value of the regression tag, `slower, spill: sentence`."""
    return tuple(filter(None, regression.partition(":")[0].split(", "))) if regression else ()


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which a run is worse than usual. Figures are None for kinds that are no figure."""

    kind: Kind
    text: str
    value: float | None = None
    usual: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run compared with the runs of its job before.

    `runs` is the number of complete runs before. `ratios` are its figures divided by the usual ones. `since` is the
    application id of the run in which the regression began.
    """

    runs: int
    deviations: Sequence[Deviation] = ()
    ratios: Mapping[str, float] = field(default_factory=dict)
    since: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that count as a regression."""
        return tuple(one.kind for one in self.deviations if one.kind in COUNTED)

    @property
    def tag(self) -> str:
        """The value of the regression tag; empty if nothing is worse."""
        sentences = " ".join(one.text for one in self.deviations if one.kind in COUNTED)
        return f"{', '.join(self.kinds)}: {sentences}" if self.kinds else ""
