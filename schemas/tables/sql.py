"""SQL executions and the data sources that they read."""

from ..columns import Column, Table

SQL_EXECUTIONS = Table(
    "sql_executions",
    grain="one SQL execution",
    key=("execution_id",),
    columns=(
        Column("execution_id", "int64", "Execution id.", "SQLExecutionStart > executionId", "1.6"),
        Column(
            "root_execution_id",
            "int64",
            "Execution that started this one, else its own id.",
            "SQLExecutionStart > rootExecutionId",
            "3.4",
        ),
        Column("description", "string", "Call site or job description.", "SQLExecutionStart > description", "1.6"),
        Column(
            "details",
            "string",
            "Stack trace of the thread that started the execution, innermost frame first.",
            "SQLExecutionStart > details",
            "1.6",
        ),
        Column(
            "status",
            "string",
            "RUNNING (no end), COMPLETED or FAILED.",
            "derived: from SQLExecutionEnd",
            text="constant",
        ),
        Column("error_message", "string", "Reason for the failure.", "SQLExecutionEnd > errorMessage", "3.4"),
        Column("submission_time_ms", "int64", "Start, UTC epoch.", "SQLExecutionStart > time", "1.6"),
        Column("completion_time_ms", "int64", "End, UTC epoch.", "SQLExecutionEnd > time", "1.6"),
        Column(
            "duration_ms", "int64", "Completion minus submission.", "derived: completion_time_ms - submission_time_ms"
        ),
    ),
)

_PLAN = "SQLExecutionStart, SQLAdaptiveExecutionUpdate > sparkPlanInfo"
_UPDATES = "TaskEnd > Task Info > Accumulables > Update, DriverAccumUpdates > accumUpdates"
_VALUES = f"StageCompleted > Stage Info > Accumulables, {_UPDATES}"

SQL_NODES = Table(
    "sql_nodes",
    grain="one node of the final plan of one SQL execution, as Spark's page of the execution draws it",
    key=("execution_id", "node_id"),
    columns=(
        Column("execution_id", "int64", "SQL execution.", "derived: SQLExecutionStart > executionId", "1.6"),
        Column(
            "node_id",
            "int32",
            "Number of the node in the plan, as in Spark's page.",
            f"derived: {_PLAN}, numbered",
            "1.6",
        ),
        Column("name", "string", "Operator, such as SortMergeJoin.", f"derived: {_PLAN} > nodeName", "1.6"),
        Column(
            "description",
            "string",
            "The operator with its arguments; at most 2,000 characters.",
            f"derived: {_PLAN} > simpleString",
            "1.6",
        ),
        Column(
            "parent_ids",
            "list<int64>",
            "Nodes that read the output of this one: several for an exchange that is reused.",
            f"derived: {_PLAN} > children",
            "1.6",
        ),
        Column(
            "codegen_id",
            "int32",
            "Node of the WholeStageCodegen that it is compiled into; null outside.",
            f"derived: {_PLAN} > children",
            "2.0",
        ),
        Column(
            "output_rows",
            "int64",
            "Rows that it returned, over all tasks.",
            "derived: sql_metrics, `number of output rows`",
            "1.6",
        ),
        Column(
            "data_bytes",
            "int64",
            "Size of the rows that it exchanged, broadcast or read from files.",
            "derived: sql_metrics, `data size`, else `size of files read`",
            "1.6",
        ),
        Column(
            "time_ms",
            "int64",
            "Time that it measured, over all tasks and the driver; not every operator measures its time.",
            "derived: sum of the node's sql_metrics of type timing and nsTiming",
            "2.0",
        ),
        Column("spill_bytes", "int64", "Bytes spilled, over all tasks.", "derived: sql_metrics, `spill size`", "2.0"),
        Column(
            "peak_memory_bytes",
            "int64",
            "Sum of the peak memory of its tasks.",
            "derived: sql_metrics, `peak memory`",
            "2.0",
        ),
        Column(
            "stage_ids",
            "list<int64>",
            "Stages whose tasks measured it. Empty for a node without metrics.",
            "derived: StageCompleted > Stage Info > Accumulables > ID",
            "1.6",
        ),
    ),
)

SQL_METRICS = Table(
    "sql_metrics",
    grain="one metric of one node of sql_nodes that has a value",
    key=("execution_id", "node_id", "name"),
    columns=(
        Column("execution_id", "int64", "SQL execution.", "derived: SQLExecutionStart > executionId", "1.6"),
        Column("node_id", "int32", "Node of sql_nodes.", f"derived: {_PLAN}, numbered", "1.6"),
        Column("name", "string", "Name of the metric.", f"derived: {_PLAN} > metrics > name", "1.6"),
        Column(
            "type",
            "string",
            "sum, size (bytes), timing (ms), nsTiming (ns) or average (its total means nothing and is null).",
            f"derived: {_PLAN} > metrics > metricType",
            "2.0",
        ),
        Column("total", "int64", "Sum over all tasks and the driver.", f"derived: {_VALUES}", "1.6"),
        Column(
            "num_values",
            "int64",
            "Values of tasks and the driver. With fewer than two, Spark shows the total alone.",
            f"derived: {_UPDATES}",
            "2.0",
        ),
        Column(
            "min",
            "int64",
            "Least value of a task. A task without a value counts as 0, as in Spark; an average is in tenths.",
            f"derived: {_UPDATES}",
            "2.0",
        ),
        Column("median", "int64", "Median value of the tasks, as `min`.", f"derived: {_UPDATES}", "2.0"),
        Column("max", "int64", "Greatest value of a task, as `min`.", f"derived: {_UPDATES}", "2.0"),
        Column(
            "max_stage_id",
            "int32",
            "Stage of the task with the greatest value; null where the driver measured it.",
            f"derived: {_UPDATES}",
            "2.0",
        ),
        Column("max_stage_attempt", "int32", "Its stage attempt.", f"derived: {_UPDATES}", "2.0"),
        Column("max_task_id", "int64", "Its task.", f"derived: {_UPDATES}", "2.0"),
    ),
)

SQL_SCANS = Table(
    "sql_scans",
    grain="one data source read by one SQL execution's plan",
    key=("execution_id", "format", "location"),
    columns=(
        Column("execution_id", "int64", "SQL execution.", "SQLExecutionStart > executionId", "1.6"),
        Column(
            "format",
            "string",
            "Format, such as Parquet, CSV or JDBC.",
            "SQLExecutionStart > sparkPlanInfo > metadata > Format",
            "2.3",
        ),
        Column(
            "location", "string", "Path or table.", "SQLExecutionStart > sparkPlanInfo > metadata > Location", "2.3"
        ),
        Column(
            "table_name",
            "string",
            "Table of the catalog that the path belongs to.",
            "derived: SQLExecutionStart > sparkPlanInfo > nodeName",
            "2.3",
        ),
    ),
)
