"""The MLflow metrics of the runs. docs/runs.md is generated from this module.

Metrics that aggregate a task column are declared with that column in task_metrics. All others are declared here.
"""

from dataclasses import dataclass

from ..findings.application import WALL_TIME_PARTS, WHAT_IF
from ..task_metrics import TASK_COLUMNS
from .levels import ABOVE_JOB, ABOVE_STAGE, ABOVE_TASK, EVERY, SEARCH, Level
from .timeseries import EXECUTOR_FIGURES


@dataclass(frozen=True, slots=True)
class RunMetric:
    """One MLflow metric: its unit, the levels that have it, and its meaning."""

    name: str
    unit: str
    levels: tuple[Level, ...]
    doc: str


QUANTILES = {"min": 0.0, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}

# Task columns with quantiles over the tasks of a run: metric group, column, factor, unit, word in the skew metric.
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
    RunMetric("time/duration_s", "s", EVERY, "End minus start of the run, which lasts as long as the runs below it."),
    *(
        RunMetric(
            column.metric.name,
            _unit(column.metric.name),
            EVERY,
            f"{column.doc} {'Sum' if column.metric.aggregate == 'sum' else 'Maximum'} over task attempts.",
        )
        for column in TASK_COLUMNS
        if column.metric
    ),
    RunMetric("tasks/total", "", ABOVE_TASK, "Number of task attempts."),
    RunMetric("tasks/failed", "", ABOVE_TASK, "Number of task attempts that failed."),
    RunMetric("tasks/killed", "", ABOVE_TASK, "Number of task attempts that were killed."),
    RunMetric("tasks/speculative", "", ABOVE_TASK, "Number of task attempts that speculation started."),
    RunMetric("stages/total", "", ABOVE_STAGE, "Number of stage attempts that ran."),
    RunMetric("stages/failed", "", ABOVE_STAGE, "Number of stage attempts that failed."),
    RunMetric(
        "stages/skipped", "", ABOVE_STAGE, "Number of stages that Spark skipped because their output already existed."
    ),
    RunMetric("jobs/total", "", ABOVE_JOB, "Number of jobs."),
    RunMetric("jobs/failed", "", ABOVE_JOB, "Number of jobs that failed."),
    RunMetric("batches/total", "", ("query",), "Number of micro-batches that ran."),
    RunMetric("batches/time_s", "s", ("query",), "Time in micro-batches. The rest of the run waited for a trigger."),
    RunMetric("batches/duration_max_s", "s", ("query",), "Duration of the slowest micro-batch."),
    RunMetric("batches/input_rows", "", ("query",), "Rows that the micro-batches read."),
    *(
        RunMetric(f"batch/{name}", unit, ("query",), f"History, one point per micro-batch: {doc}")
        for name, unit, doc in (
            ("duration_s", "s", "duration of its trigger."),
            ("add_batch_s", "s", "time in which it was computed and written."),
            ("input_rows", "", "rows that it read."),
            ("output_rows", "", "rows that it wrote, where the sink counts them."),
        )
    ),
    RunMetric("trials/total", "", ("tuning",), "Number of trials that started."),
    RunMetric("fits/total", "", ("tuning", "trial"), "Number of fits that started."),
    RunMetric("fits/failed", "", ("tuning", "trial"), "Number of fits that failed."),
    RunMetric("models/total", "", ("application", "fit"), "Number of models that tasks trained, one per group."),
    RunMetric("models/rows", "", ("fit",), "Rows that the model of one group was trained on."),
    *(
        RunMetric(f"models/{name}", unit, ("application", "fit"), doc)
        for name, unit, doc in (
            ("rows_max", "", "Rows of the largest group."),
            ("rows_median", "", "Median rows of the groups."),
            ("seconds_max", "s", "Duration of the slowest model."),
            ("seconds_median", "s", "Median duration of the models."),
            ("skew_ratio", "", "Duration of the slowest model divided by the median."),
        )
    ),
    RunMetric(
        "time/fit_s",
        "s",
        SEARCH,
        "Fitting time: from the start of a fit's first training job to the end of its last. Sum over the fits of a "
        "trial or search.",
    ),
    RunMetric(
        "time/evaluate_s",
        "s",
        SEARCH,
        "From the start of a fit's first evaluation job to the end of its last. Sum over the fits of a trial or "
        "search.",
    ),
    *(
        RunMetric(
            f"findings/{severity}", "", ("application",), "Number of findings of that severity; see docs/findings.md."
        )
        for severity in ("critical", "warning", "note")
    ),
    RunMetric(
        "findings/cost_s",
        "s",
        EVERY,
        "Cost of the most expensive finding about the run. For the application, of all findings.",
    ),
    *(RunMetric(f"wall_time/{name}_s", "s", ("application",), part.doc) for name, part in WALL_TIME_PARTS.items()),
    RunMetric("cost/tasks", "currency", ABOVE_TASK, "Cost of the cores of all tasks, see docs/cost.md."),
    RunMetric("cost/total", "currency", ("application",), "Sum of tasks, idle cores and driver."),
    RunMetric("cost/idle", "currency", ("application",), "Cost of the cores of executors that ran no task."),
    RunMetric("cost/driver", "currency", ("application",), "Cost of the driver, unless it is the executor."),
    RunMetric("resources/core_hours", "h", ("application",), "Core hours of the executors."),
    *(
        RunMetric(
            f"io/max_stage_input_{what}",
            what,
            ("application",),
            f"Input {what} of the stage that read most. Data that is read again counts once.",
        )
        for what in ("records", "bytes")
    ),
    RunMetric("history/runs", "", ("application",), "Number of complete runs of the job that it was compared with."),
    RunMetric("history/regressions", "", ("application",), "Number of kinds of regression against these runs."),
    *(
        RunMetric(f"history/{name}", "ratio", ("application",), f"{what} divided by the median of these runs.")
        for name, what in (
            ("duration_ratio", "Duration"),
            ("cost_ratio", "Cost, or core hours without prices,"),
            ("data_ratio", "Amount of data"),
        )
    ),
    *(
        RunMetric(
            f"what_if/{name}_s", "s", ("application",), f"Estimated duration with {factor:g} times the executors."
        )
        for name, factor in WHAT_IF.items()
    ),
    RunMetric("executors/total", "", ("application",), "Number of executors that were ever added."),
    RunMetric(
        "executors/idle_ratio",
        "ratio",
        ABOVE_TASK,
        "Share of core time during the run in which no task of any job ran.",
    ),
    RunMetric("system/running_tasks", "", ("application",), "Time series: average number of running tasks."),
    RunMetric("system/cores", "", ("application",), "Time series: average number of cores of the active executors."),
    RunMetric("system/gc_ratio", "ratio", ("application",), "Time series: share of task time in garbage collection."),
    *(
        RunMetric(f"system/<executor>/{name}", "MB", ("application",), f"Time series: {doc[0].lower()}{doc[1:]}")
        for name, (_, doc) in EXECUTOR_FIGURES.items()
    ),
    *(
        RunMetric(f"{group}/{quantile}", unit, ABOVE_TASK, f"{quantile} of {column} over the successful tasks.")
        for group, column, _, unit, _ in SPREADS
        for quantile in QUANTILES
    ),
    *(
        RunMetric(
            f"skew/{word}_max_over_median",
            "ratio",
            ABOVE_TASK,
            f"Maximum of {column} divided by its median, over the successful tasks.",
        )
        for _, column, _, _, word in SPREADS
    ),
)
