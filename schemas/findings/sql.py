"""Plans of SQL executions, and data that is computed again."""

from .interface import ON_CORES, FindingCode, Threshold
from .settings import ARROW

CODES = (
    FindingCode(
        "small_files",
        "stage",
        "sql",
        "A scan reads many small files. Opening and listing them takes longer than reading them.",
        "files of one scan >= files, and bytes / files <= file_bytes; all scans of one source are one finding",
        "the time of the scans' stages x the share of the run time beyond records / records_per_s, at most file_s per "
        "file; plus the stages that listed the files",
        "Write fewer and larger files (repartition or coalesce before the write, or compact the table). Settings of "
        "the reading job do not help.",
        (
            Threshold("files", 200, "Minimum number of files that a scan reads."),
            Threshold("file_bytes", 1e6, "Maximum mean size of a file in bytes."),
            Threshold("file_s", 0.02, "Maximum time to open a file, in seconds."),
            Threshold("records_per_s", 1e6, "Records that a core reads in a second."),
        ),
    ),
    FindingCode(
        "small_output",
        "stage",
        "sql",
        "A write makes many small files, which every later read has to list and open.",
        "files of one write >= files, and bytes / files <= file_bytes",
        f"file_s per file, {ON_CORES}; at most the time of the stage that wrote them",
        "Repartition by the columns of partitionBy before the write, so that each partition is written by one task, or "
        "write with fewer tasks.",
        (
            Threshold("files", 200, "Minimum number of files that a write makes."),
            Threshold("file_bytes", 1e6, "Maximum mean size of a file in bytes."),
            Threshold("file_s", 0.02, "Time to open and close a file, in seconds."),
        ),
    ),
    FindingCode(
        "late_filter",
        "stage",
        "sql",
        "A query reads all rows of its files, and a filter right above drops most of them.",
        "rows of a scan of files >= rows, and of the filter above <= rows / rows_ratio; all scans of one source are "
        "one finding",
        "the time of the scans' stages x the share of the rows that are dropped",
        "Partition the table by the filtered column, or sort it by that column before the write. Compare the column "
        "itself, without a cast or function, so that Spark can skip files.",
        (
            Threshold("rows", 1e6, "Minimum number of rows that a scan returns."),
            Threshold("rows_ratio", 20, "Minimum ratio of the rows of the scan to those of the filter."),
        ),
        at_most="warning",
    ),
    FindingCode(
        "recomputed",
        "stage",
        "sql",
        "Several actions compute the same data frame or RDD from its source.",
        "actions outside searches whose stages compute one column with one expression id, or one RDD, >= times; stages "
        "that read persisted data do not count",
        "saved_ratio x (stages - 1) x the shortest of these stages; a stage below part_ratio of the longest does not "
        "count",
        "Cache the data frame before the first action (df.cache()), or write it to a table and read that. Unpersist "
        "it after the last action.",
        (
            Threshold("times", 3, "Minimum number of actions."),
            Threshold("part_ratio", 0.5, "Minimum ratio to the longest of the stages."),
            Threshold("saved_ratio", 0.7, "Share of the repeated time that is saved. Caching takes the rest."),
        ),
    ),
    FindingCode(
        "multiplied_rows",
        "stage",
        "sql",
        "A join or explode makes many rows of few, and a later node reduces them again.",
        "rows that a join or Generate returns >= rows, and >= rows_ratio x those of its larger input; a node above "
        "returns at most rows / rows_ratio",
        "the time of the stages that ran it x (1 - rows read / rows returned)",
        "Look for duplicate keys on both sides. Aggregate or deduplicate one side before the join, and filter before "
        "an explode.",
        (
            Threshold("rows", 10e6, "Minimum number of rows returned."),
            Threshold("rows_ratio", 20, "Minimum ratio to the rows of the larger input."),
        ),
    ),
    FindingCode(
        "cartesian_product",
        "stage",
        "sql",
        "A join without an equality compares every row of one side with every row of the other.",
        "a CartesianProduct or BroadcastNestedLoopJoin of two sides with >= rows each, and a product >= pairs",
        "the time of the stages that ran it, minus the share that one pass over both sides takes",
        "Add an equality to the join condition, for example on rounded or bucketed values.",
        (
            Threshold("rows", 100, "Minimum number of rows of each side."),
            Threshold("pairs", 100e6, "Minimum number of pairs."),
        ),
    ),
    FindingCode(
        "python_udf",
        "stage",
        "sql",
        "A Python function is called row by row, and most of the time is Python's.",
        "a stage with BatchEvalPython over >= rows",
        "saved_ratio x the stage's time x the share of its run time that is neither CPU time of the JVM, garbage "
        "collection nor fetch wait",
        "Use functions of Spark SQL. Where there is none, use pandas_udf or udf(useArrow=True), which pass batches.",
        (
            Threshold("rows", 100_000, "Minimum number of rows."),
            Threshold("saved_ratio", 0.5, "Share of Python's time that batches save."),
        ),
        settings=(ARROW,),
    ),
)
