"""What made the application slow."""

from ..columns import Column, Table

_FOUND = "derived: by ingest.diagnose, see docs/findings.md"

FINDINGS = Table(
    "findings",
    grain="one finding: something that costs time, about one run, executor or host; or a figure of the application",
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
        Column("code", "string", "What kind; see docs/findings.md.", _FOUND, text="constant"),
        Column(
            "severity",
            "string",
            "critical, warning or note, by the share of the time that it costs.",
            _FOUND,
            text="constant",
        ),
        Column(
            "level",
            "string",
            "What it is about: application, tuning, trial, job, stage, task, executor or host.",
            _FOUND,
            text="constant",
        ),
        Column("stage_id", "int32", "Stage that it is about; of several of one name the dearest.", _FOUND),
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
            "Wall time that would be saved without it, as estimated; null for what is no fault.",
            _FOUND,
        ),
        Column(
            "cause",
            "string",
            "Why it is so, one of the code's causes; null where it has none.",
            _FOUND,
            text="constant",
        ),
        Column(
            "covered_by",
            "string",
            "Code of the finding that counts this one's cost already; null where it stands for itself.",
            _FOUND,
            text="constant",
        ),
        Column("subject", "string", "What it is about, as its run is called. Text of the log: untrusted.", _FOUND),
        Column(
            "message", "string", "What happened and what it costs, with figures. Text of the log: untrusted.", _FOUND
        ),
        Column("advice", "string", "What to do.", _FOUND, text="constant"),
        Column("figures", "string", "The figures that it was found by, as a JSON object.", _FOUND),
    ),
)
