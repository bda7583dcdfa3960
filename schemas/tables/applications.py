"""Applications, their properties, and the issues of their logs."""

from ..columns import Column, Table

_ANNOTATED = "derived: annotation events, see docs/annotate.md"

APPLICATIONS = Table(
    "applications",
    grain="one application attempt",
    key=("app_id", "app_attempt"),
    columns=(
        Column("app_id", "string", "Application id.", "ApplicationStart > App ID"),
        Column(
            "app_attempt",
            "string",
            "Attempt id. Null where the cluster manager has none.",
            "ApplicationStart > App Attempt ID",
            "1.3",
        ),
        Column("name", "string", "Application name.", "ApplicationStart > App Name"),
        Column("user", "string", "User who ran the application.", "ApplicationStart > User"),
        Column("spark_version", "string", "Version of Spark that wrote the log.", "LogStart > Spark Version"),
        Column("start_time_ms", "int64", "Start, UTC epoch.", "ApplicationStart > Timestamp"),
        Column(
            "end_time_ms",
            "int64",
            "End, UTC epoch. Null where the log has no ApplicationEnd.",
            "ApplicationEnd > Timestamp",
        ),
        Column(
            "last_event_time_ms",
            "int64",
            "Latest time in any event of the log, UTC epoch.",
            "derived: maximum of all event times",
        ),
        Column("duration_ms", "int64", "End minus start.", "derived: end_time_ms - start_time_ms"),
        Column("completed", "bool", "Whether the log has an ApplicationEnd.", "derived: ApplicationEnd was read"),
        Column("exit_code", "int32", "Exit code of the driver.", "ApplicationEnd > ExitCode", "4.0"),
        Column(
            "completeness",
            "string",
            "complete, application_not_read, no_application_end, truncated, in_progress, compacted or events_lost; "
            "see docs/completeness.md.",
            "derived: by ingest.assemble.completeness",
            text="constant",
        ),
        Column(
            "log_complete",
            "bool",
            "Whether every event of the log was read.",
            "derived: completeness is complete",
        ),
        Column(
            "num_issues",
            "int64",
            "Number of issues that are warnings or errors. Notes are not counted.",
            "derived: count of issues",
        ),
        Column("master", "string", "Master URL.", "derived: property spark.master"),
        Column("deploy_mode", "string", "Deploy mode: client or cluster.", "derived: property spark.submit.deployMode"),
        Column("num_executors", "int64", "Number of executors that were ever added.", "derived: count of executors"),
        Column(
            "total_cores",
            "int64",
            "Cores of all executors that were ever added.",
            "derived: sum of executors.cores",
        ),
        Column(
            "mlflow_run_id", "string", "MLflow run that was active in the driver. Null unless annotated.", _ANNOTATED
        ),
        Column("mlflow_tracking_uri", "string", "Tracking URI of that run, without credentials.", _ANNOTATED),
        Column("log_files", "list<string>", "Files of the log, in reading order.", "derived: by ingest.discover"),
    ),
)

PROPERTIES = Table(
    "properties",
    grain="one configuration property, redacted",
    key=("section", "key"),
    columns=(
        Column(
            "section",
            "string",
            "Section: spark, jvm, system, or job for a local property that all jobs with it have in common.",
            "derived: EnvironmentUpdate, the section's name, or JobStart > Properties",
            text="constant",
        ),
        Column("key", "string", "Name of the property.", "derived: EnvironmentUpdate > Spark Properties, its keys"),
        Column(
            "value",
            "string",
            "Value, with secrets redacted.",
            "derived: EnvironmentUpdate > Spark Properties, its values, redacted",
            text="property",
        ),
    ),
)

ISSUES = Table(
    "issues",
    grain="one problem at one place; after 100 of a code in a log, one row counts the rest",
    key=("code", "file", "offset"),
    columns=(
        Column(
            "code",
            "string",
            "Issue code. `afterglow schema issue-codes` lists all of them.",
            "derived: schemas.issues",
            text="constant",
        ),
        Column(
            "severity",
            "string",
            "Severity: error (data lost), warning (repaired or doubtful) or note.",
            "derived: schemas.issues",
            text="constant",
        ),
        Column("file", "string", "File of the log.", "derived: by the reader"),
        Column("line", "int64", "Line number in the file, from 1.", "derived: by the reader"),
        Column("offset", "int64", "Byte offset of the line in the decompressed file.", "derived: by the reader"),
        Column("count", "int64", "Number of occurrences.", "derived: by the reader"),
        Column("message", "string", "Problem, and how the reader handled it.", "derived: by the reader"),
    ),
)
