"""An application attempt, its settings, and what was wrong with its log."""

from ..columns import Column, Table

_SAID = "derived: from schemas.annotations, what the job itself said"

APPLICATIONS = Table(
    "applications",
    grain="one application attempt",
    key=("app_id", "app_attempt"),
    columns=(
        Column("app_id", "string", "Application id.", "ApplicationStart > App ID"),
        Column(
            "app_attempt",
            "string",
            "Attempt id; null where the cluster manager has none.",
            "ApplicationStart > App Attempt ID",
            "1.3",
        ),
        Column("name", "string", "Application name.", "ApplicationStart > App Name"),
        Column("user", "string", "User who ran it.", "ApplicationStart > User"),
        Column("spark_version", "string", "Version of Spark that wrote the log.", "LogStart > Spark Version"),
        Column("start_time_ms", "int64", "Start, UTC epoch.", "ApplicationStart > Timestamp"),
        Column(
            "end_time_ms",
            "int64",
            "End, UTC epoch; null where the log has no ApplicationEnd.",
            "ApplicationEnd > Timestamp",
        ),
        Column(
            "last_event_time_ms",
            "int64",
            "Latest time any event of the log names, UTC epoch.",
            "derived: maximum of all event times",
        ),
        Column("duration_ms", "int64", "End minus start.", "derived: end_time_ms - start_time_ms"),
        Column("completed", "bool", "The log has an ApplicationEnd.", "derived: ApplicationEnd was read"),
        Column("exit_code", "int32", "Exit code of the driver.", "ApplicationEnd > ExitCode", "4.0"),
        Column(
            "completeness",
            "string",
            "complete, in_progress, no_end, truncated, compacted or events_lost; see docs/completeness.md.",
            "derived: by ingest.assemble.completeness",
            text="constant",
        ),
        Column("log_complete", "bool", "Every event of the application was read.", "derived: completeness is complete"),
        Column(
            "num_issues",
            "int64",
            "Rows of the issues table, warnings and errors; notes are not counted.",
            "derived: count of issues",
        ),
        Column("master", "string", "Master URL.", "derived: property spark.master"),
        Column("deploy_mode", "string", "client or cluster.", "derived: property spark.submit.deployMode"),
        Column(
            "num_executors", "int64", "Executors that were ever part of the application.", "derived: count of executors"
        ),
        Column(
            "total_cores",
            "int64",
            "Cores of all executors that were ever part of it.",
            "derived: sum of executors.cores",
        ),
        Column("mlflow_run_id", "string", "MLflow run that was active in the driver; null unless annotated.", _SAID),
        Column("mlflow_tracking_uri", "string", "Where that run is, without credentials.", _SAID),
        Column(
            "log_files", "list<string>", "The files the log was read from, in order.", "derived: by ingest.discover"
        ),
    ),
)

PROPERTIES = Table(
    "properties",
    grain="one configuration property, redacted",
    key=("section", "key"),
    columns=(
        Column("section", "string", "spark or jvm.", "derived: EnvironmentUpdate, the section's name", text="constant"),
        Column("key", "string", "Property.", "derived: EnvironmentUpdate > Spark Properties, its keys"),
        Column(
            "value",
            "string",
            "Value, with secrets replaced.",
            "derived: EnvironmentUpdate > Spark Properties, its values, redacted",
            text="property",
        ),
    ),
)

ISSUES = Table(
    "issues",
    grain="one kind of damage at one place; beyond 100 of a kind in a log, one row counts the rest",
    key=("code", "file", "offset"),
    columns=(
        Column(
            "code",
            "string",
            "What kind; see `afterglow schema issue-codes`.",
            "derived: schemas.issues",
            text="constant",
        ),
        Column(
            "severity",
            "string",
            "error (data lost), warning (repaired or doubtful) or note.",
            "derived: schemas.issues",
            text="constant",
        ),
        Column("file", "string", "File of the log.", "derived: by the reader"),
        Column("line", "int64", "Line in that file, from 1.", "derived: by the reader"),
        Column("offset", "int64", "Byte offset of that line in the decompressed file.", "derived: by the reader"),
        Column("count", "int64", "How many times.", "derived: by the reader"),
        Column("message", "string", "What is wrong and what was done about it.", "derived: by the reader"),
    ),
)
