"""Spark Connect: sessions of a server, and the operations that their clients asked for."""

from ..columns import Column, Table

_STARTED = "ConnectOperationStarted > "
_STATEMENT = "derived: from ConnectOperationStarted > statementText"

CONNECT_SESSIONS = Table(
    "connect_sessions",
    grain="one Spark Connect session",
    key=("session_id",),
    columns=(
        Column("session_id", "string", "Session id.", "ConnectSessionStarted > sessionId", "3.5"),
        Column("user", "string", "User id that the client sent.", "ConnectSessionStarted > userId", "3.5"),
        Column("start_time_ms", "int64", "Start, UTC epoch.", "ConnectSessionStarted > eventTime", "3.5"),
        Column(
            "end_time_ms", "int64", "End, UTC epoch; null while it is open.", "ConnectSessionClosed > eventTime", "3.5"
        ),
        Column("num_operations", "int64", "Operations of the session.", "derived: count of connect_operations"),
        Column("num_jobs", "int64", "Spark jobs of its operations.", "derived: count of jobs"),
    ),
)

CONNECT_OPERATIONS = Table(
    "connect_operations",
    grain="one operation of one Spark Connect session",
    key=("session_id", "operation_id"),
    columns=(
        Column("operation_id", "string", "Operation id.", _STARTED + "operationId", "3.5"),
        Column("session_id", "string", "Session.", _STARTED + "sessionId", "3.5"),
        Column("user", "string", "User id that the client sent.", _STARTED + "userId", "3.5"),
        Column(
            "kind",
            "string",
            "fit, evaluate, transform, fetch, delete, ml (another ML command), write, command, query or annotation.",
            _STATEMENT,
        ),
        Column("operator_class", "string", "Class of the estimator, evaluator or transformer.", _STATEMENT),
        Column("operator_uid", "string", "Uid of the estimator, evaluator or transformer.", _STATEMENT),
        Column("params_json", "string", "Params that the client set, without defaults and arrays.", _STATEMENT),
        Column("model_ids", "list<string>", "Ids of the server's models that the operation reads.", _STATEMENT),
        Column("statement", "string", "The request as protobuf text, its first 2,000 characters.", _STATEMENT, "3.5"),
        Column(
            "session_tags",
            "list<string>",
            "Tags that the client set, without events of annotate.",
            _STARTED + "sparkSessionTags",
            "3.5",
        ),
        Column("status", "string", "FINISHED, FAILED, CANCELED or RUNNING (no end).", "derived: from its last event"),
        Column("error_message", "string", "Why it failed.", "ConnectOperationFailed > errorMessage", "3.5"),
        Column("submission_time_ms", "int64", "Start, UTC epoch.", _STARTED + "eventTime", "3.5"),
        Column("completion_time_ms", "int64", "End, UTC epoch.", "ConnectOperationFinished > eventTime", "3.5"),
        Column(
            "duration_ms", "int64", "Completion minus submission.", "derived: completion_time_ms - submission_time_ms"
        ),
        Column(
            "output_rows", "int64", "Rows sent to the client.", "ConnectOperationFinished > producedRowCount", "3.5"
        ),
        Column("num_jobs", "int64", "Spark jobs of the operation.", "derived: count of jobs"),
    ),
)
