"""The trace: its spans, their maximum number, and their inputs and outputs."""

MAX_SPANS = 5_000
"""Maximum number of spans. The shortest jobs and stages are left out, and their parent says how many."""

SPAN_PARAMS = ("spark.version", "spark.master", "executors", "total_cores")
"""Params in the inputs of the application's span. A trial's span has the whole param map."""

SPAN_TAGS = {
    "spark.app.id": "application",
    "spark.job.id": "job",
    "spark.stage.id": "stage",
    "spark.job.group": "job group",
    "spark.failure_reason": "failure",
    "afterglow.estimator": "estimator",
    "afterglow.evaluator": "evaluator",
    "afterglow.tuning.metric": "metric",
    "afterglow.trial": "trial",
    "afterglow.fold": "fold",
    "afterglow.phase": "phase",
    "afterglow.completeness": "completeness of the log",
}
"""Tags in the inputs of a run's span, with their names there."""

SPAN_FIGURES = (
    "time/executor_run_s",
    "time/executor_cpu_s",
    "time/gc_s",
    "time/scheduler_delay_s",
    "time/fit_s",
    "tasks/total",
    "tasks/failed",
    "tasks/killed",
    "tasks/speculative",
    "task_duration_s/p50",
    "task_duration_s/max",
    "skew/duration_max_over_median",
    "executors/idle_ratio",
    "io/input_bytes",
    "io/output_bytes",
    "shuffle/read_bytes",
    "shuffle/write_bytes",
    "shuffle/fetch_wait_s",
    "spill/memory_bytes",
    "spill/disk_bytes",
    "memory/peak_execution_bytes",
)
"""Metrics in the outputs of a run's span, where they are not 0. Evaluation metrics are added."""
