"""One application's tables -> its runs, parents before children."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ...schemas.logs import EventLogTables
from ...schemas.runs.tree import Run, RunTree
from ...schemas.runs.tree import TaskRuns as TaskRunsOf
from .annotations import with_said
from .material import Material
from .overview import mark_overview
from .run_builders import StageTaskRuns, application_run, branch_run, job_run, stage_run
from .searches import Branch, branches, job_parent
from .task_runs import choose_task_runs

Rows = list[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class TaskRuns:
    """Which tasks get a run. `all`: every task while there are no more than `at_most`, else the notable ones."""

    policy: Literal["all", "notable", "none"] = "all"
    at_most: int = 2000


def derive(tables: EventLogTables, task_runs: TaskRuns | None = None) -> RunTree:
    """The runs of one application attempt, with the figures that schemas.run_metrics declares."""
    of, wanted = Material(tables), task_runs or TaskRuns()
    by_job: dict[int | None, Rows] = {}
    for stage in of.stages:
        by_job.setdefault(stage["job_id"], []).append(stage)
    above = {branch.key: branch for branch in branches(tables.tables, of.root)}
    parents = {job["job_id"]: job_parent(of.root, job, set(above)) for job in of.jobs}
    jobs = [job_run(of, job, by_job.get(job["job_id"], []), parents[job["job_id"]]) for job in of.jobs]
    chosen = choose_task_runs(tables["tasks"], wanted.policy, wanted.at_most)
    root = application_run(of)
    left = len(tables["tasks"]) - len(chosen)
    if left:
        root = replace(root, tags={**root.tags, "afterglow.tasks_without_run": str(left)})
    runs, tasks = [root], dict[str, TaskRunsOf]()
    for run in _in_order(of.root, [*_branch_runs(of, above, parents, by_job), *jobs]):
        runs.append(run)
        if run.level == "job":
            runs.extend(_below(of, by_job.get(int(run.tags["spark.job.id"]), []), run, chosen, tasks))
    runs.extend(_below(of, by_job.get(None, []), root, chosen, tasks))
    scans = {(row["format"], row["location"]): None for row in tables["sql_scans"].to_pylist()}
    return RunTree(mark_overview(with_said(runs, tables["annotations"], of.root)), tasks, tuple(scans))


def _branch_runs(
    of: Material, above: Mapping[str, Branch], parents: Mapping[int, str], by_job: Mapping[int | None, Rows]
) -> Iterator[Run]:
    below: dict[str, Rows] = {}
    for job in of.jobs:
        key = parents[job["job_id"]]
        while key in above:
            below.setdefault(key, []).append(job)
            key = above[key].parent
    for branch in above.values():
        jobs = below.get(branch.key, [])
        yield branch_run(of, branch, jobs, [stage for job in jobs for stage in by_job.get(job["job_id"], [])])


def _below(
    of: Material, stages: Rows, parent: Run, chosen: Mapping[int, str | None], tasks: dict[str, TaskRunsOf]
) -> Iterator[Run]:
    """The runs of these stages; those of their tasks that get one are added to `tasks`."""
    ordered = sorted(stages, key=lambda s: (s["submission_time_ms"] or 0, s["stage_id"], s["stage_attempt"]))
    for stage in ordered:
        at = of.rows([stage])
        run = stage_run(of, stage, parent, at)
        with_run = [row for row in at.tolist() if row in chosen]
        if len(with_run) < len(at):
            left = {"afterglow.tasks_without_run": str(len(at) - len(with_run))}
            run = replace(run, tags={**run.tags, **left})
        if with_run:
            tasks[run.key] = StageTaskRuns(of, np.array(with_run), run, chosen)
        yield run


def _in_order(root: str, runs: list[Run]) -> Iterator[Run]:
    """Parents before children, children by start (equal starts as they stand)."""
    below: dict[str | None, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.start_ms):
        below.setdefault(run.parent, []).append(run)
    pending = below.get(root, [])[::-1]
    while pending:
        run = pending.pop()
        yield run
        pending.extend(below.get(run.key, [])[::-1])
