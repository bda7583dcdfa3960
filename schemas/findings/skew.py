"""Tasks that take much longer than the others of their stage."""

from .interface import AT_MOST, RUN_AGAIN, TASKS, Cause, FindingCode, Threshold
from .settings import ADAPTIVE, MORE_MEMORY, MORE_PARTITIONS, SKEW_JOIN, SPECULATION

CODES = (
    FindingCode(
        "skew",
        "stage",
        "skew",
        "A few tasks of a stage have much more data than the others, and the stage waits for them.",
        "task duration >= time_ratio x median and >= median + excess_s, bytes or records read or written >= "
        "data_ratio x "
        "median, and time per byte or record <= normal_ratio x median; for the column that explains most of it",
        f"{RUN_AGAIN}: as they were, minus the same time spread evenly. The bytes or records of skewed tasks then take "
        "at most the median time of the others'",
        "See the cause.",
        (
            Threshold("time_ratio", 2, "Minimum ratio to the median duration."),
            Threshold("excess_s", 0.5, "Minimum seconds above the median duration."),
            Threshold("data_ratio", 2, "Minimum ratio to the median bytes or records."),
            Threshold("normal_ratio", 2.5, "Maximum ratio to the median time per byte or record."),
            Threshold("rows", 100_000, "Minimum number of rows that a node returns in the long task."),
            TASKS,
            AT_MOST,
        ),
        (
            Cause(
                "join",
                "Some keys of a join are much more frequent.",
                "Broadcast the small side, salt the frequent keys, or let adaptive execution split the partition "
                "(spark.sql.adaptive.skewJoin).",
                settings=(ADAPTIVE, SKEW_JOIN),
            ),
            Cause(
                "window",
                "Some partitions of a window have many more rows. Spark computes each of them in one task.",
                "Add a column to the window's partitionBy, or replace the window by an aggregate and a join.",
            ),
            Cause(
                "shuffle read",
                "Some keys of the shuffle are much more frequent, or a partition has many keys.",
                "Aggregate in two steps: first by the key and a random number, then by the key. Use more partitions "
                "if no key is frequent.",
            ),
            Cause(
                "rows",
                "A node of the plan returns far more rows in one task, although all tasks read as much.",
                "Look at the rows of this task at that node: a join or explode multiplies those of some keys. "
                "Aggregate or repartition before it.",
            ),
            Cause(
                "input",
                "Some input partitions are much larger.",
                "Use splittable files of one size, or repartition after reading.",
            ),
            Cause(
                "written",
                "Some tasks write much more output from the same amount of input.",
                "Repartition or salt before the join or explode that multiplies rows.",
            ),
        ),
    ),
    FindingCode(
        "straggler",
        "task",
        "skew",
        "A task takes much longer than the others of its stage.",
        "task duration >= time_ratio x median and >= median + excess_s; not a first task of its executor, or of its "
        "stage there, that takes less than warm_up_s or as long as such tasks of other executors; also an attempt that "
        "was killed because its speculative copy finished first. The first cause that holds: more data (see skew); "
        "slow machine (the executor's other tasks take >= slow_ratio x those of other executors); the greatest "
        "of garbage collection, fetch wait and scheduling delay if it is >= explained_ratio of the excess; spill (the "
        "median task did not); locality (most tasks were local); computing or waiting, by its CPU time; else unknown",
        f"{RUN_AGAIN}: as they were, minus with the stragglers at the median, or with all time spread evenly if they "
        "computed; only the slowest has a cost",
        "Read the task's log.",
        (
            Threshold("time_ratio", 3, "Minimum ratio to the median duration."),
            Threshold("excess_s", 1, "Minimum seconds above the median duration."),
            Threshold("warm_up_s", 30, "Seconds from which a first task of an executor or stage counts too."),
            Threshold("slow_ratio", 1.5, "Minimum ratio of the executor's other tasks to their expected duration."),
            Threshold("other_tasks", 5, "Minimum number of other tasks of the executor."),
            Threshold("explained_ratio", 0.5, "Minimum share of the excess that a cause explains."),
            TASKS,
            AT_MOST,
        ),
        (
            Cause("more data", "Its time per byte or record is normal.", "See the skew finding of the stage."),
            Cause(
                "slow machine",
                "The other tasks of the executor are slow too.",
                "Check the machine (disk, CPU throttling, other tenants), or turn on spark.speculation.",
                settings=(SPECULATION,),
            ),
            Cause(
                "garbage collection",
                "The executor's JVM collected garbage during the task.",
                "Give executors more memory, or run fewer concurrent tasks on each.",
                settings=(MORE_MEMORY,),
            ),
            Cause(
                "fetch wait",
                "It waited for shuffle blocks of other executors.",
                "Check the machine that it fetched from and the network, or use an external shuffle service.",
            ),
            Cause(
                "scheduling delay",
                "It waited for its start, its deserialization, or the transfer of its result.",
                "Reduce the size of closures, broadcasts and results, or give the driver more cores.",
            ),
            Cause(
                "spill",
                "Only its data did not fit into memory.",
                "Use more partitions or more executor memory.",
                settings=(MORE_PARTITIONS, MORE_MEMORY),
            ),
            Cause(
                "locality",
                "It did not run near its data.",
                "Raise spark.locality.wait, or distribute cached data over all executors.",
            ),
            Cause(
                "computing",
                "It computed longer on no more data.",
                "Look at the rows of this task, which need more work. Use more partitions, so that other tasks share "
                "them.",
            ),
            Cause(
                "waiting",
                "It waited, or a Python process of it worked. Its JVM did not compute.",
                "Look at what the code does for this task's data: calls of a service, locks, sleeps, Python functions. "
                "Set a timeout.",
                settings=(SPECULATION,),
            ),
            Cause(
                "unknown",
                "Spark's metrics do not explain it.",
                "Look at the code for this task's data, and at the log and machine of its executor.",
            ),
        ),
    ),
)
