"""Build the run of one application, search, trial, fit, job, stage or task, with its aggregated metrics."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...schemas.findings.application import WHAT_IF
from ...schemas.job_history import CORE_HOURS, FINDINGS_TAG, FOUND_BY_TAG, JOB_TAG, MAX_INPUT
from ...schemas.prices import CURRENCY_TAG
from ...schemas.runs import params_tags as names
from ...schemas.runs.tree import Run, Status
from .. import arrow
from ..arrow import Array
from ..job_name import find_job
from ..orchestrators import find_orchestrator_runs, orchestrator_tags
from ..task_arrays import Row
from .run_factory import RunFactory
from .searches import Branch, best_metric, best_params
from .task_runs import TASK_RUN_COLUMNS, task_history, task_run
from .timeseries import time_series

_TASKS_AT_ONCE = 4096
_JOB_STATUS: Mapping[str, Status] = {"SUCCEEDED": "FINISHED", "FAILED": "FAILED"}
_STAGE_STATUS: Mapping[str, Status] = {"COMPLETE": "FINISHED", "FAILED": "FAILED"}


def application_run(factory: RunFactory, orchestrator_urls: Mapping[str, str] | None = None) -> Run:
    """The root of the tree; `orchestrator_urls` are base addresses by orchestrator."""
    app = factory.app.application
    start = app["start_time_ms"] or factory.app.end_ms
    everything = np.arange(len(factory.app))
    tunings, trials = (factory.app.tables[name].to_pylist() for name in ("tunings", "trials"))
    (search,) = tunings if len(tunings) == 1 else ({"tuning_uid": None, "best_trial": None, "metric_name": None},)
    metrics = {
        **best_metric(search, trials),
        **factory.times(start, None if factory.app.in_progress else factory.app.end_ms),
        **factory.figures_of(everything),
        **_job_counts(factory, factory.app.jobs, range(len(factory.app.stages))),
        "executors/total": float(app["num_executors"]),
        CORE_HOURS: factory.app.timeline.capacity_ms(factory.app.start_ms, factory.app.end_ms) / 3.6e6,
        **_max_stage_inputs(factory),
        **_wall_time(factory),
        **_what_if(factory),
        **factory.costs.of_application(),
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
        **_origin(factory, orchestrator_urls),
    }
    title = app["name"] or app["app_id"]
    run = factory.run(
        "application",
        factory.root,
        None,
        title,
        factory.app.state,
        start,
        factory.app.end_ms,
        metrics,
        tags,
        params={
            **{key: str(value) for key, value in wanted.items() if value not in (None, "")},
            **best_params(search, trials),
        },
    )
    return replace(run, history=time_series(factory.app))


def _origin(factory: RunFactory, urls: Mapping[str, str] | None) -> dict[str, str | None]:
    """The tags that say what the application is a run of, and which findings it has."""
    app = factory.app
    runs = find_orchestrator_runs(app.properties, urls)
    found = find_job(app.application["name"], runs, (stage["plan_hash"] for stage in app.stages))
    severities: dict[str, str] = {}
    for one in factory.findings[factory.root]:  # the most expensive of a code first
        if not one.informational and one.severity != "note":
            severities.setdefault(one.code, one.severity)
    return {
        **orchestrator_tags(runs),
        CURRENCY_TAG: factory.costs.rate.currency if factory.costs.rate else None,
        JOB_TAG: found.name if found else None,
        FOUND_BY_TAG: found.found_by if found else None,
        FINDINGS_TAG: ", ".join(f"{code}={severity}" for code, severity in severities.items()),
    }


def _max_stage_inputs(factory: RunFactory) -> dict[str, float]:
    """The input of the stage that read most, the measure of how much data the application has."""
    stages = factory.app.stages
    return {name: max((float(row[column] or 0) for row in stages), default=0.0) for name, column in MAX_INPUT.items()}


def _wall_time(factory: RunFactory) -> dict[str, float]:
    """The parts of the wall time, from the finding that has them."""
    return {f"wall_time/{name.removesuffix('_ms')}_s": ms / 1e3 for name, ms in _figures(factory, "wall_time").items()}


def _what_if(factory: RunFactory) -> dict[str, float]:
    """The duration with other numbers of executors, from the finding that has it."""
    figures = _figures(factory, "what_if")
    return {f"what_if/{name}_s": figures[f"{name}_ms"] / 1e3 for name in WHAT_IF if f"{name}_ms" in figures}


def _figures(factory: RunFactory, code: str) -> Mapping[str, float]:
    figures = [row["figures"] for row in factory.app.findings if row["code"] == code]
    found: Mapping[str, float] = json.loads(figures[0]) if figures else {}
    return found


def branch_run(factory: RunFactory, branch: Branch, jobs: Sequence[Row]) -> Run:
    """The run of a search, trial or fit over these jobs, with the metrics of all tasks below it, or over its tasks."""
    stages = [stage for job in jobs for stage in factory.app.stages_of_job.get(job["job_id"], [])]
    at = factory.rows_of_tasks(branch.tasks) if branch.tasks else factory.rows(stages)
    start = branch.start_ms or factory.app.application["start_time_ms"] or factory.app.end_ms
    metrics = {
        **factory.times(start, branch.end_ms),
        **factory.figures_of(at),
        **_job_counts(factory, jobs, stages),
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


def job_run(factory: RunFactory, job: Row, parent: str) -> Run:
    """The run of a job under the run with the key `parent`, with the metrics of the stages it ran."""
    stages = factory.app.stages_of_job.get(job["job_id"], [])
    at = factory.rows(stages)
    status = _JOB_STATUS.get(factory.app.job_status(job))
    start, last = factory.app.job_span(job)
    end = None if status is None else last
    metrics = {
        **factory.times(start, end),
        **factory.figures_of(at),
        **_stage_counts(factory, stages),
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
    return factory.run(
        "job",
        f"{factory.root}/job/{job['job_id']}",
        parent,
        factory.app.job_title(job),
        status,
        start,
        end,
        metrics,
        tags,
    )


def stage_run(factory: RunFactory, stage: int, parent: Run) -> Run:
    """The run of the stage attempt at this position of the view, with its tasks' metrics and metric history. It lasts
    until its last task ended, which may be after StageCompleted where tasks were killed."""
    app, row = factory.app, factory.app.stages[stage]
    at, status = app.rows(stage), _STAGE_STATUS.get(app.stage_status(stage))
    start, last = app.span(stage)
    start = min(start, int(app.column("launch_time_ms")[at][app.known("launch_time_ms")[at]].min(initial=start)))
    end = None if status is None else max(last, int(app.ended[at].max(initial=0)))
    run = factory.run(
        "stage",
        f"{factory.root}/stage/{app.stage_identity(stage)}",
        parent.key,
        app.stage_title(stage),
        status,
        start,
        end,
        {**factory.times(start, end), **factory.figures_of(at)},
        {"spark.stage.id": app.stage_identity(stage), "spark.failure_reason": row["failure_reason"]},
    )
    return replace(run, history=task_history(app, at))


class StageTaskRuns:
    """The task runs of one stage attempt; see schemas.runs.TaskRuns.

    `at` are their rows in the tasks table. `why` gives for each row why the task is notable, or None.
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
    end = stage.end_ms if running else run.end_ms  # a task without an end ends with its stage
    metrics = {**factory.times(run.start_ms, end, idle=False), **figures, **factory.user_of(row["task_id"])}
    unfinished: Status | None = None if stage.end_ms is None else "KILLED"
    status = unfinished if running else run.status
    return factory.run("task", run.key, stage.key, run.name, status, run.start_ms, end, metrics, run.tags)


def _job_counts(factory: RunFactory, jobs: Sequence[Row], stages: Sequence[int]) -> dict[str, float]:
    return {
        **_stage_counts(factory, stages),
        "stages/skipped": float(sum(job["num_skipped_stages"] for job in jobs)),
        "jobs/total": float(len(jobs)),
        "jobs/failed": float(sum(job["status"] == "FAILED" for job in jobs)),
    }


def _stage_counts(factory: RunFactory, stages: Sequence[int]) -> dict[str, float]:
    failed = sum(factory.app.stages[stage]["status"] == "FAILED" for stage in stages)
    return {"stages/total": float(len(stages)), "stages/failed": float(failed)}
