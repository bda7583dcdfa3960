"""Lost and repeated work."""

from .interface import ON_CORES, Cause, FindingCode, Threshold
from .settings import MORE_MEMORY, MORE_OVERHEAD

CODES = (
    FindingCode(
        "application_failed",
        "application",
        "failures",
        "The driver ended with an error.",
        "ApplicationEnd has an exit code that is not 0 (Spark 4.0 and later)",
        "none, the failed jobs have it",
        "See the finding job_failed. If no job failed, look at the log of the driver.",
        at_least="critical",
        always_reported=True,
    ),
    FindingCode(
        "job_failed",
        "job",
        "failures",
        "A job failed, and its work was lost.",
        "JobEnd with a failure other than a cancellation. Jobs that failed for one reason are one finding. Reasons are "
        "compared without numbers, ids and addresses",
        "the time in which any of these jobs ran",
        "Fix the reason of the failure.",
        causes=(
            Cause(
                "out of memory",
                "A task or its process ran out of memory.",
                "Use more partitions or fewer tasks at once on each executor, or give executors more memory "
                "(spark.executor.memory, spark.executor.memoryOverhead).",
                settings=(MORE_MEMORY,),
            ),
            Cause(
                "executor lost",
                "Executors or their shuffle output were lost until a stage failed.",
                "Find out why the executors were lost; see the finding executor_lost.",
            ),
            Cause(
                "exception",
                "The code of the job raised an exception.",
                "Fix the code, or the record that it fails on.",
            ),
            Cause("unknown", "The log holds no reason.", "Look at the log of the driver."),
        ),
        at_least="critical",
        always_reported=True,
    ),
    FindingCode(
        "failed_tasks",
        "stage",
        "failures",
        "Tasks failed, and Spark repeated their work.",
        "failed task attempts >= failed_tasks, or their cost exceeds the threshold; FetchFailed and lost executors "
        "count "
        "for executor_lost and stage_retry",
        f"durations of the failed attempts, {ON_CORES}",
        "Fix the reason of the failures. Retries hide it until the fourth failure fails the job.",
        (Threshold("failed_tasks", 3, "Minimum number of failed attempts."),),
        at_least="warning",
        always_reported=True,
    ),
    FindingCode(
        "killed_tasks",
        "stage",
        "failures",
        "Tasks were killed, and their work was lost.",
        "killed task attempts, except speculative ones",
        f"durations of the killed attempts, {ON_CORES}",
        "Find out what cancelled them: a failed sibling, a timeout, a user, or a limit.",
    ),
    FindingCode(
        "speculation_wasted",
        "stage",
        "failures",
        "Speculative copies of tasks were useless.",
        "attempts killed because another attempt succeeded",
        f"durations of these attempts, {ON_CORES}",
        "Raise spark.speculation.multiplier or .quantile, and look at the stragglers.",
    ),
    FindingCode(
        "stage_retry",
        "stage",
        "failures",
        "A stage ran again because shuffle output was lost.",
        "stage attempts after the first one, and resubmitted tasks",
        "time of the attempts after the first one, and of the resubmitted tasks at the stage's median duration / "
        "concurrent tasks; a note if that is below the thresholds",
        "Find out why executors were lost (memory, preemption, spot machines). Keep shuffle output with an external "
        "shuffle service or decommissioning.",
        at_least="warning",
        always_reported=True,
    ),
    FindingCode(
        "executor_lost",
        "executor",
        "failures",
        "An executor was lost unexpectedly.",
        "it was removed without a request of the driver, or a task failed with ExecutorLostFailure",
        "durations of the tasks lost with it / concurrent tasks; a note if that is below the thresholds and it was not "
        "killed",
        "Read the reason. For exit code 137 or memory limits, raise memory or spark.executor.memoryOverhead. For "
        "preemption, use other machines.",
        causes=(
            Cause(
                "killed",
                "Its process was killed (exit code 137 or 143, or a memory limit).",
                "Raise memory or spark.executor.memoryOverhead, or run fewer concurrent tasks. Check the machine's log "
                "for the process that killed it.",
                settings=(MORE_OVERHEAD, MORE_MEMORY),
            ),
            Cause(
                "out of memory",
                "The heap of its JVM was full (exit code 52).",
                "Use more partitions or fewer concurrent tasks on each executor, or raise spark.executor.memory.",
                settings=(MORE_MEMORY,),
            ),
            Cause(
                "preempted",
                "The cluster manager reclaimed it.",
                "Use machines or a queue without preemption, or decommissioning (spark.decommission.enabled).",
            ),
            Cause("unknown", "The log has no reason.", "Read the end of its stderr."),
        ),
        at_least="warning",
        always_reported=True,
    ),
)
