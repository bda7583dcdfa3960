"""The MLflow metrics that runs carry. docs/runs.md is generated from this.

A task figure that is summed upward is declared at its column (task_columns); here is what is no column of a task.
"""

from dataclasses import dataclass

from ..task_columns import TASK_COLUMNS
from .levels import ABOVE_JOB, ABOVE_STAGE, ABOVE_TASK, EVERY, Level
from .timeseries import EXECUTOR_FIGURES


@dataclass(frozen=True, slots=True)
class RunMetric:
    """One MLflow metric: its unit, the levels that carry it, and how it is had."""

    name: str
    unit: str
    levels: tuple[Level, ...]
    doc: str


QUANTILES = {"min": 0.0, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}

# Task columns whose spread over the tasks of a run is shown: metric group, column, factor, unit, word in skew's name.
SPREADS = (
    ("task_duration_s", "duration_ms", 1e-3, "s", "duration"),
    ("task_shuffle_read_bytes", "shuffle_read_bytes", 1.0, "bytes", "shuffle_read"),
    ("task_shuffle_write_bytes", "shuffle_write_bytes", 1.0, "bytes", "shuffle_write"),
    ("task_input_bytes", "input_bytes", 1.0, "bytes", "input"),
)


def _unit(metric: str) -> str:
    endings = {"_s": "s", "_bytes": "bytes", "_records": "records", "_ratio": "ratio"}
    return next((unit for ending, unit in endings.items() if metric.endswith(ending)), "bytes")


RUN_METRICS = (
    RunMetric("time/duration_s", "s", EVERY, "End minus start of the run itself."),
    *(
        RunMetric(
            column.metric.name,
            _unit(column.metric.name),
            EVERY,
            f"{column.doc} {'Summed' if column.metric.aggregate == 'sum' else 'Maximum'} over task attempts.",
        )
        for column in TASK_COLUMNS
        if column.metric
    ),
    RunMetric("tasks/total", "", ABOVE_TASK, "Task attempts."),
    RunMetric("tasks/failed", "", ABOVE_TASK, "Task attempts that failed."),
    RunMetric("tasks/killed", "", ABOVE_TASK, "Task attempts that were killed."),
    RunMetric("tasks/speculative", "", ABOVE_TASK, "Task attempts started by speculation."),
    RunMetric("stages/total", "", ABOVE_STAGE, "Stage attempts that ran."),
    RunMetric("stages/failed", "", ABOVE_STAGE, "Stage attempts that failed."),
    RunMetric("stages/skipped", "", ABOVE_STAGE, "Stages whose output was already there."),
    RunMetric("jobs/total", "", ABOVE_JOB, "Jobs."),
    RunMetric("jobs/failed", "", ABOVE_JOB, "Jobs that failed."),
    RunMetric("trials/total", "", ("tuning",), "Trials that began."),
    RunMetric("fits/total", "", ("tuning", "trial"), "Fits that began."),
    RunMetric("fits/failed", "", ("tuning", "trial"), "Fits that failed."),
    RunMetric("time/fits_s", "s", ("tuning", "trial"), "Durations of all its fits, added up: what it cost."),
    RunMetric("time/fit_s", "s", ("fit",), "From the first to the last job that trains."),
    RunMetric("time/evaluate_s", "s", ("fit",), "From the first to the last job that evaluates."),
    *(
        RunMetric(
            f"findings/{severity}", "", ("application",), "Findings of that severity; docs/findings.md says which."
        )
        for severity in ("critical", "warning", "note")
    ),
    RunMetric(
        "findings/cost_s",
        "s",
        EVERY,
        "Time that the dearest finding about the run costs; of the application, the dearest of all.",
    ),
    RunMetric("executors/total", "", ("application",), "Executors that were ever part of the application."),
    RunMetric(
        "executors/idle_ratio",
        "ratio",
        ABOVE_TASK,
        "Share of the executors' core time between the run's start and end in which no task of any job ran.",
    ),
    RunMetric("system/running_tasks", "", ("application",), "Over time: tasks that ran, on average."),
    RunMetric("system/cores", "", ("application",), "Over time: cores of the executors that were there, on average."),
    RunMetric(
        "system/gc_ratio", "ratio", ("application",), "Over time: share of the tasks' time in garbage collection."
    ),
    *(
        RunMetric(f"system/<executor>/{name}", "MB", ("application",), f"Over time: {doc}")
        for name, (_, doc) in EXECUTOR_FIGURES.items()
    ),
    *(
        RunMetric(f"{group}/{quantile}", unit, ABOVE_TASK, f"Over the run's successful tasks: {quantile} of {column}.")
        for group, column, _, unit, _ in SPREADS
        for quantile in QUANTILES
    ),
    *(
        RunMetric(
            f"skew/{word}_max_over_median",
            "ratio",
            ABOVE_TASK,
            f"Greatest over median {column} of the run's successful tasks.",
        )
        for _, column, _, _, word in SPREADS
    ),
)
