"""Jobs, stages and tasks."""

from ..columns import Column, Table
from ..task_metrics import STAGE_SUMS, TASK_COLUMNS

_ANNOTATED = "derived: annotation events, see docs/annotate.md"

TASKS = Table(
    "tasks",
    grain="one task attempt; a Resubmitted event repeats a successful task and has no row",
    key=("stage_id", "stage_attempt", "task_id"),
    columns=TASK_COLUMNS,
)

JOBS = Table(
    "jobs",
    grain="one Spark job",
    key=("job_id",),
    columns=(
        Column("job_id", "int32", "Job id.", "JobStart > Job ID"),
        Column("name", "string", "Call site of the action.", "derived: name of the stage with the highest id"),
        Column(
            "description",
            "string",
            "Description, as set by SparkContext.setJobDescription.",
            "JobStart > Properties > spark.job.description",
        ),
        Column(
            "group",
            "string",
            "Job group, as set by SparkContext.setJobGroup.",
            "JobStart > Properties > spark.jobGroup.id",
        ),
        Column("tags", "string", "Job tags, separated by commas.", "JobStart > Properties > spark.job.tags", "3.5"),
        Column(
            "status",
            "string",
            "RUNNING (no JobEnd), SUCCEEDED or FAILED.",
            "JobEnd > Job Result > Result",
            text="constant",
        ),
        Column("failure_reason", "string", "Reason for the failure.", "JobEnd > Job Result > Exception > Message"),
        Column("submission_time_ms", "int64", "Start, UTC epoch.", "JobStart > Submission Time", "1.3"),
        Column("completion_time_ms", "int64", "End, UTC epoch.", "JobEnd > Completion Time", "1.3"),
        Column(
            "duration_ms", "int64", "Completion minus submission.", "derived: completion_time_ms - submission_time_ms"
        ),
        Column("stage_ids", "list<int64>", "Stages of the job, including skipped ones.", "JobStart > Stage IDs"),
        Column(
            "sql_execution_id",
            "int64",
            "SQL execution the job belongs to.",
            "JobStart > Properties > spark.sql.execution.id",
        ),
        Column("annotation", "bool", "Whether the job has no tasks and only carries annotation events.", _ANNOTATED),
        Column("annotated_run", "string", "Id of the annotate.run around the job.", _ANNOTATED),
        Column(
            "num_tasks",
            "int64",
            "Number of task attempts in the stage attempts that this job ran.",
            "derived: count of tasks by stages.job_id",
        ),
        Column(
            "num_failed_tasks",
            "int64",
            "Number of task attempts that failed.",
            "derived: sum of stages.num_failed_tasks",
        ),
        Column(
            "num_skipped_stages",
            "int64",
            "Number of its stages that this job did not run. Counted once it has ended.",
            "derived: stage_ids not run by this job",
        ),
        Column(
            "connect_operation_id",
            "string",
            "Spark Connect operation that submitted the job.",
            "JobStart > Properties > spark.connect.operation_id",
            "3.5",
        ),
        Column(
            "tuning_uid",
            "string",
            "Search that the job belongs to; of nested searches the innermost. Null outside searches.",
            "derived: by ingest.training",
        ),
        Column(
            "trial",
            "int32",
            "Trial, from 0. Null outside searches and for refit and prepare.",
            "derived: by ingest.training",
        ),
        Column(
            "fold",
            "int32",
            "Fold, from 0; always 0 for a TrainValidationSplit. Null where trial is null.",
            "derived: by ingest.training",
        ),
        Column(
            "phase",
            "string",
            "Phase: fit, evaluate, refit or prepare. Null outside searches and fits.",
            "derived: by ingest.training",
        ),
        Column(
            "fit_uid",
            "string",
            "Fit outside searches that the job belongs to; see fits.fit_uid.",
            "derived: by ingest.training",
        ),
        Column(
            "estimator_class",
            "string",
            "Class of the estimator that ran the job, in or outside a search.",
            "derived: from JobStart > Stage Infos > Details and RDD Info > Callsite",
        ),
        Column(
            "estimator_uid",
            "string",
            "Uid of the estimator, where the name of an RDD contains it.",
            "derived: from JobStart > Stage Infos > RDD Info > Name",
        ),
    ),
)

