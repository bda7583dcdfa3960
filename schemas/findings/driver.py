"""Time in which no task runs."""

from .interface import Cause, FindingCode, Threshold

CODES = (
    FindingCode(
        "no_tasks_running",
        "application",
        "driver",
        "No task ran. Only the driver worked, or nothing did.",
        "time without a task after the executors registered, minus startup_s before the first job, waits of streams "
        "and the cost of repeated_actions, planning and large_collect, >= driver_ratio of the application's duration; "
        "the cause is its largest part",
        "that time without a task",
        "See the cause.",
        (
            Threshold("driver_ratio", 0.4, "Share of the application's duration."),
            Threshold("first_job_s", 60, "Seconds before the first job from which it is more than a note."),
            Threshold("startup_s", 10, "Seconds of the driver's start before the first job that do not count."),
        ),
        (
            Cause(
                "before the first job",
                "The application started, waited for executors, or prepared data on the driver.",
                "Look at the driver's work before its first job: imports, local files, waiting for the cluster.",
            ),
            Cause(
                "between jobs",
                "The driver computed alone.",
                "Look at what the driver does in the gaps that the message names. Move that work to Spark, or run "
                "independent jobs in parallel.",
            ),
            Cause(
                "in fits",
                "MLlib computed on the driver between the jobs of fits, or planned them.",
                "Train on fewer and larger jobs. If the data is small, use fewer cores.",
            ),
            Cause(
                "interactive",
                "A shell or notebook waited for its user.",
                "Let Spark release idle executors (spark.dynamicAllocation.enabled), and stop the session after use.",
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
    FindingCode(
        "repeated_actions",
        "application",
        "driver",
        "A loop on the driver runs many short actions of one line that compute the same plan.",
        "actions of one call site and one plan, outside fits, searches and streams, >= actions, with a median <= "
        "action_s",
        "the wall time of these actions with the driver's time between them, minus that of one action",
        "Compute all results in one action: replace the loop over a filter by one groupBy, or the loop over data "
        "frames by one union.",
        (
            Threshold("actions", 20, "Minimum number of actions."),
            Threshold("action_s", 2, "Maximum median duration of an action in seconds."),
        ),
    ),
    FindingCode(
        "planning",
        "application",
        "driver",
        "Queries have very many operators, and the driver plans them for a long time.",
        "SQL executions whose plan has >= nodes operators",
        "the time without a task in these executions, and before each of them since the job before it ended",
        "Build the data with fewer operators. Read many paths in one scan, and replace a loop of unions or withColumn "
        "by one select. Cut a long lineage with a checkpoint or a table.",
        (Threshold("nodes", 200, "Minimum number of operators of a plan."),),
    ),
    FindingCode(
        "large_collect",
        "stage",
        "driver",
        "An action sends large results to the driver, which then works on them alone.",
        "results of the last stage of a job >= result_bytes; not for fits, broadcasts and file listings",
        "the time after the job until the next job or SQL execution, at most results / driver_bytes_per_s",
        "Aggregate, filter or sample in Spark before you collect. To keep the rows, write them to files.",
        (
            Threshold("result_bytes", 50e6, "Minimum bytes of results."),
            Threshold("driver_bytes_per_s", 10e6, "Bytes of results that the driver processes in a second."),
        ),
    ),
)
