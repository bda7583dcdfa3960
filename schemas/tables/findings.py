"""Findings: what made an application slow."""

from ..columns import Column, Table

_FOUND = "derived: by ingest.diagnose, see docs/findings.md"

FINDINGS = Table(
    "findings",
    grain="one finding about one run, executor or host, or one informational figure of the application",
    key=(
        "code",
        "cause",
        "stage_id",
        "stage_attempt",
        "job_id",
        "executor_id",
        "host",
        "tuning_uid",
        "trial",
        "task_id",
    ),
    columns=(
        Column("code", "string", "Finding code; see docs/findings.md.", _FOUND, text="constant"),
        Column(
            "severity",
            "string",
            "Severity: critical, warning or note, by its share of the application's duration.",
            _FOUND,
            text="constant",
        ),
        Column(
            "level",
            "string",
            "Level: application, tuning, trial, job, stage, task, executor or host.",
            _FOUND,
            text="constant",
        ),
        Column("stage_id", "int32", "Stage that it is about; of several with one name the most expensive.", _FOUND),
        Column("stage_attempt", "int32", "Its attempt.", _FOUND),
        Column("job_id", "int32", "Job that it is about.", _FOUND),
        Column("executor_id", "string", "Executor that it is about, or that ran the task.", _FOUND),
        Column("host", "string", "Host that it is about, or of the executor.", _FOUND),
        Column("tuning_uid", "string", "Search that it is about.", _FOUND),
        Column("trial", "int32", "Trial that it is about.", _FOUND),
        Column("task_id", "int64", "Task that it is about.", _FOUND),
        Column(
            "cost_ms",
            "int64",
            "Estimated wall time that a fix would save. Null for informational findings.",
            _FOUND,
        ),
        Column(
            "cause",
            "string",
            "Cause, one of the code's causes. Null where it has none.",
            _FOUND,
            text="constant",
        ),
        Column(
            "confidence",
            "double",
            "How certain the finding is, 0 to 1; below 1 where it rests on a search that was inferred from the jobs.",
            _FOUND,
        ),
        Column(
            "covered_by",
            "string",
            "Code of another finding whose cost includes this one. Null where there is none.",
            _FOUND,
            text="constant",
        ),
        Column("subject", "string", "Name of the run that the finding is about. Untrusted text of the log.", _FOUND),
        Column(
            "message", "string", "What happened and what it costs, with figures. Untrusted text of the log.", _FOUND
        ),
        Column("advice", "string", "Recommended action.", _FOUND, text="constant"),
        Column(
            "settings",
            "list<string>",
            "Spark properties worth trying, as property=value. Empty where no setting helps.",
            _FOUND,
        ),
        Column("figures", "string", "Figures behind the finding, as a JSON object.", _FOUND),
    ),
)
