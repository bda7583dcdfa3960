"""Tables and run tree -> what every picture is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...schemas.logs import EventLogTables
from ...schemas.report import STRAGGLER_MS, STRAGGLER_RATIO
from ...schemas.runs.tree import Run, RunTree
from .. import arrow
from .critical_path import Span, critical_path
from .time_breakdown import greatest, parts

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Tasks:
    """The task attempts that ended, in the order of the table. `stage` is the position in Facts.stages, `executor` in
    Facts.executors; `bytes` are those read, from storage, cache and shuffle; `part` is the position in PARTS of what
    most of its time went to, -1 where that is not known; `straggler` is how many times its stage's median it took, 0
    where it is none."""

    stage: Array
    executor: Array
    task_id: Array
    index: Array
    attempt: Array
    start: Array
    duration: Array
    bytes: Array
    part: Array
    outcome: Array
    straggler: Array

    def __len__(self) -> int:
        return len(self.stage)


OUTCOMES = ("succeeded", "failed", "killed")


@dataclass(frozen=True, slots=True)
class Facts:
    """One application. Times are epoch ms; `stages` are its stage runs that ended, by start; `critical` holds the
    positions of those on the critical path."""

    tree: RunTree
    start: int
    end: int
    stages: Sequence[Run]
    executors: Sequence[str]
    tasks: Tasks
    critical: frozenset[int]
    findings: Sequence[Mapping[str, Any]]
    causes: Mapping[int, str]
    """Task id -> why it straggles, of those that a finding says it of."""

    @property
    def duration_s(self) -> float:
        """From the first to the last moment."""
        return (self.end - self.start) / 1e3


def facts(tree: RunTree, tables: EventLogTables) -> Facts:
    """What is drawn of one application attempt."""
    stages = sorted(
        (run for run in tree.runs if run.level == "stage" and run.end_ms is not None),
        key=lambda run: (run.start_ms, run.key),
    )
    tasks, executors = _tasks(tables["tasks"], {run.tags["spark.stage.id"]: i for i, run in enumerate(stages)})
    root = tree.application
    ends = [root.end_ms or 0, *(run.end_ms or 0 for run in stages)]
    last = int((tasks.start + tasks.duration).max()) if len(tasks) else root.start_ms
    critical = critical_path([Span(run.start_ms, run.end_ms or run.start_ms) for run in stages])
    found = tables.tables.get("findings")
    findings = [] if found is None else found.to_pylist()
    return Facts(
        tree,
        min([root.start_ms, *(run.start_ms for run in stages)]),
        max([*ends, last, root.start_ms + 1]),
        stages,
        executors,
        tasks,
        frozenset(critical),
        sorted(findings, key=lambda row: -(row["cost_ms"] or 0)),
        {
            row["task_id"]: row["cause"].replace("_", " ")
            for row in findings
            if row["task_id"] is not None and row["cause"]
        },
    )


def _tasks(table: Any, stages: Mapping[str, int]) -> tuple[Tasks, list[str]]:
    ids, attempts = arrow.numbers(table, "stage_id"), arrow.numbers(table, "stage_attempt")
    known = np.array([stages.get(f"{i}.{a}", -1) for i, a in zip(ids.tolist(), attempts.tolist(), strict=True)], int)
    at = np.flatnonzero((known >= 0) & arrow.valid(table, "duration_ms") & arrow.valid(table, "launch_time_ms"))
    executor, names = arrow.codes(table, "executor_id")
    order = sorted(range(len(names)), key=lambda i: _natural(names[i] or ""))
    place = np.empty(len(names) + 1, int)
    place[order], place[-1] = np.arange(len(names)), len(names)
    read = arrow.numbers(table, "input_bytes") + arrow.numbers(table, "shuffle_read_bytes")
    outcome = np.zeros(len(known), np.int64)
    for number, status in ((1, "FAILED"), (2, "KILLED")):
        outcome[arrow.equals(table, "status", status)] = number
    duration = np.maximum(arrow.numbers(table, "duration_ms")[at], 0)
    tasks = Tasks(
        known[at],
        place[executor[at]] if len(at) else np.empty(0, int),
        arrow.numbers(table, "task_id")[at],
        arrow.numbers(table, "index")[at],
        arrow.numbers(table, "attempt")[at],
        arrow.numbers(table, "launch_time_ms")[at],
        duration,
        read[at],
        greatest(parts(table, at)),
        outcome[at],
        _stragglers(known[at], duration),
    )
    return tasks, [*(names[i] or "unknown" for i in order), *(["unknown"] if (executor[at] < 0).any() else [])]


def _natural(name: str) -> tuple[bool, int, str]:
    """Executors 1, 2, 10; the driver last."""
    return not name.isdecimal(), int(name) if name.isdecimal() and len(name) < 12 else 0, name


def _stragglers(stage: Array, duration: Array) -> Array:
    times = np.zeros(len(stage))
    order = np.argsort(stage, kind="stable")
    for at in np.split(order, np.flatnonzero(np.diff(stage[order])) + 1) if len(stage) else ():
        median = float(np.median(duration[at]))
        long = (duration[at] >= STRAGGLER_RATIO * median) & (duration[at] >= median + STRAGGLER_MS)
        times[at[long]] = duration[at[long]] / max(median, 1.0)
    return times
