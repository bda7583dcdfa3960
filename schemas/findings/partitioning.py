"""Tasks that are too small, too few, or not concurrent."""

from .interface import Cause, FindingCode, Threshold
from .settings import ADAPTIVE, COALESCE, PARTITIONS_PER_CORE, SMALLEST_PARTITION

CODES = (
    FindingCode(
        "tiny_tasks",
        "stage",
        "partitioning",
        "A stage has many tiny tasks, and starting them takes longer than their work.",
        "median executor_run_time_ms < task_s, tasks >= tasks_per_core x concurrent tasks, and overhead >= "
        "overhead_ratio "
        "of the stage's time",
        "the stage's time minus its tasks' run time / concurrent tasks",
        "Use fewer and larger partitions (coalesce, spark.sql.shuffle.partitions, spark.sql.files.maxPartitionBytes).",
        (
            Threshold("task_s", 0.1, "Maximum median run time of its tasks, in seconds."),
            Threshold("tasks_per_core", 20, "Minimum number of tasks per slot."),
            Threshold("overhead_ratio", 0.4, "Minimum share of the stage's time that is overhead."),
        ),
        settings=(ADAPTIVE, COALESCE, SMALLEST_PARTITION),
    ),
    FindingCode(
        "few_partitions",
        "stage",
        "partitioning",
        "A stage has fewer tasks than cores, so cores are idle.",
        "tasks <= partitions_ratio x available cores, at least `cores` cores and stage_s seconds, and >= idle_ratio "
        "of core time idle; the wait for a task that a speculative copy replaced does not count, and "
        "neither do totals and limits, which one task computes",
        "the computing time of the longest task minus that of all tasks / cores, at most the idle core time / cores; "
        "an upper limit, since more tasks have more overhead",
        "Use more partitions (repartition, spark.sql.shuffle.partitions, splittable input).",
        (
            Threshold("partitions_ratio", 0.5, "Maximum number of tasks per core."),
            Threshold("cores", 4, "Minimum number of available cores."),
            Threshold("stage_s", 3, "Minimum duration of the stage in seconds."),
            Threshold("idle_ratio", 0.3, "Minimum idle share of core time."),
        ),
        (
            Cause(
                "coalesce",
                "The job merges its partitions with coalesce, and this stage computes them in as many tasks.",
                "Use repartition instead of coalesce, which computes in parallel and merges only the result, or a "
                "larger number.",
            ),
            Cause(
                "window",
                "A window without partitionBy moves all rows into one task.",
                "Add a partitionBy to the window, or replace it by an aggregate, zipWithIndex or a join.",
            ),
            Cause(
                "input",
                "The source has few partitions.",
                "Repartition after reading, or write splittable files. For a JDBC source set partitionColumn and "
                "numPartitions.",
            ),
            Cause(
                "shuffle",
                "The shuffle before the stage has few partitions.",
                "Raise spark.sql.shuffle.partitions or the operation's numPartitions. If adaptive execution merged "
                "them, lower spark.sql.adaptive.advisoryPartitionSizeInBytes.",
                settings=(PARTITIONS_PER_CORE,),
            ),
        ),
        at_most="warning",
    ),
    FindingCode(
        "idle_cores",
        "application",
        "partitioning",
        "Cores are idle while tasks run on others.",
        "core time without a task >= idle_ratio of core time while some task ran, minus the cost of skew, stragglers, "
        "slow machines and few partitions; without receivers, batches of a stream that waits for the next one, and "
        "tasks that a speculative copy replaced",
        "that idle core time / cores",
        "Use more partitions, run jobs concurrently (parallelism of searches, threads), or request fewer cores.",
        (
            Threshold("idle_ratio", 0.5, "Minimum idle share of core time while some task ran."),
            Threshold("cost_s", 10, "Minimum cost in seconds."),
        ),
        at_most="warning",
    ),
)
