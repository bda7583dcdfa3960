"""Collect the data of the report and the stage plots: an application's stage runs and the tasks that ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...schemas.runs.tree import Run, RunTree
from ..application_view import ApplicationView
from ..arrow import Array
from ..task_arrays import Row
from .time_breakdown import greatest, parts

OUTCOMES = ("succeeded", "failed", "killed")


@dataclass(frozen=True, slots=True)
class Tasks:
    """The task attempts that ended, in the order of the tasks table.

    `stage` is the position in ReportData.stages, `executor` in ReportData.executors, `outcome` in OUTCOMES. `bytes`
    were read from storage, cache and shuffle. `part` is the position in PARTS of the part that took most of the time;
    -1 if unknown. `straggler` is the duration divided by the stage's median, 0 for a task that is not a straggler.
    """

    stage: Array
    executor: Array
    task_id: Array
    index: Array
    start: Array
    duration: Array
    bytes: Array
    part: Array
    outcome: Array
    straggler: Array

    def __len__(self) -> int:
        return len(self.stage)


@dataclass(frozen=True, slots=True)
class ReportData:
    """One application. Times are epoch ms; `stages` are its stage runs that ended, by start; `critical` are the
    positions of those on the critical path; `causes` maps the id of a straggling task to its cause, where known;
    `cores` are those of the executors that the log knows them of."""

    app: ApplicationView
    tree: RunTree
    start: int
    end: int
    stages: Sequence[Run]
    executors: Sequence[str]
    tasks: Tasks
    critical: frozenset[int]
    findings: Sequence[Row]
    causes: Mapping[int, str]
    cores: Mapping[str, int]

    @property
    def duration_s(self) -> float:
        """From the start to the end."""
        return (self.end - self.start) / 1e3


def report_data(tree: RunTree, app: ApplicationView) -> ReportData:
    """The report's data for one application attempt."""
    stages = sorted(
        (run for run in tree.runs if run.level == "stage" and run.end_ms is not None),
        key=lambda run: (run.start_ms, run.key),
    )
    position = {run.tags["spark.stage.id"]: i for i, run in enumerate(stages)}
    tasks, executors = _tasks(app, position)
    root = tree.application
    last = int((tasks.start + tasks.duration).max()) if len(tasks) else root.start_ms
    on_path = (position.get(app.stage_identity(stage)) for stage in app.critical_path.stages)
    findings = app.findings
    return ReportData(
        app,
        tree,
        min([root.start_ms, *(run.start_ms for run in stages)]),
        max([root.end_ms or 0, *(run.end_ms or 0 for run in stages), last, root.start_ms + 1]),
        stages,
        executors,
        tasks,
        frozenset(i for i in on_path if i is not None),
        sorted(findings, key=lambda row: -(row["cost_ms"] or 0)),
        {row["task_id"]: row["cause"] for row in findings if row["task_id"] is not None and row["cause"]},
        {row["executor_id"]: row["cores"] for row in app.tables["executors"].to_pylist() if row["cores"]},
    )


def _tasks(app: ApplicationView, position: Mapping[str, int]) -> tuple[Tasks, list[str]]:
    """The tasks of the stage runs at these positions, and the names of all executors in natural order."""
    shown = np.array([*(position.get(app.stage_identity(i), -1) for i in range(len(app.stages))), -1], np.int64)
    stage = shown[app.stage_of]
    at = np.flatnonzero((stage >= 0) & app.known("duration_ms") & app.known("launch_time_ms"))
    codes, names = app.executors
    order = sorted(range(len(names)), key=lambda i: _natural(names[i]))
    place = np.empty(len(names) + 1, np.int64)
    place[order], place[-1] = np.arange(len(names)), len(names)
    outcome = np.zeros(len(app), np.int64)
    for number, status in ((1, "FAILED"), (2, "KILLED")):
        outcome[app.with_status(status)] = number
    median = np.append(app.medians, np.nan)[app.stage_of]
    ratio = np.where(app.stragglers, app.column("duration_ms") / np.fmax(median, 1.0), 0.0)
    tasks = Tasks(
        stage[at],
        place[codes[at]],
        app.column("task_id")[at],
        app.column("index")[at],
        app.column("launch_time_ms")[at],
        np.maximum(app.column("duration_ms")[at], 0),
        app.column("input_bytes")[at] + app.column("shuffle_read_bytes")[at],
        greatest(parts(app, at)),
        outcome[at],
        ratio[at],
    )
    return tasks, [*(names[i] or "unknown" for i in order), *(["unknown"] if (codes[at] < 0).any() else [])]


def _natural(name: str) -> tuple[bool, int, str]:
    """Executors 1, 2, 10; the driver last."""
    return not name.isdecimal(), int(name) if name.isdecimal() and len(name) < 12 else 0, name
