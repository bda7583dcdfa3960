"""The events that are read, and the fields that become rows before any join.

The decoder follows the `source` path of every column and skips all other fields and events. A list inside an event
(stages of a job, properties, accumulators, plan nodes) has its own table.
"""

from dataclasses import dataclass

from . import spark
from .columns import Column, Table, Type
from .tables import (
    APPLICATIONS,
    CONNECT_OPERATIONS,
    CONNECT_SESSIONS,
    EXECUTORS,
    JOBS,
    PROPERTIES,
    SQL_EXECUTIONS,
    SQL_SCANS,
    STAGES,
    TASK_METRICS,
    TASKS,
)


@dataclass(frozen=True, slots=True)
class EventTable:
    """Rows of one kind of event. `nested` is set where one event has many rows."""

    table: Table
    event: str
    nested: bool = False


def _event(name: str, event: str, grain: str, *columns: Column) -> EventTable:
    at = Column(
        "at", "int64", "Position of the event in the log. It orders events and is not a byte offset.", "derived: reader"
    )
    return EventTable(Table(name, grain, ("at",), (at, *columns)), event)


def _nested(name: str, event: str, grain: str, *columns: Column) -> EventTable:
    return EventTable(Table(name, grain, (), columns), event, nested=True)


def _from(table: Table, event: str, *names: str) -> tuple[Column, ...]:
    """Return the columns of an entity table that come from this event."""
    return tuple(c for c in table if c.source.startswith(event + " >") and (not names or c.name in names))


def _raw(name: str, type: Type, source: str, doc: str = "") -> Column:
    return Column(name, type, doc or source.rsplit("> ", 1)[-1], source)