STAGES = Table(
    "stages",
    grain="one stage attempt; a stage that no job ran has one row, SKIPPED or PENDING",
    key=("stage_id", "stage_attempt"),
    columns=(
        Column("stage_id", "int32", "Stage id.", "StageSubmitted > Stage Info > Stage ID"),
        Column("stage_attempt", "int32", "Stage attempt.", "StageSubmitted > Stage Info > Stage Attempt ID"),
        Column(
            "job_id",
            "int32",
            "Job that ran the stage: the lowest job id that lists it and was running then.",
            "derived: JobStart > Stage IDs, by the order of events",
        ),
        Column("name", "string", "Call site.", "StageSubmitted > Stage Info > Stage Name"),
        Column(
            "status",
            "string",
            "COMPLETE, FAILED, ACTIVE (no StageCompleted), SKIPPED or PENDING.",
            "derived: from StageCompleted > Stage Info > Failure Reason",
            text="constant",
        ),
        Column(
            "parent_ids",
            "list<int64>",
            "Stages that this stage waits for.",
            "StageSubmitted > Stage Info > Parent IDs",
            "1.4",
        ),
        Column(
            "source_rdd_ids",
            "list<int64>",
            "RDDs without a parent: sources that the stage reads unless a persisted RDD replaces them.",
            "derived: JobStart > Stage Infos > RDD Info, those without Parent IDs",
        ),
        Column(
            "persisted_rdd_ids",
            "list<int64>",
            "RDDs of the stage that the job persists.",
            "derived: JobStart > Stage Infos > RDD Info > Storage Level",
        ),
        Column(
            "python_operators",
            "list<string>",
            "Operators of the stage that run Python functions in Python workers, and PythonRDD.",
            "derived: JobStart > Stage Infos > RDD Info > Scope and Name, without what a persisted RDD replaces",
        ),
        Column(
            "plan_hash",
            "string",
            "Hash of the stage's computation. The same work in another run of the job has the same hash.",
            "derived: JobStart > Stage Infos > RDD Info, names and call sites without numbers and folders",
            text="constant",
        ),
        Column(
            "num_tasks", "int64", "Number of tasks that Spark planned.", "StageSubmitted > Stage Info > Number of Tasks"
        ),
        Column(
            "num_complete_tasks",
            "int64",
            "Number of task attempts that succeeded.",
            "derived: count of tasks by status",
        ),
        Column(
            "num_failed_tasks",
            "int64",
            "Number of task attempts that failed. A Resubmitted task does not count.",
            "derived: count of tasks by status",
        ),
        Column(
            "num_killed_tasks",
            "int64",
            "Number of task attempts that were killed.",
            "derived: count of tasks by status",
        ),
        Column(
            "num_speculative_tasks",
            "int64",
            "Number of task attempts that speculation started.",
            "derived: count of tasks by speculative",
        ),
        Column(
            "num_resubmitted_tasks",
            "int64",
            "Number of tasks whose finished output was lost with an executor.",
            "derived: count of TaskEnd with reason Resubmitted",
        ),
        Column(
            "resource_profile_id",
            "int32",
            "Resource profile of its tasks.",
            "StageSubmitted > Stage Info > Resource Profile Id",
            "3.1",
        ),
        Column(
            "task_cpus",
            "double",
            "Cores that a task takes: of the resource profile, else spark.task.cpus, else 1.",
            "derived: ResourceProfileAdded > Task Resource Requests > cpus, spark.task.cpus",
        ),
        Column("submission_time_ms", "int64", "Start, UTC epoch.", "StageSubmitted > Stage Info > Submission Time"),
        Column("completion_time_ms", "int64", "End, UTC epoch.", "StageCompleted > Stage Info > Completion Time"),
        Column(
            "duration_ms", "int64", "Completion minus submission.", "derived: completion_time_ms - submission_time_ms"
        ),
        Column("failure_reason", "string", "Reason for the failure.", "StageCompleted > Stage Info > Failure Reason"),
        *STAGE_SUMS,
    ),
)
