"""A run and the run tree, which derive creates and publish writes. schemas.runs declares what they contain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from ..findings.threshold_overrides import Finding
from .levels import Level

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run, independent of MLflow, with metrics in the units of RUN_METRICS.

    `history` maps a metric to a sequence of (step, time_ms, value), whose last value is not repeated in `metrics`.
    `parent` is the parent's key, None for an application. `findings` are those about the run, most expensive first; an
    application has all of them.
    """

    level: Level
    key: str
    parent: str | None
    name: str
    status: Status
    start_ms: int
    end_ms: int | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, Sequence[tuple[int, int, float]]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()

    @property
    def duration_s(self) -> float | None:
        """End minus start, in seconds. None while the run is running."""
        return None if self.end_ms is None else (self.end_ms - self.start_ms) / 1e3

    def as_dict(self) -> dict[str, Any]:
        """The run as JSON-serializable values, without tags, history and findings."""
        names = ("level", "key", "parent", "name", "status", "start_ms", "end_ms", "params", "metrics")
        return {name: getattr(self, name) for name in names}


class TaskRuns(Protocol):
    """The task runs of one stage attempt, by launch time.

    Every iteration creates them again, so that 100,000 of them are never held in memory at once.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Run]: ...


class Source(NamedTuple):
    """Something that was read: its format, its path or table, and the table of the catalog that a path belongs to."""

    format: str
    location: str
    table: str | None = None


@dataclass(frozen=True, slots=True)
class RunTree:
    """All runs of one application attempt.

    `runs` are all runs but the task runs: parents before children, children by start. `tasks` maps the key of a stage
    run to its task runs. `datasets` maps the application, searches and fits to the sources that they read.
    """

    runs: Sequence[Run]
    tasks: Mapping[str, TaskRuns] = field(default_factory=dict)
    datasets: Mapping[str, Sequence[Source]] = field(default_factory=dict)

    @property
    def application(self) -> Run:
        """The root of the tree."""
        return self.runs[0]

    def __len__(self) -> int:
        return len(self.runs) + sum(map(len, self.tasks.values()))

    def all(self) -> Iterator[Run]:
        """Yield every run. Task runs follow their stage run."""
        for run in self.runs:
            yield run
            yield from self.tasks.get(run.key, ())

    def children(self) -> Mapping[str, Sequence[Run]]:
        """Map a key to the runs directly below it, without task runs."""
        below: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.parent is not None:
                below.setdefault(run.parent, []).append(run)
        return below
