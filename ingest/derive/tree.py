"""One application's tables -> its runs, parents before children."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ...schemas.prices import PriceList
from ...schemas.runs.tree import Run, RunTree
from ..application_view import ApplicationView
from ..task_arrays import Row
from .annotations import apply_annotations
from .answers import tag_answers
from .datasets import sources_of_runs
from .group_models import add_models
from .limit_runs import RunLimits, choose_job_runs, choose_stage_runs, count_left_out
from .nesting import nest
from .overview import mark_overview
from .refits import refit_branches
from .run_builders import StageTaskRuns, application_run, branch_run, job_run, stage_run
from .run_factory import RunFactory
from .searches import Branch, branches, job_parent
from .sessions import move_into_sessions, session_branches
from .streaming import batch_histories, move_into_queries, query_branches
from .task_runs import choose_task_runs


@dataclass(frozen=True, slots=True)
class TaskRuns:
    """Which tasks get a run. `all` means every task if there are at most `at_most`, otherwise the notable ones."""

    policy: Literal["all", "notable", "none"] = "all"
    at_most: int = 2000


def derive(
    app: ApplicationView,
    task_runs: TaskRuns | None = None,
    limits: RunLimits | None = None,
    orchestrator_urls: Mapping[str, str] | None = None,
    prices: PriceList | None = None,
) -> RunTree:
    """The run tree of one application attempt, with the metrics that schemas.runs.metrics declares.

    `limits` bounds the number of jobs and stages with a run. `orchestrator_urls` are base addresses by orchestrator.
    With `prices` the runs have costs.
    """
    factory, chosen_by, at_most = RunFactory(app, prices), task_runs or TaskRuns(), limits or RunLimits()
    queries = query_branches(app.tables, factory.root, app.state != "RUNNING")
    searches = [*branches(app.tables, factory.root), *refit_branches(app.tables, factory.root, app.jobs)]
    above = {branch.key: branch for branch in (*searches, *queries)}
    parents = {job["job_id"]: job_parent(factory.root, job, set(above)) for job in app.jobs}
    move_into_queries(factory.root, app.jobs, parents, set(above))
    sessions = session_branches(app.tables, factory.root)
    if sessions:
        moved = move_into_sessions(app.tables, factory.root, list(above.values()), app.jobs, parents)
        above = {branch.key: branch for branch in (*sessions, *moved)}
    with_run = choose_job_runs(app, parents, [query.key for query in queries], at_most.jobs)
    stages_with_run = choose_stage_runs(app, with_run, at_most.stages)
    jobs = [job_run(factory, job, parents[job["job_id"]]) for job in app.jobs if job["job_id"] in with_run]
    chosen = choose_task_runs(app, chosen_by.policy, chosen_by.at_most, stages_with_run)
    root = application_run(factory, orchestrator_urls)
    runs, stages = [_without_task_runs(root, len(app) - len(chosen))], dict[str, int]()

    def add_stages(job_id: int | None, parent: Run) -> None:
        of_job = [stage for stage in app.stages_of_job.get(job_id, []) if stage in stages_with_run]
        for stage in sorted(of_job, key=lambda stage: (app.span(stage)[0], stage)):
            run, left = stage_run(factory, stage, parent), sum(row not in chosen for row in app.rows(stage).tolist())
            runs.append(_without_task_runs(run, left))
            stages[run.key] = stage

    for run in _in_order(factory.root, [*_branch_runs(factory, above, parents), *jobs]):
        runs.append(run)
        if run.level == "job":
            add_stages(int(run.tags["spark.job.id"]), run)
    add_stages(None, root)
    nested = nest(runs, {key: int(app.ended[app.rows(stage)].max(initial=0)) for key, stage in stages.items()})
    tasks = {
        run.key: StageTaskRuns(factory, rows, run, chosen)
        for run in nested
        if run.key in stages and len(rows := np.array([r for r in app.rows(stages[run.key]).tolist() if r in chosen]))
    }
    with_models = add_models(nested, app.tables["models"], factory)
    histories = batch_histories(app.tables["streaming_batches"], factory.root)
    with_batches = [replace(run, history=histories[run.key]) if run.key in histories else run for run in with_models]
    left_jobs = Counter(parents[job["job_id"]] for job in app.jobs if job["job_id"] not in with_run)
    left_stages = Counter(
        f"{factory.root}/job/{row['job_id']}" if row["job_id"] in with_run else parents.get(row["job_id"], factory.root)
        for stage, row in enumerate(app.stages)
        if stage not in stages_with_run
    )
    counted = count_left_out(with_batches, left_jobs, left_stages, factory.root)
    annotated = apply_annotations(counted, app.tables["annotations"], factory.root)
    return RunTree(mark_overview(tag_answers(annotated)), tasks, sources_of_runs(app, nested, stages))


def _without_task_runs(run: Run, number: int) -> Run:
    return replace(run, tags={**run.tags, "afterglow.tasks_without_run": str(number)}) if number else run


def _branch_runs(factory: RunFactory, above: Mapping[str, Branch], parents: Mapping[int, str]) -> Iterator[Run]:
    below: dict[str, list[Row]] = {}
    for job in factory.app.jobs:
        key = parents[job["job_id"]]
        while key in above:
            below.setdefault(key, []).append(job)
            key = above[key].parent
    for branch in above.values():
        yield branch_run(factory, branch, below.get(branch.key, []))


def _in_order(root: str, runs: list[Run]) -> Iterator[Run]:
    """Sort parents before children and children by start; equal starts keep their order."""
    below: dict[str | None, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.start_ms):
        below.setdefault(run.parent, []).append(run)
    pending = below.get(root, [])[::-1]
    while pending:
        run = pending.pop()
        yield run
        pending.extend(below.get(run.key, [])[::-1])
