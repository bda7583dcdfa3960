"""The tables Afterglow holds, one per entity, every column declared once.

`afterglow export` writes them as Parquet, `afterglow.ingest.read` returns them, docs/tables.md is generated from them.
Columns keep Spark's raw units; missing is null. A column with a `metric` is also written to the runs of every level.
"""

from .columns import Column, Table
from .task_columns import STAGE_SUMS, TASK_COLUMNS

_SAID = "derived: from schemas.annotations, what the job itself said"

TASKS = Table(
    "tasks",
    grain="one task attempt; a Resubmitted event repeats a task that already succeeded and is no row of its own",
    key=("stage_id", "stage_attempt", "task_id"),
    columns=TASK_COLUMNS,
)

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
        Column("status", "string", "RUNNING (no JobEnd), SUCCEEDED or FAILED.", "JobEnd > Job Result > Result"),
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
        Column("annotation", "bool", "No work of anybody: it only carries what annotate wrote.", _SAID),
        Column("annotated_run", "string", "Id of the annotate.run it belongs to.", _SAID),
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
            "derived: by ingest.assemble.tuning",
        ),
        Column(
            "trial",
            "int32",
            "Trial, from 0; null outside, for refit and for prepare.",
            "derived: by ingest.assemble.tuning",
        ),
        Column(
            "fold",
            "int32",
            "Fold, from 0; 0 for a TrainValidationSplit; null where trial is.",
            "derived: by ingest.assemble.tuning",
        ),
        Column(
            "phase", "string", "fit, evaluate, refit or prepare; null outside.", "derived: by ingest.assemble.tuning"
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
            "derived: JobStart > Stage Infos > RDD Info, names and call sites without their numbers",
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

EXECUTORS = Table(
    "executors",
    grain="one executor",
    key=("executor_id",),
    columns=(
        Column("executor_id", "string", "Executor id.", "ExecutorAdded > Executor ID"),
        Column("host", "string", "Host.", "ExecutorAdded > Executor Info > Host"),
        Column("cores", "int32", "Cores.", "ExecutorAdded > Executor Info > Total Cores"),
        Column(
            "resource_profile_id",
            "int32",
            "Resource profile.",
            "ExecutorAdded > Executor Info > Resource Profile Id",
            "3.1",
        ),
        Column("add_time_ms", "int64", "When it joined, UTC epoch.", "ExecutorAdded > Timestamp"),
        Column("remove_time_ms", "int64", "When it left, UTC epoch.", "ExecutorRemoved > Timestamp"),
        Column("remove_reason", "string", "Why it left.", "ExecutorRemoved > Removed Reason"),
        Column("max_memory_bytes", "int64", "Memory for storage and execution.", "BlockManagerAdded > Maximum Memory"),
        Column("num_tasks", "int64", "Task attempts it ran.", "derived: count of tasks"),
        Column(
            "task_time_ms", "int64", "Time in which its task slots were taken.", "derived: sum of tasks.duration_ms"
        ),
    ),
)

_PEAK = "TaskEnd > Task Executor Metrics, StageExecutorMetrics > Executor Metrics: "
EXECUTOR_METRICS = Table(
    "executor_metrics",
    grain="the peak memory of one executor, as the end of one task or of one stage attempt told it",
    key=(),
    columns=(
        Column("executor_id", "string", "Executor id.", "TaskEnd > Task Info > Executor ID", "3.0"),
        Column("time_ms", "int64", "When the task or the stage ended, UTC epoch.", "derived: their end", "3.0"),
        Column("jvm_heap_bytes", "int64", "Heap of the JVM.", f"derived: {_PEAK}JVMHeapMemory", "3.0"),
        Column(
            "jvm_off_heap_bytes", "int64", "Memory of the JVM beside it.", f"derived: {_PEAK}JVMOffHeapMemory", "3.0"
        ),
        Column(
            "storage_bytes",
            "int64",
            "Memory that cached and broadcast blocks take, on and off the heap.",
            f"derived: {_PEAK}OnHeapStorageMemory + OffHeapStorageMemory",
            "3.0",
        ),
        Column(
            "rss_bytes",
            "int64",
            "Resident memory of its processes: JVM, Python, others. Needs spark.executor.processTreeMetrics.enabled.",
            f"derived: {_PEAK}ProcessTree*RSSMemory",
            "3.0",
        ),
    ),
)

_TREE = "derived: by ingest.assemble.tuning"
TUNINGS = Table(
    "tunings",
    grain="one call of fit of a CrossValidator or TrainValidationSplit",
    key=("tuning_uid",),
    columns=(
        Column(
            "tuning_uid",
            "string",
            "Its uid, with .2, .3 where one object was fitted again; where the log has no uid, the class and a number.",
            _TREE,
        ),
        Column("kind", "string", "CrossValidator or TrainValidationSplit.", _TREE),
        Column("source", "string", "What it was found by: annotated, plan (its random column), stack, lineage.", _TREE),
        Column("confidence", "double", "How sure the jobs' places are, from 0 to 1; see docs/tuning.md.", _TREE),
        Column("num_folds", "int32", "Folds; 1 for a TrainValidationSplit.", _TREE),
        Column("num_trials", "int32", "Trials that began.", _TREE),
        Column("num_fits", "int32", "Fits that began.", _TREE),
        Column("parallelism", "int32", "Most fits that ran at the same time, as observed.", _TREE),
        Column("status", "string", "FINISHED (it came to its refit), FAILED, or RUNNING.", _TREE),
        Column("start_time_ms", "int64", "Start of its first job, UTC epoch.", _TREE),
        Column("end_time_ms", "int64", "End of its last job, UTC epoch; null while it runs.", _TREE),
        Column("estimator_class", "string", "Estimator; of a pipeline the last one that ran jobs.", _TREE),
        Column("estimator_uid", "string", "Its uid, where the log has it.", _TREE),
        Column("evaluator_class", "string", "Evaluator.", _TREE),
        Column("metric_name", "string", "What the evaluator computed, where the stack says so.", _TREE),
        Column("best_trial", "int32", "Trial of the best model; null unless annotated.", _SAID),
        Column("larger_better", "bool", "Whether a larger metric is better; null unless annotated.", _SAID),
        Column("seed", "int64", "Seed of the split; null unless annotated.", _SAID),
        Column("fold_col", "string", "Column that says the fold; null unless annotated.", _SAID),
        Column("annotated_run", "string", "Id of the annotate.run around it.", _SAID),
        Column("parent_uid", "string", "The search that this one is part of; null where it is none's.", _TREE),
        Column("parent_trial", "int32", "The trial of that search.", _TREE),
        Column("parent_fold", "int32", "The fold of that search.", _TREE),
    ),
)

TRIALS = Table(
    "trials",
    grain="one param map of one search",
    key=("tuning_uid", "trial"),
    columns=(
        Column("tuning_uid", "string", "Search.", _TREE),
        Column(
            "trial",
            "int32",
            "Trial, from 0, in the order in which trials began; where annotated, the param map's index.",
            _TREE,
        ),
        Column("params_json", "string", "Param map; null where the log does not have it.", _TREE),
        Column(
            "avg_metric",
            "double",
            "Evaluation metric, averaged over folds; null where the log does not have it.",
            _TREE,
        ),
        Column("std_metric", "double", "Its standard deviation over folds.", _TREE),
        Column("num_folds", "int32", "Fits of it that began.", _TREE),
        Column("status", "string", "FINISHED, FAILED (one of its fits failed) or RUNNING.", _TREE),
        Column("start_time_ms", "int64", "Start of its first fit, UTC epoch.", _TREE),
        Column("end_time_ms", "int64", "End of its last fit, UTC epoch.", _TREE),
    ),
)

FITS = Table(
    "fits",
    grain="one param map trained and evaluated on one fold",
    key=("tuning_uid", "trial", "fold"),
    columns=(
        Column("tuning_uid", "string", "Search.", _TREE),
        Column("trial", "int32", "Trial.", _TREE),
        Column("fold", "int32", "Fold, from 0.", _TREE),
        Column("metric", "double", "Evaluation metric; null where the log does not have it.", _TREE),
        Column(
            "confidence",
            "double",
            "How sure it is that its jobs are one fit's, from 0 to 1; see docs/tuning.md.",
            _TREE,
        ),
        Column("status", "string", "FINISHED, FAILED or RUNNING.", _TREE),
        Column("num_jobs", "int64", "Jobs, those of searches within it too.", _TREE),
        Column("start_time_ms", "int64", "Start of its first job, UTC epoch.", _TREE),
        Column("end_time_ms", "int64", "End of its last job, UTC epoch.", _TREE),
        Column("fit_start_time_ms", "int64", "Start of its first job that trains, UTC epoch.", _TREE),
        Column("fit_end_time_ms", "int64", "End of its last job that trains, UTC epoch.", _TREE),
        Column("evaluate_start_time_ms", "int64", "Start of its first job that evaluates, UTC epoch.", _TREE),
        Column("evaluate_end_time_ms", "int64", "End of its last job that evaluates, UTC epoch.", _TREE),
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
        Column("status", "string", "FINISHED, FAILED or RUNNING.", _SAID),
        Column("start_time_ms", "int64", "When it was entered, UTC epoch.", _SAID),
        Column("end_time_ms", "int64", "When it was left, UTC epoch.", _SAID),
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
        Column("kind", "string", "param, tag or metric.", _SAID),
        Column("name", "string", "Its name.", _SAID),
        Column("text", "string", "Value of a param or tag.", _SAID),
        Column("value", "double", "Value of a metric.", _SAID),
        Column("step", "int64", "Step of a metric.", _SAID),
        Column("time_ms", "int64", "Time of a metric, UTC epoch.", _SAID),
    ),
)

SQL_EXECUTIONS = Table(
    "sql_executions",
    grain="one SQL execution",
    key=("execution_id",),
    columns=(
        Column("execution_id", "int64", "Execution id.", "SQLExecutionStart > executionId", "1.6"),
        Column(
            "root_execution_id",
            "int64",
            "Execution that started it; itself where none did.",
            "SQLExecutionStart > rootExecutionId",
            "3.4",
        ),
        Column("description", "string", "Call site or job description.", "SQLExecutionStart > description", "1.6"),
        Column("status", "string", "RUNNING (no end), COMPLETED or FAILED.", "derived: from SQLExecutionEnd"),
        Column("error_message", "string", "Why it failed.", "SQLExecutionEnd > errorMessage", "3.4"),
        Column("submission_time_ms", "int64", "Start, UTC epoch.", "SQLExecutionStart > time", "1.6"),
        Column("completion_time_ms", "int64", "End, UTC epoch.", "SQLExecutionEnd > time", "1.6"),
        Column(
            "duration_ms", "int64", "Completion minus submission.", "derived: completion_time_ms - submission_time_ms"
        ),
    ),
)

SQL_SCANS = Table(
    "sql_scans",
    grain="one data source read by one SQL execution's plan",
    key=("execution_id", "format", "location"),
    columns=(
        Column("execution_id", "int64", "SQL execution.", "SQLExecutionStart > executionId", "1.6"),
        Column(
            "format",
            "string",
            "Format: Parquet, CSV, JDBC, ...",
            "SQLExecutionStart > sparkPlanInfo > metadata > Format",
            "2.3",
        ),
        Column(
            "location", "string", "Path or table.", "SQLExecutionStart > sparkPlanInfo > metadata > Location", "2.3"
        ),
    ),
)

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

PROPERTIES = Table(
    "properties",
    grain="one configuration property, redacted",
    key=("section", "key"),
    columns=(
        Column("section", "string", "spark or jvm.", "derived: EnvironmentUpdate, the section's name"),
        Column("key", "string", "Property.", "derived: EnvironmentUpdate > Spark Properties, its keys"),
        Column(
            "value",
            "string",
            "Value, with secrets replaced.",
            "derived: EnvironmentUpdate > Spark Properties, its values, redacted",
        ),
    ),
)

ISSUES = Table(
    "issues",
    grain="one kind of damage at one place; beyond 100 of a kind in a log, one row counts the rest",
    key=("code", "file", "offset"),
    columns=(
        Column("code", "string", "What kind; see `afterglow schema issue-codes`.", "derived: schemas.issues"),
        Column(
            "severity",
            "string",
            "error (data lost), warning (repaired or doubtful) or note.",
            "derived: schemas.issues",
        ),
        Column("file", "string", "File of the log.", "derived: by the reader"),
        Column("line", "int64", "Line in that file, from 1.", "derived: by the reader"),
        Column("offset", "int64", "Byte offset of that line in the decompressed file.", "derived: by the reader"),
        Column("count", "int64", "How many times.", "derived: by the reader"),
        Column("message", "string", "What is wrong and what was done about it.", "derived: by the reader"),
    ),
)

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
        Column("code", "string", "What kind; see docs/findings.md.", _FOUND),
        Column("severity", "string", "critical, warning or note, by the share of the time that it costs.", _FOUND),
        Column(
            "level",
            "string",
            "What it is about: application, tuning, trial, job, stage, task, executor or host.",
            _FOUND,
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
        Column("cause", "string", "Why it is so, one of the code's causes; null where it has none.", _FOUND),
        Column(
            "within",
            "string",
            "Code of the finding that counts this one's cost already; null where it stands for itself.",
            _FOUND,
        ),
        Column("subject", "string", "What it is about, as its run is called. Text of the log: untrusted.", _FOUND),
        Column("sentence", "string", "It in one sentence with figures. Text of the log: untrusted.", _FOUND),
        Column("advice", "string", "What to do.", _FOUND),
        Column("figures", "string", "The figures that it was found by, as a JSON object.", _FOUND),
    ),
)

TABLES = (
    APPLICATIONS,
    TUNINGS,
    TRIALS,
    FITS,
    JOBS,
    STAGES,
    TASKS,
    EXECUTORS,
    EXECUTOR_METRICS,
    SQL_EXECUTIONS,
    SQL_SCANS,
    TASK_METRICS,
    ANNOTATIONS,
    ANNOTATED_RUNS,
    PROPERTIES,
    FINDINGS,
    ISSUES,
)
