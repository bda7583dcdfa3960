"""Work that was done and thrown away, or done again."""

from .interface import ON_CORES, Cause, FindingCode, Threshold

CODES = (
    FindingCode(
        "failed_tasks",
        "stage",
        "failures",
        "Tasks failed; what they had done was done again.",
        "failed task attempts >= failed_tasks, or what they cost is worth it; FetchFailed and lost executors count at "
        "executor_lost and stage_retry",
        f"durations of the failed attempts, {ON_CORES}",
        "Read why they failed, and mend it: a retry hides it until the fourth one fails the job.",
        (Threshold("failed_tasks", 3, "Failed attempts."),),
        at_least="warning",
        always_reported=True,
    ),
    FindingCode(
        "killed_tasks",
        "stage",
        "failures",
        "Tasks were killed; what they had done is lost.",
        "killed task attempts that were no speculation, durations as below",
        f"durations of the killed attempts, {ON_CORES}",
        "Look at what cancelled them: a failing sibling, a timeout, a user, or a limit that was reached.",
    ),
    FindingCode(
        "speculation_wasted",
        "stage",
        "failures",
        "Speculative copies ran beside the tasks they copied.",
        "attempts that were killed since another attempt succeeded",
        f"durations of these attempts, {ON_CORES}",
        "Raise spark.speculation.multiplier or .quantile, and look at why there are stragglers.",
    ),
    FindingCode(
        "stage_retry",
        "stage",
        "failures",
        "A stage ran again, since shuffle output it had made or read was lost.",
        "stage attempts above the first, and tasks that were resubmitted",
        "the time of the attempts above the first, and of the resubmitted tasks at the stage's median duration, "
        "divided by the tasks that ran at the same time",
        "Find out why executors went away (memory, preemption, spot machines), and keep shuffle output elsewhere: an "
        "external shuffle service, decommissioning with migration.",
        at_least="warning",
        always_reported=True,
    ),
    FindingCode(
        "executor_lost",
        "executor",
        "failures",
        "An executor went away that nobody had sent away.",
        "it was removed for another reason than the driver's wish, or a task failed with ExecutorLostFailure",
        "durations of the tasks that were lost with it, divided by the tasks that ran at the same time",
        "Read the reason: exit code 137 and 'memory limits' mean more memory or overhead "
        "(spark.executor.memoryOverhead), preemption means other machines.",
        causes=(
            Cause(
                "killed",
                "Exit code 137 or 143, or a memory limit: something killed its process.",
                "Give it more memory or overhead (spark.executor.memoryOverhead), or run fewer tasks at once on it; "
                "ask the machine who killed it.",
            ),
            Cause(
                "preempted",
                "The cluster took it back.",
                "Use machines or a queue that are not preempted, or decommissioning (spark.decommission.enabled).",
            ),
            Cause("unknown", "The reason does not say.", "Look at its log: the end of its stderr says why it went."),
        ),
        at_least="warning",
        always_reported=True,
    ),
)
