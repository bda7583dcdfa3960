"""One application's tables -> its runs, parents before children."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ...schemas.runs.tree import Run, RunTree
from ...schemas.runs.tree import TaskRuns as TaskRunsOf
from ..application_view import ApplicationView, Row
from .annotations import apply_annotations
from .overview import mark_overview
from .run_builders import StageTaskRuns, application_run, branch_run, job_run, stage_run
from .run_factory import RunFactory
from .searches import Branch, branches, job_parent
from .task_runs import choose_task_runs

Rows = list[Row]


@dataclass(frozen=True, slots=True)
class TaskRuns:
    """Which tasks get a run. `all`: every task while there are no more than `at_most`, else the notable ones."""

    policy: Literal["all", "notable", "none"] = "all"
    at_most: int = 2000


def derive(app: ApplicationView, task_runs: TaskRuns | None = None) -> RunTree:
    """The run tree of one application attempt, with the metrics that schemas.runs.metrics declares."""
    factory, chosen_by = RunFactory(app), task_runs or TaskRuns()
    by_job: dict[int | None, Rows] = {}
    for stage in factory.app.stages:
        by_job.setdefault(stage["job_id"], []).append(stage)
    above = {branch.key: branch for branch in branches(app.tables, factory.root)}
    parents = {job["job_id"]: job_parent(factory.root, job, set(above)) for job in factory.app.jobs}
    jobs = [job_run(factory, job, by_job.get(job["job_id"], []), parents[job["job_id"]]) for job in factory.app.jobs]
    chosen = choose_task_runs(app, chosen_by.policy, chosen_by.at_most)
    root = application_run(factory)
    left = len(app) - len(chosen)
    if left:
        root = replace(root, tags={**root.tags, "afterglow.tasks_without_run": str(left)})
    runs, tasks = [root], dict[str, TaskRunsOf]()
    for run in _in_order(factory.root, [*_branch_runs(factory, above, parents, by_job), *jobs]):
        runs.append(run)
        if run.level == "job":
            runs.extend(_below(factory, by_job.get(int(run.tags["spark.job.id"]), []), run, chosen, tasks))
    runs.extend(_below(factory, by_job.get(None, []), root, chosen, tasks))
    scans = {(row["format"], row["location"]): None for row in app.tables["sql_scans"].to_pylist()}
    return RunTree(mark_overview(apply_annotations(runs, app.tables["annotations"], factory.root)), tasks, tuple(scans))


def _branch_runs(
    factory: RunFactory, above: Mapping[str, Branch], parents: Mapping[int, str], by_job: Mapping[int | None, Rows]
) -> Iterator[Run]:
    below: dict[str, Rows] = {}
    for job in factory.app.jobs:
        key = parents[job["job_id"]]
        while key in above:
            below.setdefault(key, []).append(job)
            key = above[key].parent
    for branch in above.values():
        jobs = below.get(branch.key, [])
        yield branch_run(factory, branch, jobs, [stage for job in jobs for stage in by_job.get(job["job_id"], [])])


def _below(
    factory: RunFactory, stages: Rows, parent: Run, chosen: Mapping[int, str | None], tasks: dict[str, TaskRunsOf]
) -> Iterator[Run]:
    """The runs of these stages; those of their tasks that get one are added to `tasks`."""
    ordered = sorted(stages, key=lambda s: (s["submission_time_ms"] or 0, s["stage_id"], s["stage_attempt"]))
    for stage in ordered:
        at = factory.rows([stage])
        run = stage_run(factory, stage, parent, at)
        with_run = [row for row in at.tolist() if row in chosen]
        if len(with_run) < len(at):
            left = {"afterglow.tasks_without_run": str(len(at) - len(with_run))}
            run = replace(run, tags={**run.tags, **left})
        if with_run:
            tasks[run.key] = StageTaskRuns(factory, np.array(with_run), run, chosen)
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
