"""Time in which no task runs."""

from .interface import Cause, FindingCode, Threshold

CODES = (
    FindingCode(
        "no_tasks_running",
        "application",
        "driver",
        "No task ran. Only the driver worked, or nothing did.",
        "time without a task, minus startup_s before the first job, >= driver_ratio of the application's duration; the "
        "cause is its largest part",
        "the time without a task",
        "See the cause.",
        (
            Threshold("driver_ratio", 0.4, "Share of the application's duration."),
            Threshold("startup_s", 60, "Seconds before the first job that do not count."),
            Threshold("cost_s", 15, "Minimum cost in seconds."),
        ),
        (
            Cause(
                "before the first job",
                "The application started, waited for executors, or prepared data on the driver.",
                "Look at the driver's work before its first job: imports, local files, waiting for the cluster.",
            ),
            Cause(
                "between jobs",
                "The driver computed alone, or waited for input in a notebook.",
                "Move the driver's work to Spark, or run it in parallel. In a notebook, release idle executors "
                "(spark.dynamicAllocation).",
            ),
            Cause(
                "inside jobs",
                "Jobs ran without running tasks. They waited for executors or for the driver.",
                "Look at what the jobs wait for: executors, planning, broadcasts, file listing.",
            ),
            Cause(
                "after the last job",
                "The application kept running after its last job.",
                "Stop the session after the last job.",
            ),
        ),
        at_most="warning",
    ),
)
