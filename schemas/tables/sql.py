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
    ),
)
