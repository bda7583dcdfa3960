"""Tasks that take far longer than the others of their stage."""

from .interface import AT_MOST, RUN_AGAIN, TASKS, Cause, FindingCode, Threshold

CODES = (
    FindingCode(
        "skew",
        "stage",
        "skew",
        "A few tasks of a stage have far more data than the others, and the stage waits for them.",
        "task duration >= time_ratio x median and >= median + excess_s, bytes or records (read, or written) >= "
        "data_ratio x median, and the time per byte or record at most normal_ratio x the median's; of the column that "
        "explains most of it",
        f"{RUN_AGAIN}: as it was, less the same time spread evenly",
        "Spread the data evenly: salt or broadcast the frequent keys, or let adaptive execution split the partition "
        "(spark.sql.adaptive.skewJoin).",
        (
            Threshold("time_ratio", 2, "Times the median duration."),
            Threshold("excess_s", 0.5, "Seconds above the median duration."),
            Threshold("data_ratio", 2, "Times the median bytes or records."),
            Threshold("normal_ratio", 2.5, "Times the median time per byte or record that is still normal."),
            TASKS,
            AT_MOST,
        ),
        (
            Cause(
                "shuffle read",
                "Some keys of the shuffle are far more frequent.",
                "Spread the frequent keys: salt them, broadcast the small side, or let adaptive execution split the "
                "partition (spark.sql.adaptive.skewJoin).",
            ),
            Cause(
                "input",
                "Some input partitions are far larger.",
                "Make the input's partitions even: splittable files of one size, or repartition after reading.",
            ),
            Cause(
                "written",
                "Some tasks make far more output from as much input.",
                "Spread the rows that multiply before they do: repartition or salt before the join or explode.",
            ),
        ),
    ),
    FindingCode(
        "straggler",
        "task",
        "skew",
        "A task takes far longer than the others of its stage, and here is why.",
        "task duration >= time_ratio x median and >= median + excess_s; not among the first tasks of its executor, nor "
        "of its stage there if those are all alike (they start it up). Its cause is the first that holds: more data "
        "(see skew); a slow machine (the executor's other tasks take >= slow_ratio x what their stages' tasks take on "
        "other executors); garbage collection, fetch wait or scheduling delay (the greatest, if it explains >= "
        "explained_ratio of the excess); spill (it spilled, the median task did not); locality (it was far from its "
        "data, most were not); else unknown",
        f"{RUN_AGAIN}: as it was, less with the stragglers at the median; only the stage's slowest is listed with a "
        f"cost",
        "Look at the task's log.",
        (
            Threshold("time_ratio", 3, "Times the median duration."),
            Threshold("excess_s", 1, "Seconds above the median duration."),
            Threshold("slow_ratio", 1.5, "Times what the executor's other tasks should take."),
            Threshold("other_tasks", 5, "Other tasks of the executor that this is judged by, at least."),
            Threshold("explained_ratio", 0.5, "Share of the excess that a cause explains at least."),
            TASKS,
            AT_MOST,
        ),
        (
            Cause("more data", "Its time per byte or record is normal.", "See the stage's finding skew."),
            Cause(
                "slow machine",
                "The executor's other tasks are slow too.",
                "Look at the machine (disk, CPU throttling, other tenants), or turn on spark.speculation.",
            ),
            Cause(
                "garbage collection",
                "The executor's JVM collected garbage meanwhile.",
                "Give executors more memory, or run fewer tasks at once on each.",
            ),
            Cause(
                "fetch wait",
                "It waited for shuffle blocks of other machines.",
                "Look at the machine that it fetched from and at the network; an external shuffle service helps.",
            ),
            Cause(
                "scheduling delay",
                "It waited to be started or deserialized, or for its result to be taken.",
                "Make closures, broadcasts and results smaller, and give the driver more cores.",
            ),
            Cause(
                "spill",
                "Its data did not fit into memory, the others' did.",
                "Use more partitions or more executor memory.",
            ),
            Cause(
                "locality",
                "It ran far from its data.",
                "Raise spark.locality.wait, or spread the cached data over all executors.",
            ),
            Cause(
                "unknown",
                "Nothing that Spark measures explains it.",
                "Look at what the code does with this task's data, and at its executor's log and machine.",
            ),
        ),
    ),
)
