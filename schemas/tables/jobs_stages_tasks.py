"""Jobs, stages and tasks."""

from ..columns import Column, Table
from ..task_columns import STAGE_SUMS, TASK_COLUMNS

_ANNOTATED = "derived: from schemas.annotations, written by the job"

TASKS = Table(
    "tasks",
    grain="one task attempt; a Resubmitted event repeats a task that already succeeded and is no row of its own",
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
            "What SparkContext.setJobDescription said.",
            "JobStart > Properties > spark.job.description",
        ),
        Column("group", "string", "What SparkContext.setJobGroup said.", "JobStart > Properties > spark.jobGroup.id"),
        Column("tags", "string", "Job tags, comma-separated.", "JobStart > Properties > spark.job.tags", "3.5"),
        Column(
            "status",
            "string",
            "RUNNING (no JobEnd), SUCCEEDED or FAILED.",
            "JobEnd > Job Result > Result",
            text="constant",
        ),
        Column("failure_reason", "string", "Why it failed.", "JobEnd > Job Result > Exception > Message"),
        Column("submission_time_ms", "int64", "Start, UTC epoch.", "JobStart > Submission Time", "1.3"),
        Column("completion_time_ms", "int64", "End, UTC epoch.", "JobEnd > Completion Time", "1.3"),
        Column(
            "duration_ms", "int64", "Completion minus submission.", "derived: completion_time_ms - submission_time_ms"
        ),
        Column("stage_ids", "list<int64>", "Stages the job lists, the skipped ones too.", "JobStart > Stage IDs"),
        Column(
            "sql_execution_id",
            "int64",
            "SQL execution the job belongs to.",
            "JobStart > Properties > spark.sql.execution.id",
        ),
        Column("annotation", "bool", "It has no tasks and only carries what annotate wrote.", _ANNOTATED),
        Column("annotated_run", "string", "Id of the annotate.run it belongs to.", _ANNOTATED),
        Column(
            "num_tasks",
            "int64",
            "Task attempts of the stage attempts this job ran.",
            "derived: count of tasks by stages.job_id",
        ),
        Column("num_failed_tasks", "int64", "Those that failed.", "derived: sum of stages.num_failed_tasks"),
        Column(
            "num_skipped_stages",
            "int64",
            "Listed stages that this job did not run, once it has ended.",
            "derived: stage_ids not run by this job",
        ),
        Column(
            "tuning_uid",
            "string",
            "The search it worked for; of nested searches the innermost. Null outside.",
            "derived: by ingest.training",
        ),
        Column(
            "trial",
            "int32",
            "Trial, from 0; null outside, for refit and for prepare.",
            "derived: by ingest.training",
        ),
        Column(
            "fold",
            "int32",
            "Fold, from 0; 0 for a TrainValidationSplit; null where trial is.",
            "derived: by ingest.training",
        ),
        Column(
            "phase",
            "string",
            "fit, evaluate, refit or prepare; null outside searches and fits.",
            "derived: by ingest.training",
        ),
        Column(
            "fit_uid",
            "string",
            "The fit of an estimator outside searches that it trained or evaluated; see fits.fit_uid.",
            "derived: by ingest.training",
        ),
        Column(
            "estimator_class",
            "string",
            "The estimator that ran it, outside searches too.",
            "derived: from JobStart > Stage Infos > Details and RDD Info > Callsite",
        ),
        Column(
            "estimator_uid",
            "string",
            "Its uid, where the name of an RDD gives it.",
            "derived: from JobStart > Stage Infos > RDD Info > Name",
        ),
    ),
)

STAGES = Table(
    "stages",
    grain="one stage attempt; a stage that no job ran is one row, SKIPPED or PENDING",
    key=("stage_id", "stage_attempt"),
    columns=(
        Column("stage_id", "int32", "Stage id.", "StageSubmitted > Stage Info > Stage ID"),
        Column("stage_attempt", "int32", "Stage attempt.", "StageSubmitted > Stage Info > Stage Attempt ID"),
        Column(
            "job_id",
            "int32",
            "The job that ran it: of those that list it, the lowest that was running then.",
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
        Column("parent_ids", "list<int64>", "Stages it waits for.", "StageSubmitted > Stage Info > Parent IDs", "1.4"),
        Column(
            "source_rdd_ids",
            "list<int64>",
            "RDDs in it without a parent: sources that it reads, unless a persisted RDD above them is there already.",
            "derived: JobStart > Stage Infos > RDD Info, those without Parent IDs",
        ),
        Column(
            "persisted_rdd_ids",
            "list<int64>",
            "RDDs in it that the job persists.",
            "derived: JobStart > Stage Infos > RDD Info > Storage Level",
        ),
        Column(
            "plan_hash",
            "string",
            "Hash of what it computes: equal for the same work in another run of the job.",
            "derived: JobStart > Stage Infos > RDD Info, names and call sites without numbers and folders",
            text="constant",
        ),
        Column("num_tasks", "int64", "Tasks Spark planned.", "StageSubmitted > Stage Info > Number of Tasks"),
        Column("num_complete_tasks", "int64", "Task attempts that succeeded.", "derived: count of tasks by status"),
        Column(
            "num_failed_tasks",
            "int64",
            "Task attempts that failed; a Resubmitted task did not.",
            "derived: count of tasks by status",
        ),
        Column("num_killed_tasks", "int64", "Task attempts that were killed.", "derived: count of tasks by status"),
        Column(
            "num_speculative_tasks",
            "int64",
            "Task attempts started by speculation.",
            "derived: count of tasks by speculative",
        ),
        Column(
            "num_resubmitted_tasks",
            "int64",
            "Tasks whose finished output was lost with an executor.",
            "derived: count of TaskEnd with reason Resubmitted",
        ),
        Column("submission_time_ms", "int64", "Start, UTC epoch.", "StageSubmitted > Stage Info > Submission Time"),
        Column("completion_time_ms", "int64", "End, UTC epoch.", "StageCompleted > Stage Info > Completion Time"),
        Column(
            "duration_ms", "int64", "Completion minus submission.", "derived: completion_time_ms - submission_time_ms"
        ),
        Column("failure_reason", "string", "Why it failed.", "StageCompleted > Stage Info > Failure Reason"),
        *STAGE_SUMS,
    ),
)