LOG_START = _event("log_start", spark.LOG_START, "one driver start", *_from(APPLICATIONS, "LogStart"))
DATABRICKS_METADATA = _event(
    "databricks_metadata",
    spark.DATABRICKS_METADATA,
    "one segment of a Databricks log",
    _raw("spark_version", "string", "DBCEventLoggingListenerMetadata > Spark Version"),
    _raw("rollover_number", "int64", "DBCEventLoggingListenerMetadata > Rollover Number"),
)
APPLICATION_START = _event(
    "application_start", spark.APPLICATION_START, "one application attempt", *_from(APPLICATIONS, "ApplicationStart")
)
APPLICATION_END = _event(
    "application_end", spark.APPLICATION_END, "one application attempt", *_from(APPLICATIONS, "ApplicationEnd")
)
EXECUTOR_ADDED = _event("executor_added", spark.EXECUTOR_ADDED, "one executor", *_from(EXECUTORS, "ExecutorAdded"))
EXECUTOR_REMOVED = _event(
    "executor_removed",
    spark.EXECUTOR_REMOVED,
    "one executor",
    _raw("executor_id", "string", "ExecutorRemoved > Executor ID"),
    *_from(EXECUTORS, "ExecutorRemoved"),
)
BLOCK_MANAGER_ADDED = _event(
    "block_manager_added",
    spark.BLOCK_MANAGER_ADDED,
    "one executor or driver",
    _raw("executor_id", "string", "BlockManagerAdded > Block Manager ID > Executor ID"),
    _raw("host", "string", "BlockManagerAdded > Block Manager ID > Host"),
    _raw("time_ms", "int64", "BlockManagerAdded > Timestamp"),
    *_from(EXECUTORS, "BlockManagerAdded"),
)
JOB_START = _event(
    "job_start", spark.JOB_START, "one job", *_from(JOBS, "JobStart", "job_id", "submission_time_ms", "stage_ids")
)
JOB_PROPERTIES = _nested(
    "job_properties",
    spark.JOB_START,
    "one local property of one job",
    _raw("job_id", "int32", "JobStart > Job ID"),
    _raw("key", "string", "derived: JobStart > Properties, its keys"),
    _raw("value", "string", "derived: JobStart > Properties, its values"),
)
JOB_STAGES = _nested(
    "job_stages",
    spark.JOB_START,
    "one stage that one job lists",
    _raw("job_id", "int32", "JobStart > Job ID"),
    _raw("stage_id", "int32", "derived: JobStart > Stage Infos > Stage ID"),
    _raw("name", "string", "derived: JobStart > Stage Infos > Stage Name"),
    _raw("num_tasks", "int64", "derived: JobStart > Stage Infos > Number of Tasks"),
    _raw("parent_ids", "list<int64>", "derived: JobStart > Stage Infos > Parent IDs"),
    _raw("rdd_ids", "list<int64>", "derived: JobStart > Stage Infos > RDD Info > RDD ID"),
    _raw("ml_stack", "string", "derived: JobStart > Stage Infos > Details, the lines in org.apache.spark.ml and mllib"),
    _raw("stack_depth", "int32", "derived: JobStart > Stage Infos > Details, how many lines"),
)
RDDS = _nested(
    "rdds",
    spark.JOB_START,
    "one RDD, as the first job of a batch of lines that reads it shows it",
    _raw("rdd_id", "int64", "derived: JobStart > Stage Infos > RDD Info > RDD ID"),
    _raw("name", "string", "derived: JobStart > Stage Infos > RDD Info > Name, its first 2,048 characters"),
    _raw("callsite", "string", "derived: JobStart > Stage Infos > RDD Info > Callsite"),
    _raw("parent_ids", "list<int64>", "derived: JobStart > Stage Infos > RDD Info > Parent IDs"),
    _raw("cached", "bool", "derived: JobStart > Stage Infos > RDD Info > Storage Level > Use Memory or Use Disk"),
    _raw("barrier", "bool", "derived: JobStart > Stage Infos > RDD Info > Barrier"),
    _raw("scope", "string", "derived: JobStart > Stage Infos > RDD Info > Scope, its name"),
    _raw("storage_level", "string", "derived: JobStart > Stage Infos > RDD Info > Storage Level; null if not cached"),
    _raw("num_partitions", "int64", "derived: JobStart > Stage Infos > RDD Info > Number of Partitions"),
)
JOB_END = _event(
    "job_end", spark.JOB_END, "one job", _raw("job_id", "int32", "JobEnd > Job ID"), *_from(JOBS, "JobEnd")
)
STAGE_SUBMITTED = _event(
    "stage_submitted", spark.STAGE_SUBMITTED, "one stage attempt", *_from(STAGES, "StageSubmitted")
)
STAGE_COMPLETED = _event(
    "stage_completed",
    spark.STAGE_COMPLETED,
    "one stage attempt",
    *(
        Column(c.name, c.type, c.doc, c.source.replace("StageSubmitted", "StageCompleted"), c.since)
        for c in _from(STAGES, "StageSubmitted")
    ),
    *_from(STAGES, "StageCompleted"),
)


def _peaks(path: str) -> tuple[Column, ...]:
    """Return the memory and garbage collection columns of ExecutorMetrics; 0 where it was not polled."""
    return tuple(_raw(name, "int64", path + key) for name, key in spark.EXECUTOR_METRICS.items())


