"""User accumulators and annotations of the job."""

from ..columns import Column, Table

_ANNOTATED = "derived: annotation events, see docs/annotate.md"

TASK_METRICS = Table(
    "task_metrics",
    grain="one named user accumulator in one task attempt",
    key=("stage_id", "stage_attempt", "task_id", "name"),
    columns=(
        Column("stage_id", "int32", "Stage id.", "TaskEnd > Stage ID"),
        Column("stage_attempt", "int32", "Stage attempt.", "TaskEnd > Stage Attempt ID"),
        Column("task_id", "int64", "Task id.", "TaskEnd > Task Info > Task ID"),
        Column("name", "string", "Name of the accumulator.", "TaskEnd > Task Info > Accumulables > Name"),
        Column("value", "double", "Value that this task attempt added.", "TaskEnd > Task Info > Accumulables > Update"),
    ),
)

MODELS = Table(
    "models",
    grain="one model that a task trained and recorded with annotate.models()",
    key=("model",),
    columns=(
        Column("model", "int32", "Number of the model, from 0, by stage and end.", _ANNOTATED),
        Column("group_key", "string", "Key of its group.", _ANNOTATED),
        Column("params_json", "string", "Params as a JSON object.", _ANNOTATED, text="json"),
        Column("metrics_json", "string", "Metrics as a JSON object.", _ANNOTATED, text="json"),
        Column("rows", "int64", "Rows that it was trained on.", _ANNOTATED),
        Column("seconds", "double", "Duration of its training.", _ANNOTATED),
        Column(
            "end_time_ms", "int64", "Time at which it was recorded, UTC epoch, by the clock of the worker.", _ANNOTATED
        ),
        Column("stage_id", "int32", "Stage that trained it.", _ANNOTATED),
        Column("stage_attempt", "int32", "Stage attempt.", _ANNOTATED),
        Column("task_id", "int64", "Task that trained it, of the last successful attempt.", _ANNOTATED),
        Column("tuning_uid", "string", "Search of its job, as in fits.", _ANNOTATED),
        Column("trial", "int32", "Trial of its job, as in fits.", _ANNOTATED),
        Column("fold", "int32", "Fold of its job, as in fits.", _ANNOTATED),
        Column("fit_uid", "string", "Fit of all models of the job, as in fits.", _ANNOTATED),
    ),
)

ANNOTATIONS = Table(
    "annotations",
    grain="one param, tag or metric value that the job logged",
    key=(),
    columns=(
        Column(
            "target", "string", "Key of the run below the application's key. Empty for the application.", _ANNOTATED
        ),
        Column("kind", "string", "param, tag or metric.", _ANNOTATED, text="constant"),
        Column("name", "string", "Name of the param, tag or metric.", _ANNOTATED),
        Column("text", "string", "Value, for a param or tag.", _ANNOTATED, text="param"),
        Column("value", "double", "Value, for a metric.", _ANNOTATED),
        Column("step", "int64", "Step, for a metric.", _ANNOTATED),
        Column("time_ms", "int64", "Time, UTC epoch, for a metric.", _ANNOTATED),
    ),
)

ANNOTATED_RUNS = Table(
    "annotated_runs",
    grain="one `with annotate.run(name)` of the job",
    key=("run",),
    columns=(
        Column("run", "string", "Id of the run.", _ANNOTATED),
        Column("name", "string", "Name passed to annotate.run.", _ANNOTATED),
        Column("parent", "string", "Id of the enclosing run.", _ANNOTATED),
        Column("status", "string", "FINISHED, FAILED or RUNNING.", _ANNOTATED, text="constant"),
        Column("start_time_ms", "int64", "Start, UTC epoch.", _ANNOTATED),
        Column("end_time_ms", "int64", "End, UTC epoch.", _ANNOTATED),
    ),
)
