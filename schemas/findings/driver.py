"""Time in which no task runs."""

from .interface import Cause, FindingCode, Threshold

CODES = (
    FindingCode(
        "no_tasks_running",
        "application",
        "driver",
        "No task ran: only the driver worked, or nobody did.",
        "time in which no task ran, without the first startup_s before the first job, >= driver_ratio of the "
        "application's duration; its cause is where most of it lies",
        "the time in which no task ran",
        "See where it lies.",
        (
            Threshold("driver_ratio", 0.4, "Share of the application's duration."),
            Threshold("startup_s", 60, "Seconds before the first job that any application may take."),
            Threshold("cost_s", 15, "A finding costs at least so many seconds."),
        ),
        (
            Cause(
                "before the first job",
                "Starting, waiting for executors, or preparing on the driver.",
                "Look at what the driver does before its first job: imports, local files, waiting for the cluster.",
            ),
            Cause(
                "between jobs",
                "The driver computed alone, or a person thought.",
                "Do the driver's work in Spark or beside it; in a notebook release the executors "
                "(spark.dynamicAllocation).",
            ),
            Cause(
                "inside jobs",
                "Jobs ran and none of their tasks did: they waited for executors or for the driver.",
                "Look at what jobs wait for: executors, planning, broadcasts, listing of files.",
            ),
            Cause(
                "after the last job",
                "The application stayed when its work was done.",
                "Stop the session when the last job is done.",
            ),
        ),
        at_most="warning",
    ),
)