STAGE_EXECUTOR_METRICS = _event(
    "stage_executor_metrics",
    spark.STAGE_EXECUTOR_METRICS,
    "one executor in one stage attempt",
    _raw("executor_id", "string", "StageExecutorMetrics > Executor ID"),
    _raw("stage_id", "int32", "StageExecutorMetrics > Stage ID"),
    _raw("stage_attempt", "int32", "StageExecutorMetrics > Stage Attempt ID"),
    *_peaks("StageExecutorMetrics > Executor Metrics > "),
)
TASK_START = EventTable(
    Table(
        "task_start",
        "one task attempt",
        TASKS.key,
        tuple(
            Column(c.name, c.type, c.doc, c.source.replace("TaskEnd", "TaskStart"), c.since)
            for c in _from(TASKS, "TaskEnd")
            if "Task Metrics" not in c.source and c.name != "finish_time_ms"
        ),
    ),
    spark.TASK_START,
)
_REASON = "TaskEnd > Task End Reason > "
TASK_END = EventTable(
    Table(
        "task_end",
        "one TaskEnd event",
        (),
        (
            *_from(TASKS, "TaskEnd"),
            _raw("getting_result_at_ms", "int64", "TaskEnd > Task Info > Getting Result Time"),
            _raw("reason", "string", _REASON + "Reason"),
            _raw("class_name", "string", _REASON + "Class Name"),
            _raw("description", "string", _REASON + "Description"),
            _raw("message", "string", _REASON + "Message"),
            _raw("kill_reason", "string", _REASON + "Kill Reason"),
            _raw("loss_reason", "string", _REASON + "Loss Reason"),
            *_peaks("TaskEnd > Task Executor Metrics > "),
        ),
    ),
    spark.TASK_END,
)
TASK_ACCUMULATORS = EventTable(
    Table("task_accumulators", TASK_METRICS.grain, (), TASK_METRICS.columns), spark.TASK_END, nested=True
)
TASK_UPDATES = _nested(
    "task_updates",
    spark.TASK_END,
    "one TaskEnd with metrics of SQL",
    _raw("stage_id", "int32", "derived: TaskEnd > Stage ID"),
    _raw("stage_attempt", "int32", "derived: TaskEnd > Stage Attempt ID"),
    _raw("index", "int32", "derived: TaskEnd > Task Info > Index"),
    _raw("task_id", "int64", "derived: TaskEnd > Task Info > Task ID"),
    _raw("reason", "string", "derived: TaskEnd > Task End Reason > Reason"),
    _raw("metric_ids", "list<int64>", "derived: TaskEnd > Task Info > Accumulables > ID, with metadata sql"),
    _raw("values", "list<int64>", "derived: TaskEnd > Task Info > Accumulables > Update, of the same"),
)
SQL_START = _event("sql_start", spark.SQL_START, "one SQL execution", *_from(SQL_EXECUTIONS, "SQLExecutionStart"))
SQL_END = _event(
    "sql_end",
    spark.SQL_END,
    "one SQL execution",
    _raw("execution_id", "int64", "SQLExecutionEnd > executionId"),
    *_from(SQL_EXECUTIONS, "SQLExecutionEnd"),
)
PLAN_SCANS = EventTable(Table("plan_scans", SQL_SCANS.grain, (), SQL_SCANS.columns), spark.SQL_START, nested=True)
PLAN_FUNCTIONS = _nested(
    "plan_functions",
    spark.SQL_START,
    "one node of one SQL execution's plan that runs a Python function",
    _raw("execution_id", "int64", "SQLExecutionStart > executionId"),
    _raw("node", "string", "derived: SQLExecutionStart > sparkPlanInfo > nodeName, one of schemas.spark.PYTHON_NODES"),
    _raw("text", "string", "derived: SQLExecutionStart > sparkPlanInfo > simpleString"),
)
PLAN_FOLDS = _nested(
    "plan_folds",
    spark.SQL_START,
    "one filter on a search's random column in one SQL execution's plan",
    _raw("execution_id", "int64", "SQLExecutionStart > executionId"),
    _raw("filter", "string", "derived: SQLExecutionStart > sparkPlanInfo > simpleString of Filter nodes with `_rand#`"),
)
PLAN_LINKS = _nested(
    "plan_links",
    spark.SQL_START,
    "one SQL execution whose plan reads a fold of a search",
    _raw("execution_id", "int64", "SQLExecutionStart > executionId"),
    _raw("metric_ids", "list<int64>", "derived: SQLExecutionStart > sparkPlanInfo > metrics > accumulatorId"),
    _raw("attribute_ids", "list<int64>", "derived: SQLExecutionStart > sparkPlanInfo > simpleString above the fold"),
)
SQL_PLANS = _nested(
    "sql_plans",
    spark.SQL_ADAPTIVE_UPDATE,
    "the plan of one SQL execution, as the last event of a batch of lines has it, its start included",
    _raw("execution_id", "int64", "SQLAdaptiveExecutionUpdate > executionId"),
    _raw("plan", "binary", "derived: JSON with SQLAdaptiveExecutionUpdate > sparkPlanInfo, by PLAN_CODEC"),
    _raw("plan_bytes", "int64", "derived: bytes of that JSON"),
)
_NODE = "SQLExecutionStart, SQLAdaptiveExecutionUpdate > sparkPlanInfo > "
PLAN_NODES = Table(
    "plan_nodes",
    "one node of the last plan of one SQL execution, from the root down",
    ("execution_id", "node"),
    (
        _raw("execution_id", "int64", "derived: SQLExecutionStart > executionId"),
        _raw("node", "int64", "derived: number of the node in its plan, from the root down"),
        _raw("parent", "int64", "derived: number of the node above; -1 for the root"),
        _raw("name", "string", f"derived: {_NODE}nodeName"),
        _raw("description", "string", f"derived: {_NODE}simpleString"),
        _raw("metric_names", "list<string>", f"derived: {_NODE}metrics > name"),
        _raw("metric_ids", "list<int64>", f"derived: {_NODE}metrics > accumulatorId"),
        _raw("metric_types", "list<string>", f"derived: {_NODE}metrics > metricType"),
    ),
)
"""What extract.plan_nodes makes of sql_plans."""
DRIVER_METRICS = _nested(
    "driver_metrics",
    spark.DRIVER_ACCUM_UPDATES,
    "one metric of a SQL execution that the driver measured",
    _raw("execution_id", "int64", "DriverAccumUpdates > executionId"),
    _raw("metric_id", "int64", "derived: DriverAccumUpdates > accumUpdates, the first of each pair"),
    _raw("value", "int64", "derived: DriverAccumUpdates > accumUpdates, the second of each pair"),
)
STAGE_METRICS = _nested(
    "stage_metrics",
    spark.STAGE_COMPLETED,
    "one stage attempt that computed part of a SQL execution's plan",
    _raw("stage_id", "int32", "StageCompleted > Stage Info > Stage ID"),
    _raw("metric_ids", "list<int64>", "derived: StageCompleted > Stage Info > Accumulables > ID, with metadata sql"),
    _raw("values", "list<int64>", "derived: StageCompleted > Stage Info > Accumulables > Value, of the same; else -1"),
)
CONNECT_SESSION_STARTED = _event(
    "connect_session_started",
    spark.CONNECT_SESSION_STARTED,
    "one Spark Connect session",
    *_from(CONNECT_SESSIONS, "ConnectSessionStarted"),
)
CONNECT_SESSION_CLOSED = _event(
    "connect_session_closed",
    spark.CONNECT_SESSION_CLOSED,
    "one Spark Connect session",
    _raw("session_id", "string", "ConnectSessionClosed > sessionId"),
    *_from(CONNECT_SESSIONS, "ConnectSessionClosed"),
)
CONNECT_OPERATION_STARTED = _event(
    "connect_operation_started",
    spark.CONNECT_OPERATION_STARTED,
    "one Spark Connect operation",
    *_from(CONNECT_OPERATIONS, "ConnectOperationStarted"),
    _raw("statement_text", "string", "ConnectOperationStarted > statementText"),
)
CONNECT_OPERATION_FINISHED = _event(
    "connect_operation_finished",
    spark.CONNECT_OPERATION_FINISHED,
    "one Spark Connect operation",
    _raw("operation_id", "string", "ConnectOperationFinished > operationId"),
    *_from(CONNECT_OPERATIONS, "ConnectOperationFinished"),
)
CONNECT_OPERATION_FAILED = _event(
    "connect_operation_failed",
    spark.CONNECT_OPERATION_FAILED,
    "one Spark Connect operation",
    _raw("operation_id", "string", "ConnectOperationFailed > operationId"),
    _raw("completion_time_ms", "int64", "ConnectOperationFailed > eventTime"),
    *_from(CONNECT_OPERATIONS, "ConnectOperationFailed"),
)
CONNECT_OPERATION_CANCELED = _event(
    "connect_operation_canceled",
    spark.CONNECT_OPERATION_CANCELED,
    "one Spark Connect operation",
    _raw("operation_id", "string", "ConnectOperationCanceled > operationId"),
    _raw("completion_time_ms", "int64", "ConnectOperationCanceled > eventTime"),
)
CONNECT_OPERATION_CLOSED = _event(
    "connect_operation_closed",
    spark.CONNECT_OPERATION_CLOSED,
    "one Spark Connect operation",
    _raw("operation_id", "string", "ConnectOperationClosed > operationId"),
    _raw("completion_time_ms", "int64", "ConnectOperationClosed > eventTime"),
)
STREAMING_QUERY_STARTED = _event(
    "streaming_query_started",
    spark.QUERY_STARTED,
    "one start of a structured streaming query",
    _raw("query_id", "string", "QueryStartedEvent > id"),
    _raw("run_id", "string", "QueryStartedEvent > runId"),
    _raw("name", "string", "QueryStartedEvent > name"),
    _raw("timestamp", "string", "QueryStartedEvent > timestamp"),
)
_PROGRESS = "QueryProgressEvent > progress > "
STREAMING_QUERY_PROGRESS = _event(
    "streaming_query_progress",
    spark.QUERY_PROGRESS,
    "one report on a trigger of a structured streaming query",
    _raw("query_id", "string", _PROGRESS + "id"),
    _raw("run_id", "string", _PROGRESS + "runId"),
    _raw("name", "string", _PROGRESS + "name"),
    _raw("timestamp", "string", _PROGRESS + "timestamp"),
    _raw("batch_id", "int64", _PROGRESS + "batchId"),
    _raw("trigger_ms", "int64", _PROGRESS + "durationMs > triggerExecution"),
    _raw("add_batch_ms", "int64", _PROGRESS + "durationMs > addBatch"),
    _raw("output_rows", "int64", _PROGRESS + "sink > numOutputRows"),
)
STREAMING_SOURCES = _nested(
    "streaming_sources",
    spark.QUERY_PROGRESS,
    "one source in one report on a trigger",
    _raw("run_id", "string", "derived: QueryProgressEvent > progress > runId"),
    _raw("batch_id", "int64", "derived: QueryProgressEvent > progress > batchId"),
    _raw("timestamp", "string", "derived: QueryProgressEvent > progress > timestamp"),
    _raw("input_rows", "int64", "derived: QueryProgressEvent > progress > sources > numInputRows"),
)
STREAMING_QUERY_TERMINATED = _event(
    "streaming_query_terminated",
    spark.QUERY_TERMINATED,
    "one end of a structured streaming query",
    _raw("run_id", "string", "QueryTerminatedEvent > runId"),
    _raw("error_message", "string", "QueryTerminatedEvent > exception"),
)
ENVIRONMENT = EventTable(
    Table("environment", PROPERTIES.grain, (), PROPERTIES.columns), spark.ENVIRONMENT_UPDATE, nested=True
)
RESOURCES = _nested(
    "resources",
    spark.RESOURCE_PROFILE_ADDED,
    "one resource request of one resource profile",
    _raw("resource_profile_id", "int32", "ResourceProfileAdded > Resource Profile Id"),
    _raw("scope", "string", "derived: executor or task"),
    _raw("resource", "string", "derived: ResourceProfileAdded > Executor Resource Requests, its keys"),
    _raw("amount", "double", "derived: ResourceProfileAdded > Executor Resource Requests > Amount"),
)

