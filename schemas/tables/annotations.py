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
