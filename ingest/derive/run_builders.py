"""The run of one application, search, trial, fit, job, stage or task, and what its parts add up to."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...schemas.runs import params_tags as names
from ...schemas.runs.tree import Run, Status
from .. import arrow
from .material import Array, Material
from .searches import Branch
from .task_runs import TASK_RUN_COLUMNS, task_history, task_run
from .timeseries import over_time

_TASKS_AT_ONCE = 4096


def application_run(of: Material) -> Run:
    """The root of the tree."""
    app = of.app
    start = app["start_time_ms"] or of.last
    everything = np.arange(len(of.tables["tasks"]))
    metrics = {
        **of.times(start, None if of.open else of.last),
        **of.figures_of(everything),
        **_job_counts(of.jobs, of.stages),
        "executors/total": float(app["num_executors"]),
    }
    wanted = {
        "spark.version": app["spark_version"],
        "java.version": of.properties.get("Java Version"),
        "executors": app["num_executors"],
        "total_cores": app["total_cores"] or None,
        **{key: of.properties.get(key) for key in names.PARAM_PROPERTIES},
    }
    tags = {
        "afterglow.completeness": app["completeness"],
        "afterglow.log": of.tables.log.name,
        "afterglow.issues": str(app["num_issues"]),
        "spark.app.attempt.id": app["app_attempt"],
        "mlflow.source.name": app["name"],
    }
    status: Status = "RUNNING" if of.open else "FINISHED" if app["completed"] else "KILLED"
    if app["exit_code"]:
        status = "FAILED"
    title = app["name"] or app["app_id"]
    run = of.run(
        "application",
        of.root,
        None,
        title,
        status,
        start,
        of.last,
        metrics,
        tags,
        params={key: str(value) for key, value in wanted.items() if value not in (None, "")},
    )
    return replace(run, history=over_time(of))


def branch_run(of: Material, branch: Branch, jobs: list[Mapping[str, Any]], stages: list[Mapping[str, Any]]) -> Run:
    """The run of a search, a trial or a fit, with the figures of all tasks below it."""
    at = of.rows(stages)
    start = branch.start_ms or of.app["start_time_ms"] or of.last
    metrics = {
        **of.times(start, branch.end_ms),
        **of.figures_of(at),
        **_job_counts(jobs, stages),
        **branch.metrics,
    }
    return of.run(
        branch.level,
        branch.key,
        branch.parent,
        branch.name,
        branch.status,
        start,
        branch.end_ms,
        metrics,
        branch.tags,
        branch.params,
    )


def job_run(of: Material, job: Mapping[str, Any], stages: list[Mapping[str, Any]], parent: str) -> Run:
    """A job under the run with the key `parent`, with the figures of the stages it ran."""
    at = of.rows(stages)
    start = job["submission_time_ms"] or min(
        (stage["submission_time_ms"] for stage in stages if stage["submission_time_ms"]),
        default=of.app["start_time_ms"] or of.last,
    )
    end = job["completion_time_ms"]
    if end is None and job["status"] != "RUNNING":
        end = max((stage["completion_time_ms"] or start for stage in stages), default=start)
    title = job["description"] or job["name"]
    metrics = {
        **of.times(start, end),
        **of.figures_of(at),
        **_stage_counts(stages),
        "stages/skipped": float(job["num_skipped_stages"]),
    }
    tags = {
        "spark.job.id": str(job["job_id"]),
        "spark.job.group": job["group"],
        "spark.job.tags": job["tags"],
        "spark.sql.execution.id": job["sql_execution_id"],
        "spark.failure_reason": job["failure_reason"],
        "afterglow.tuning.uid": job["tuning_uid"],
        "afterglow.trial": job["trial"],
        "afterglow.fold": job["fold"],
        "afterglow.phase": job["phase"],
        "afterglow.estimator": job["estimator_class"],
        "afterglow.estimator.uid": job["estimator_uid"],
    }
    status = {"SUCCEEDED": "FINISHED", "FAILED": "FAILED"}.get(job["status"])
    return of.run(
        "job",
        f"{of.root}/job/{job['job_id']}",
        parent,
        f"job {job['job_id']}" + (f" · {title}" if title else ""),
        status,
        start,
        end,
        metrics,
        tags,
    )


def stage_run(of: Material, stage: Mapping[str, Any], parent: Run, at: Array) -> Run:
    """A stage attempt, with the figures of its tasks, given as rows of their table, and their history."""
    identity = f"{stage['stage_id']}.{stage['stage_attempt']}"
    launches = arrow.numbers(of.tables["tasks"], "launch_time_ms")[at]
    start = stage["submission_time_ms"] or (int(launches.min()) if len(launches) else parent.start_ms)
    metrics = {**of.times(start, stage["completion_time_ms"]), **of.figures_of(at)}
    tags = {"spark.stage.id": identity, "spark.failure_reason": stage["failure_reason"]}
    status = {"COMPLETE": "FINISHED", "FAILED": "FAILED"}.get(stage["status"])
    run = of.run(
        "stage",
        f"{of.root}/stage/{identity}",
        parent.key,
        f"stage {identity}" + (f" · {stage['name']}" if stage["name"] else ""),
        status,
        start,
        stage["completion_time_ms"],
        metrics,
        tags,
    )
    return replace(run, history=task_history(of.tables["tasks"], at))


class StageTaskRuns:
    """The runs of one stage attempt's tasks that get one; see schemas.runs.TaskRuns.

    `at` are their rows in the tasks table, `why` says of each row why it is notable, if it is.
    """

    def __init__(self, of: Material, at: Array, stage: Run, why: Mapping[int, str | None]) -> None:
        tasks = of.tables["tasks"]
        launch, task_id = arrow.numbers(tasks, "launch_time_ms")[at], arrow.numbers(tasks, "task_id")[at]
        self._of, self._stage, self._why = of, stage, why
        self._at = at[np.lexsort((task_id, launch))]

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[Run]:
        shown = self._of.tables["tasks"].select(list(TASK_RUN_COLUMNS))
        for begin in range(0, len(self._at), _TASKS_AT_ONCE):
            at = self._at[begin : begin + _TASKS_AT_ONCE]
            rows = shown.take(arrow.from_numpy(at, "int64")).to_pylist()
            for row, figures, number in zip(rows, self._of.figures.each(at), at.tolist(), strict=True):
                yield _task(self._of, row, figures, self._stage, self._why[number])


def _task(of: Material, row: Mapping[str, Any], figures: Mapping[str, float], stage: Run, why: str | None) -> Run:
    run = task_run(row, stage, of.root, why)
    running = row["status"] == "RUNNING"
    end = None if running else run.end_ms
    metrics = {**of.times(run.start_ms, end, idle=False), **figures, **of.user_of(row["task_id"])}
    status = None if running else run.status
    return of.run("task", run.key, stage.key, run.name, status, run.start_ms, end, metrics, run.tags)


def _job_counts(jobs: list[Mapping[str, Any]], stages: list[Mapping[str, Any]]) -> dict[str, float]:
    return {
        **_stage_counts(stages),
        "stages/skipped": float(sum(job["num_skipped_stages"] for job in jobs)),
        "jobs/total": float(len(jobs)),
        "jobs/failed": float(sum(job["status"] == "FAILED" for job in jobs)),
    }


def _stage_counts(stages: list[Mapping[str, Any]]) -> dict[str, float]:
    return {
        "stages/total": float(len(stages)),
        "stages/failed": float(sum(stage["status"] == "FAILED" for stage in stages)),
    }