EVENT_TABLES = (
    LOG_START,
    DATABRICKS_METADATA,
    APPLICATION_START,
    APPLICATION_END,
    ENVIRONMENT,
    RESOURCES,
    EXECUTOR_ADDED,
    EXECUTOR_REMOVED,
    BLOCK_MANAGER_ADDED,
    JOB_START,
    JOB_PROPERTIES,
    JOB_STAGES,
    RDDS,
    JOB_END,
    STAGE_SUBMITTED,
    STAGE_COMPLETED,
    TASK_START,
    TASK_END,
    TASK_ACCUMULATORS,
    TASK_UPDATES,
    SQL_START,
    SQL_END,
    PLAN_SCANS,
    PLAN_FUNCTIONS,
    PLAN_FOLDS,
    PLAN_LINKS,
    STAGE_METRICS,
    SQL_PLANS,
    DRIVER_METRICS,
    STAGE_EXECUTOR_METRICS,
    CONNECT_SESSION_STARTED,
    CONNECT_SESSION_CLOSED,
    CONNECT_OPERATION_STARTED,
    CONNECT_OPERATION_FINISHED,
    CONNECT_OPERATION_FAILED,
    CONNECT_OPERATION_CANCELED,
    CONNECT_OPERATION_CLOSED,
    STREAMING_QUERY_STARTED,
    STREAMING_QUERY_PROGRESS,
    STREAMING_SOURCES,
    STREAMING_QUERY_TERMINATED,
)
