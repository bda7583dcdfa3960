"""The run of one application, search, trial, fit, job, stage or task, and what its parts add up to."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from ...schemas.runs import params_tags as names
from ...schemas.runs.tree import Run, Status
from .. import arrow
from ..application_view import Row
from ..task_groups import Array
from .run_factory import RunFactory
from .searches import Branch
from .task_runs import TASK_RUN_COLUMNS, task_history, task_run
from .timeseries import time_series

_TASKS_AT_ONCE = 4096
_JOB_STATUS: Mapping[str, Status] = {"SUCCEEDED": "FINISHED", "FAILED": "FAILED"}
_STAGE_STATUS: Mapping[str, Status] = {"COMPLETE": "FINISHED", "FAILED": "FAILED"}


def application_run(factory: RunFactory) -> Run:
    """The root of the tree."""
    app = factory.app.application
    start = app["start_time_ms"] or factory.app.end_ms
    everything = np.arange(len(factory.app))
    metrics = {
        **factory.times(start, None if factory.app.in_progress else factory.app.end_ms),
        **factory.figures_of(everything),
        **_job_counts(factory.app.jobs, factory.app.stages),
        "executors/total": float(app["num_executors"]),
    }
    wanted = {
        "spark.version": app["spark_version"],
        "java.version": factory.app.properties.get("Java Version"),
        "executors": app["num_executors"],
        "total_cores": app["total_cores"] or None,
        **{key: factory.app.properties.get(key) for key in names.PARAM_PROPERTIES},
    }
    tags = {
        "afterglow.completeness": app["completeness"],
        "afterglow.log": factory.app.tables.log.name,
        "afterglow.issues": str(app["num_issues"]),
        "spark.app.attempt.id": app["app_attempt"],
        "mlflow.source.name": app["name"],
    }
    status: Status = "RUNNING" if factory.app.in_progress else "FINISHED" if app["completed"] else "KILLED"
    if app["exit_code"]:
        status = "FAILED"
    title = app["name"] or app["app_id"]
    run = factory.run(
        "application",
        factory.root,
        None,
        title,
        status,
        start,
        factory.app.end_ms,
        metrics,
        tags,
        params={key: str(value) for key, value in wanted.items() if value not in (None, "")},
    )
    return replace(run, history=time_series(factory.app))


def branch_run(factory: RunFactory, branch: Branch, jobs: list[Row], stages: list[Row]) -> Run:
    """The run of a search, a trial or a fit, with the figures of all tasks below it."""
    at = factory.rows(stages)
    start = branch.start_ms or factory.app.application["start_time_ms"] or factory.app.end_ms
    metrics = {
        **factory.times(start, branch.end_ms),
        **factory.figures_of(at),
        **_job_counts(jobs, stages),
        **branch.metrics,
    }
    return factory.run(
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


def job_run(factory: RunFactory, job: Row, stages: list[Row], parent: str) -> Run:
    """A job under the run with the key `parent`, with the figures of the stages it ran."""
    at = factory.rows(stages)
    start = job["submission_time_ms"] or min(
        (stage["submission_time_ms"] for stage in stages if stage["submission_time_ms"]),
        default=factory.app.application["start_time_ms"] or factory.app.end_ms,
    )
    end = job["completion_time_ms"]
    if end is None and job["status"] != "RUNNING":
        end = max((stage["completion_time_ms"] or start for stage in stages), default=start)
    title = job["description"] or job["name"]
    metrics = {
        **factory.times(start, end),
        **factory.figures_of(at),
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
    status = _JOB_STATUS.get(job["status"])
    return factory.run(
        "job",
        f"{factory.root}/job/{job['job_id']}",
        parent,
        f"job {job['job_id']}" + (f" · {title}" if title else ""),
        status,
        start,
        end,
        metrics,
        tags,
    )


def stage_run(factory: RunFactory, stage: Row, parent: Run, at: Array) -> Run:
    """A stage attempt, with the figures of its tasks, given as rows of their table, and their history."""
    identity = f"{stage['stage_id']}.{stage['stage_attempt']}"
    launches = factory.app.column("launch_time_ms")[at]
    start = stage["submission_time_ms"] or (int(launches.min()) if len(launches) else parent.start_ms)
    metrics = {**factory.times(start, stage["completion_time_ms"]), **factory.figures_of(at)}
    tags = {"spark.stage.id": identity, "spark.failure_reason": stage["failure_reason"]}
    status = _STAGE_STATUS.get(stage["status"])
    run = factory.run(
        "stage",
        f"{factory.root}/stage/{identity}",
        parent.key,
        f"stage {identity}" + (f" · {stage['name']}" if stage["name"] else ""),
        status,
        start,
        stage["completion_time_ms"],
        metrics,
        tags,
    )
    return replace(run, history=task_history(factory.app, at))


class StageTaskRuns:
    """The runs of one stage attempt's tasks that get one; see schemas.runs.TaskRuns.

    `at` are their rows in the tasks table, `why` says of each row why it is notable, if it is.
    """

    def __init__(self, factory: RunFactory, at: Array, stage: Run, why: Mapping[int, str | None]) -> None:
        launch, task_id = factory.app.column("launch_time_ms")[at], factory.app.column("task_id")[at]
        self._factory, self._stage, self._why = factory, stage, why
        self._at = at[np.lexsort((task_id, launch))]

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[Run]:
        shown = self._factory.app.tasks.select(list(TASK_RUN_COLUMNS))
        for begin in range(0, len(self._at), _TASKS_AT_ONCE):
            at = self._at[begin : begin + _TASKS_AT_ONCE]
            rows = shown.take(arrow.from_numpy(at, "int64")).to_pylist()
            for row, figures, number in zip(rows, self._factory.stats.each(at), at.tolist(), strict=True):
                yield _task(self._factory, row, figures, self._stage, self._why[number])


def _task(factory: RunFactory, row: Row, figures: Mapping[str, float], stage: Run, why: str | None) -> Run:
    run = task_run(row, stage, factory.root, why)
    running = row["status"] == "RUNNING"
    end = None if running else run.end_ms
    metrics = {**factory.times(run.start_ms, end, idle=False), **figures, **factory.user_of(row["task_id"])}
    status = None if running else run.status
    return factory.run("task", run.key, stage.key, run.name, status, run.start_ms, end, metrics, run.tags)


def _job_counts(jobs: list[Row], stages: list[Row]) -> dict[str, float]:
    return {
        **_stage_counts(stages),
        "stages/skipped": float(sum(job["num_skipped_stages"] for job in jobs)),
        "jobs/total": float(len(jobs)),
        "jobs/failed": float(sum(job["status"] == "FAILED" for job in jobs)),
    }


def _stage_counts(stages: list[Row]) -> dict[str, float]:
    return {
        "stages/total": float(len(stages)),
        "stages/failed": float(sum(stage["status"] == "FAILED" for stage in stages)),
    }
