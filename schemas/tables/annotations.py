"""What the job itself said: user accumulators and annotations."""

from ..columns import Column, Table

_SAID = "derived: from schemas.annotations, what the job itself said"

TASK_METRICS = Table(
    "task_metrics",
    grain="one named user accumulator in one task attempt",
    key=("stage_id", "stage_attempt", "task_id", "name"),
    columns=(
        Column("stage_id", "int32", "Stage id.", "TaskEnd > Stage ID"),
        Column("stage_attempt", "int32", "Stage attempt.", "TaskEnd > Stage Attempt ID"),
        Column("task_id", "int64", "Task id.", "TaskEnd > Task Info > Task ID"),
        Column("name", "string", "Accumulator's name.", "TaskEnd > Task Info > Accumulables > Name"),
        Column("value", "double", "What this attempt added.", "TaskEnd > Task Info > Accumulables > Update"),
    ),
)

ANNOTATIONS = Table(
    "annotations",
    grain="one param, tag or metric value that the job said",
    key=(),
    columns=(
        Column(
            "target", "string", "Whose it is: the run's key below the application's, empty for the application.", _SAID
        ),
        Column("kind", "string", "param, tag or metric.", _SAID, text="constant"),
        Column("name", "string", "Its name.", _SAID),
        Column("text", "string", "Value of a param or tag.", _SAID, text="param"),
        Column("value", "double", "Value of a metric.", _SAID),
        Column("step", "int64", "Step of a metric.", _SAID),
        Column("time_ms", "int64", "Time of a metric, UTC epoch.", _SAID),
    ),
)

ANNOTATED_RUNS = Table(
    "annotated_runs",
    grain="one `with annotate.run(name)` of the job",
    key=("run",),
    columns=(
        Column("run", "string", "Its id.", _SAID),
        Column("name", "string", "The name given.", _SAID),
        Column("parent", "string", "Id of the one around it.", _SAID),
        Column("status", "string", "FINISHED, FAILED or RUNNING.", _SAID, text="constant"),
        Column("start_time_ms", "int64", "When it was entered, UTC epoch.", _SAID),
        Column("end_time_ms", "int64", "When it was left, UTC epoch.", _SAID),
    ),
)
