"""Executors and their memory."""

from ..columns import Column, Table

_PEAK = "TaskEnd > Task Executor Metrics, StageExecutorMetrics > Executor Metrics: "

EXECUTORS = Table(
    "executors",
    grain="one executor",
    key=("executor_id",),
    columns=(
        Column("executor_id", "string", "Executor id.", "ExecutorAdded > Executor ID"),
        Column("host", "string", "Host.", "ExecutorAdded > Executor Info > Host"),
        Column("cores", "int32", "Cores.", "ExecutorAdded > Executor Info > Total Cores"),
        Column(
            "resource_profile_id",
            "int32",
            "Resource profile.",
            "ExecutorAdded > Executor Info > Resource Profile Id",
            "3.1",
        ),
        Column("add_time_ms", "int64", "Time at which it was added, UTC epoch.", "ExecutorAdded > Timestamp"),
        Column("remove_time_ms", "int64", "Time at which it was removed, UTC epoch.", "ExecutorRemoved > Timestamp"),
        Column("remove_reason", "string", "Reason for the removal.", "ExecutorRemoved > Removed Reason"),
        Column("max_memory_bytes", "int64", "Memory for storage and execution.", "BlockManagerAdded > Maximum Memory"),
        Column("num_tasks", "int64", "Number of task attempts that it ran.", "derived: count of tasks"),
        Column("task_time_ms", "int64", "Total duration of its task attempts.", "derived: sum of tasks.duration_ms"),
    ),
)

_RDD = "derived: JobStart > Stage Infos > RDD Info > "

CACHED_RDDS = Table(
    "cached_rdds",
    grain="one RDD that a job persists; a cached DataFrame is one",
    key=("rdd_id",),
    columns=(
        Column("rdd_id", "int64", "RDD.", f"{_RDD}RDD ID"),
        Column("name", "string", "Name; for a DataFrame its plan. At most 300 characters.", f"{_RDD}Name"),
        Column("call_site", "string", "Where it was made.", f"{_RDD}Callsite"),
        Column("storage_level", "string", "memory, disk, or memory and disk.", f"{_RDD}Storage Level", text="constant"),
        Column("num_partitions", "int64", "Number of partitions.", f"{_RDD}Number of Partitions"),
        Column(
            "stage_ids",
            "list<int64>",
            "Stages that compute or read it. Skipped stages are among them.",
            "derived: stages.persisted_rdd_ids",
        ),
    ),
)

EXECUTOR_METRICS = Table(
    "executor_metrics",
    grain="the peak memory of one executor, reported at the end of one task or stage attempt",
    key=(),
    columns=(
        Column("executor_id", "string", "Executor id.", "TaskEnd > Task Info > Executor ID", "3.0"),
        Column("time_ms", "int64", "End of the task or stage attempt, UTC epoch.", "derived: their end", "3.0"),
        Column("jvm_heap_bytes", "int64", "Heap memory of the JVM.", f"derived: {_PEAK}JVMHeapMemory", "3.0"),
        Column(
            "jvm_off_heap_bytes",
            "int64",
            "Memory of the JVM outside the heap.",
            f"derived: {_PEAK}JVMOffHeapMemory",
            "3.0",
        ),
        Column(
            "storage_bytes",
            "int64",
            "Memory of cached and broadcast blocks, on and off the heap.",
            f"derived: {_PEAK}OnHeapStorageMemory + OffHeapStorageMemory",
            "3.0",
        ),
        Column(
            "rss_bytes",
            "int64",
            "Resident memory of all its processes. Needs spark.executor.processTreeMetrics.enabled.",
            f"derived: {_PEAK}ProcessTree*RSSMemory",
            "3.0",
        ),
    ),
)
