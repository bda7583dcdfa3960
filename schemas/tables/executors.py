"""Executors, and the memory they used."""

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
        Column("add_time_ms", "int64", "When it joined, UTC epoch.", "ExecutorAdded > Timestamp"),
        Column("remove_time_ms", "int64", "When it left, UTC epoch.", "ExecutorRemoved > Timestamp"),
        Column("remove_reason", "string", "Why it left.", "ExecutorRemoved > Removed Reason"),
        Column("max_memory_bytes", "int64", "Memory for storage and execution.", "BlockManagerAdded > Maximum Memory"),
        Column("num_tasks", "int64", "Task attempts it ran.", "derived: count of tasks"),
        Column(
            "task_time_ms", "int64", "Time in which its task slots were taken.", "derived: sum of tasks.duration_ms"
        ),
    ),
)

EXECUTOR_METRICS = Table(
    "executor_metrics",
    grain="the peak memory of one executor, as the end of one task or of one stage attempt told it",
    key=(),
    columns=(
        Column("executor_id", "string", "Executor id.", "TaskEnd > Task Info > Executor ID", "3.0"),
        Column("time_ms", "int64", "When the task or the stage ended, UTC epoch.", "derived: their end", "3.0"),
        Column("jvm_heap_bytes", "int64", "Heap of the JVM.", f"derived: {_PEAK}JVMHeapMemory", "3.0"),
        Column(
            "jvm_off_heap_bytes", "int64", "Memory of the JVM beside it.", f"derived: {_PEAK}JVMOffHeapMemory", "3.0"
        ),
        Column(
            "storage_bytes",
            "int64",
            "Memory that cached and broadcast blocks take, on and off the heap.",
            f"derived: {_PEAK}OnHeapStorageMemory + OffHeapStorageMemory",
            "3.0",
        ),
        Column(
            "rss_bytes",
            "int64",
            "Resident memory of its processes: JVM, Python, others. Needs spark.executor.processTreeMetrics.enabled.",
            f"derived: {_PEAK}ProcessTree*RSSMemory",
            "3.0",
        ),
    ),
)
