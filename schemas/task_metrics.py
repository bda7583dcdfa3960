"""The columns of the tasks table, and their aggregates in the stages table.

To add a task value, add one Column here. The reader follows its source and the tables carry it. With a `metric` it is
also aggregated into stages and written to the runs of every level.
"""

from .columns import Column, Metric

_INFO = "TaskEnd > Task Info > "
_METRICS = "TaskEnd > Task Metrics > "
_READ = _METRICS + "Shuffle Read Metrics > "
_WRITE = _METRICS + "Shuffle Write Metrics > "
_MS, _NS = 1e-3, 1e-9

TASK_COLUMNS = (
    Column("stage_id", "int32", "Stage id.", "TaskEnd > Stage ID"),
    Column("stage_attempt", "int32", "Stage attempt.", "TaskEnd > Stage Attempt ID"),
    Column("task_id", "int64", "Task id, unique in the application.", _INFO + "Task ID"),
    Column(
        "index", "int32", "Index in the stage. Retries and speculative copies have the same index.", _INFO + "Index"
    ),
    Column("attempt", "int32", "Attempt number of this index, from 0.", _INFO + "Attempt"),
    Column("partition_id", "int32", "Partition id.", _INFO + "Partition ID", "3.3"),
    Column("executor_id", "string", "Executor that ran the task.", _INFO + "Executor ID"),
    Column("host", "string", "Host of the executor.", _INFO + "Host"),
    Column("locality", "string", "PROCESS_LOCAL, NODE_LOCAL, NO_PREF, RACK_LOCAL or ANY.", _INFO + "Locality"),
    Column("speculative", "bool", "Whether speculation started the task.", _INFO + "Speculative"),
    Column(
        "status",
        "string",
        "RUNNING (no TaskEnd), SUCCESS, FAILED or KILLED.",
        "derived: from TaskEnd > Task End Reason",
        text="constant",
    ),
    Column(
        "failure_reason",
        "string",
        "Reason for the failure or the kill, without the stack trace.",
        "derived: from TaskEnd > Task End Reason",
    ),
    Column("launch_time_ms", "int64", "Start, UTC epoch.", _INFO + "Launch Time"),
    Column("finish_time_ms", "int64", "End, UTC epoch.", _INFO + "Finish Time"),
    Column("duration_ms", "int64", "Finish minus launch.", "derived: finish_time_ms - launch_time_ms"),
    Column(
        "scheduler_delay_ms",
        "int64",
        "Time other than running, serialization, deserialization and fetching the result.",
        "derived: max(0, duration - run - deserialize - result serialization - getting result)",
        metric=Metric("time/scheduler_delay_s", _MS),
    ),
    Column(
        "getting_result_time_ms",
        "int64",
        "Time in which the driver fetched the result.",
        "derived: finish_time_ms - TaskEnd > Task Info > Getting Result Time, where that is not 0",
    ),
    Column(
        "executor_run_time_ms",
        "int64",
        "Run time on the executor, including waits.",
        _METRICS + "Executor Run Time",
        metric=Metric("time/executor_run_s", _MS),
    ),
    Column(
        "executor_cpu_time_ns",
        "int64",
        "CPU time on the executor.",
        _METRICS + "Executor CPU Time",
        "2.1",
        metric=Metric("time/executor_cpu_s", _NS),
    ),
    Column(
        "executor_deserialize_time_ms",
        "int64",
        "Time to deserialize the task.",
        _METRICS + "Executor Deserialize Time",
        metric=Metric("time/executor_deserialize_s", _MS),
    ),
    Column(
        "executor_deserialize_cpu_time_ns",
        "int64",
        "CPU time to deserialize the task.",
        _METRICS + "Executor Deserialize CPU Time",
        "2.1",
    ),
    Column(
        "jvm_gc_time_ms",
        "int64",
        "Garbage collection time of the executor's JVM during the task.",
        _METRICS + "JVM GC Time",
        metric=Metric("time/gc_s", _MS),
    ),
    Column(
        "result_serialization_time_ms",
        "int64",
        "Time to serialize the result.",
        _METRICS + "Result Serialization Time",
        metric=Metric("time/result_serialization_s", _MS),
    ),
    Column(
        "result_size_bytes",
        "int64",
        "Size of the result sent to the driver.",
        _METRICS + "Result Size",
        metric=Metric("io/result_bytes"),
    ),
    Column(
        "peak_execution_memory_bytes",
        "int64",
        "Peak memory of sorts, joins and aggregations.",
        _METRICS + "Peak Execution Memory",
        "3.1",
        metric=Metric("memory/peak_execution_bytes", aggregate="max"),
    ),
    Column(
        "memory_spilled_bytes",
        "int64",
        "Memory freed by spilling.",
        _METRICS + "Memory Bytes Spilled",
        metric=Metric("spill/memory_bytes"),
    ),
    Column(
        "disk_spilled_bytes",
        "int64",
        "Bytes spilled to disk.",
        _METRICS + "Disk Bytes Spilled",
        metric=Metric("spill/disk_bytes"),
    ),
    Column(
        "input_bytes",
        "int64",
        "Bytes read from storage or cache.",
        _METRICS + "Input Metrics > Bytes Read",
        metric=Metric("io/input_bytes"),
    ),
    Column(
        "input_records",
        "int64",
        "Records read from storage or cache.",
        _METRICS + "Input Metrics > Records Read",
        "1.3",
        metric=Metric("io/input_records"),
    ),
    Column(
        "output_bytes",
        "int64",
        "Bytes written to storage.",
        _METRICS + "Output Metrics > Bytes Written",
        metric=Metric("io/output_bytes"),
    ),
    Column(
        "output_records",
        "int64",
        "Records written to storage.",
        _METRICS + "Output Metrics > Records Written",
        "1.3",
        metric=Metric("io/output_records"),
    ),
    Column(
        "shuffle_read_bytes",
        "int64",
        "Shuffle bytes read, remote and local.",
        "derived: shuffle_remote_read_bytes + shuffle_local_read_bytes",
        metric=Metric("shuffle/read_bytes"),
    ),
    Column(
        "shuffle_remote_read_bytes",
        "int64",
        "Shuffle bytes read over the network.",
        _READ + "Remote Bytes Read",
        metric=Metric("shuffle/remote_read_bytes"),
    ),
    Column(
        "shuffle_local_read_bytes", "int64", "Shuffle bytes read from this host.", _READ + "Local Bytes Read", "1.3"
    ),
    Column(
        "shuffle_read_records",
        "int64",
        "Shuffle records read.",
        _READ + "Total Records Read",
        "1.3",
        metric=Metric("shuffle/read_records"),
    ),
    Column(
        "shuffle_fetch_wait_ms",
        "int64",
        "Time blocked waiting for shuffle blocks.",
        _READ + "Fetch Wait Time",
        metric=Metric("shuffle/fetch_wait_s", _MS),
    ),
    Column(
        "shuffle_write_bytes",
        "int64",
        "Shuffle bytes written.",
        _WRITE + "Shuffle Bytes Written",
        metric=Metric("shuffle/write_bytes"),
    ),
    Column(
        "shuffle_write_records",
        "int64",
        "Shuffle records written.",
        _WRITE + "Shuffle Records Written",
        "1.3",
        metric=Metric("shuffle/write_records"),
    ),
    Column(
        "shuffle_write_time_ns",
        "int64",
        "Time to write shuffle blocks.",
        _WRITE + "Shuffle Write Time",
        metric=Metric("shuffle/write_s", _NS),
    ),
)

STAGE_SUMS = tuple(
    Column(
        column.name,
        column.type,
        f"{'Sum' if column.metric.aggregate == 'sum' else 'Maximum'} over the stage's task attempts, also failed ones.",
        f"derived: {column.metric.aggregate} of tasks.{column.name}",
        column.since,
        column.metric,
    )
    for column in TASK_COLUMNS
    if column.metric is not None
)
