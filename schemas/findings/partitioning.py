"""Tasks too small, too few, or not at the same time."""

from .interface import FindingCode, Threshold

CODES = (
    FindingCode(
        "tiny_tasks",
        "stage",
        "partitioning",
        "A stage is cut into so many small tasks that starting them takes longer than their work.",
        "median executor_run_time_ms < task_s, tasks >= tasks_per_core x the tasks that ran at the same time, and the "
        "stage's time >= overhead_ratio above its tasks' run time",
        "the stage's time less its tasks' run time divided by the tasks that ran at the same time",
        "Use fewer, larger partitions: coalesce, spark.sql.shuffle.partitions, spark.sql.files.maxPartitionBytes.",
        (
            Threshold("task_s", 0.1, "Median run time of its tasks, in seconds."),
            Threshold("tasks_per_core", 20, "Tasks per slot."),
            Threshold("overhead_ratio", 0.4, "Share of the stage's time that is no work."),
        ),
    ),
    FindingCode(
        "few_partitions",
        "stage",
        "partitioning",
        "A stage has fewer tasks than there are cores, and the others are idle meanwhile.",
        "tasks <= partitions_ratio x cores that were there, of which there are at least `cores`, stage_s or more, and "
        "idle_ratio of the cores' time idle",
        "the core time that was idle while the stage ran, divided by the cores",
        "Use more partitions: repartition, spark.sql.shuffle.partitions, or splittable input.",
        (
            Threshold("partitions_ratio", 0.5, "Tasks per core."),
            Threshold("cores", 4, "Cores that were there at least."),
            Threshold("stage_s", 3, "Seconds that the stage takes at least."),
            Threshold("idle_ratio", 0.3, "Share of the cores' time that was idle meanwhile."),
        ),
    ),
    FindingCode(
        "idle_cores",
        "application",
        "partitioning",
        "Cores are idle while tasks run on others.",
        "core time without a task >= idle_ratio of all core time in which some task ran, without the time that skew, "
        "stragglers, slow machines and few partitions cost",
        "that idle core time divided by the cores",
        "Use more partitions, run jobs at the same time (parallelism of searches, threads), or ask for fewer cores.",
        (
            Threshold("idle_ratio", 0.5, "Share of the core time while some task ran."),
            Threshold("cost_s", 10, "A finding costs at least so many seconds."),
        ),
        at_most="warning",
    ),
)
