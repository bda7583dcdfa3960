"""A run and the run tree, as values that derive makes and publish writes; what they carry is in run_metrics and
run_texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ..findings.thresholds import Finding
from .levels import Level

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run as derive makes it: no MLflow in it, everything in the units of RUN_METRICS.

    `history` is per metric a sequence of (step, time_ms, value); its last value is not repeated in `metrics`.
    `parent` is the parent's key, None for an application. `findings` are those about the run, of an application all;
    dearest first.
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
        """End minus start; None while it runs."""
        return None if self.end_ms is None else (self.end_ms - self.start_ms) / 1e3


class TaskRuns(Protocol):
    """The runs of one stage attempt's tasks, by launch. They are made anew whenever they are gone through, so that
    100,000 of them are never held at once."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Run]: ...


@dataclass(frozen=True, slots=True)
class RunTree:
    """All runs of one application attempt.

    `runs` are those above the tasks, parents before children, children by start; `tasks` those of the tasks, by the
    stage run's key. `datasets` are (format, location) of every source the application read.
    """

    runs: Sequence[Run]
    tasks: Mapping[str, TaskRuns] = field(default_factory=dict)
    datasets: Sequence[tuple[str, str]] = ()

    @property
    def application(self) -> Run:
        """The root."""
        return self.runs[0]

    def __len__(self) -> int:
        return len(self.runs) + sum(map(len, self.tasks.values()))

    def all(self) -> Iterator[Run]:
        """Every run, each stage's followed by its tasks'."""
        for run in self.runs:
            yield run
            yield from self.tasks.get(run.key, ())

    def children(self) -> Mapping[str, Sequence[Run]]:
        """Key -> the runs directly below it, without tasks."""
        below: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.parent is not None:
                below.setdefault(run.parent, []).append(run)
        return below
