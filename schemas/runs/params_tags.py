"""The params and tags of the runs. docs/runs.md is generated from this module."""

from dataclasses import dataclass

from ..findings import FINDINGS
from ..job_history import FINDINGS_TAG, FOUND_BY_TAG, JOB_TAG, REGRESSION_TAG, SENT_TAG, SINCE_TAG
from ..orchestrators import NAMES_TAG, ORCHESTRATORS
from ..prices import CURRENCY_TAG
from .levels import ABOVE_JOB, ABOVE_STAGE, ABOVE_TASK, EVERY, SEARCH, Level


@dataclass(frozen=True, slots=True)
class RunText:
    """One param or tag."""

    name: str
    levels: tuple[Level, ...]
    doc: str


# Properties that become params of the application run where the job sets them.
PARAM_PROPERTIES = (
    "spark.master",
    "spark.submit.deployMode",
    "spark.executor.instances",
    "spark.executor.cores",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.driver.cores",
    "spark.driver.memory",
    "spark.task.cpus",
    "spark.default.parallelism",
    "spark.sql.shuffle.partitions",
    "spark.sql.adaptive.enabled",
    "spark.dynamicAllocation.enabled",
    "spark.dynamicAllocation.maxExecutors",
    "spark.speculation",
    "spark.serializer",
    "spark.memory.fraction",
    "spark.sql.execution.arrow.pyspark.enabled",
    "spark.yarn.queue",
)
RUN_PARAMS = (
    RunText("spark.version", ("application",), "Spark version."),
    RunText("java.version", ("application",), "Java version."),
    RunText("executors", ("application",), "Number of executors that were ever added."),
    RunText("total_cores", ("application",), "Cores of all executors that were ever added."),
    *(RunText(name, ("application",), "Value that the job set.") for name in PARAM_PROPERTIES),
    RunText("best_<param>", ("application", "tuning"), "Param of the best trial, where the log says which one it is."),
)

LEVEL_TAG, KEY_TAG, VIEW_TAG, APP_ID_TAG = "afterglow.level", "afterglow.key", "afterglow.view", "spark.app.id"
FINGERPRINT_TAG, VERSION_TAG = "afterglow.import_fingerprint", "afterglow.version"
WRITTEN_TAG, RUNS_TAG = "afterglow.written_at", "afterglow.runs"
DIGEST_TAG, LEASE_TAG = "afterglow.digest", "afterglow.lease"
TRACE_TAG, ATTEMPT_TAG = "afterglow.trace", "spark.app.attempt.id"
COMPLETENESS_TAG, ISSUES_TAG = "afterglow.completeness", "afterglow.issues"
ADOPTED_TAG = "afterglow.adopted"
STUDY_TAG = "afterglow.study"
APPLICATION_RUN_TAG = "afterglow.application_run"
"""On a run that the training job created itself: the id of the application run, which is not below it."""
JOBS_WITHOUT_RUN_TAG, STAGES_WITHOUT_RUN_TAG = "afterglow.jobs_without_run", "afterglow.stages_without_run"
FINDING_TAG = "afterglow.finding."
RESULT_TAG, TO_DO_TAG = "afterglow.result", "afterglow.to_do"


def finding_tag(code: str) -> str:
    """Return the tag of findings with this code, on the run that the finding is about."""
    return FINDING_TAG + code


RUN_TAGS = (
    RunText(RESULT_TAG, ABOVE_JOB, "Best trial with its metric, or the evaluation of a fit, where the log has it."),
    RunText(TO_DO_TAG, ABOVE_TASK, "The most expensive finding, its estimated cost and its advice."),
    RunText(LEVEL_TAG, EVERY, "Level of the run."),
    RunText(KEY_TAG, EVERY, "Unique key of the run. The same log always gives the same key."),
    RunText(
        VIEW_TAG,
        ABOVE_TASK,
        "`overview` on runs from the application down to its jobs and stages of interest. Links filter on it.",
    ),
    RunText(VERSION_TAG, ("application",), "Version of Afterglow that wrote the tree."),
    RunText(
        FINGERPRINT_TAG,
        ("application",),
        "Fingerprint of log, options and version. Empty until every run of the tree is written.",
    ),
    RunText(WRITTEN_TAG, ("application",), "Time at which the tree was completed, ISO 8601, UTC."),
    RunText(RUNS_TAG, ("application",), "Number of runs in the tree."),
    RunText(
        TRACE_TAG,
        ("application",),
        "With --trace: id of the trace, and a hash once the trace is complete.",
    ),
    RunText(LEASE_TAG, ("application",), "Process that writes or removes the tree. Empty when there is none."),
    RunText(
        DIGEST_TAG,
        EVERY,
        "Hashes of content, name and description as last written. Your own changes are kept.",
    ),
    RunText(
        ADOPTED_TAG,
        ("tuning", "trial"),
        "`true` on a run that the training job created itself. Its name, start, end and status are kept.",
    ),
    RunText(
        STUDY_TAG,
        ("application",),
        "Run of the Optuna study in this experiment that the application ran. See docs/training.md.",
    ),
    RunText(
        COMPLETENESS_TAG,
        ("application",),
        "complete, application_not_read, no_application_end, truncated, in_progress, compacted or events_lost.",
    ),
    RunText("afterglow.log", ("application",), "Path or URI of the log."),
    RunText(ISSUES_TAG, ("application",), "Number of warnings and errors; issues.json lists them."),
    RunText(
        "afterglow.error", ("fit",), "Class and message of the exception that a fit raised, where it is annotated."
    ),
    RunText(
        "afterglow.models_without_run",
        ("application", "fit"),
        "Number of models of groups without a run. models.parquet has them.",
    ),
    RunText("afterglow.models.slowest", ("application", "fit"), "Key of the group whose model took longest."),
    RunText(JOBS_WITHOUT_RUN_TAG, ABOVE_JOB, "Number of jobs without a run. jobs.parquet has them."),
    RunText(STAGES_WITHOUT_RUN_TAG, ABOVE_STAGE, "Number of stage attempts without a run. stages.parquet has them."),
    RunText(
        "afterglow.tasks_without_run",
        ("application", "stage"),
        "Number of task attempts without a run. tasks.parquet has them.",
    ),
    RunText(
        "afterglow.task_selected_for", ("task",), "Reason for the task's run: failed, killed, speculative or straggler."
    ),
    RunText(JOB_TAG, ("application",), "Recurring job that the application is a run of; see docs/job-history.md."),
    RunText(FOUND_BY_TAG, ("application",), "How the job was found: by the orchestrator, by name or by plan."),
    RunText(FINDINGS_TAG, ("application",), "Codes of warnings and critical findings, each with its severity."),
    RunText(
        REGRESSION_TAG, ("application",), "Kinds of regression against the runs of the job before, and a sentence."
    ),
    RunText(SINCE_TAG, ("application",), "Application id of the run in which the regression began."),
    RunText(SENT_TAG, ("application",), "Time at which the webhook was called about the regression."),
    RunText(CURRENCY_TAG, ("application",), "Currency of the costs."),
    RunText(NAMES_TAG, ("application",), "Orchestrators that started the application; see docs/orchestrators.md."),
    *(
        RunText(tag, ("application",), f"{one.title}: {doc}")
        for one in ORCHESTRATORS
        for tag, doc in (
            *((one.tag(field.name), field.doc) for field in one.fields if field.is_tag),
            (one.tag("url"), "Address of the run."),
        )
    ),
    RunText(APP_ID_TAG, EVERY, "Application id."),
    RunText(ATTEMPT_TAG, ("application",), "Attempt id."),
    RunText("spark.job.id", ("job",), "Job id."),
    RunText("spark.job.group", ("job",), "Job group, as set by setJobGroup."),
    RunText("spark.job.tags", ("job",), "Job tags, as set by addJobTag."),
    RunText("spark.sql.execution.id", ("job",), "SQL execution the job belongs to."),
    RunText("spark.stage.id", ("stage", "task"), "Stage id and attempt."),
    RunText("spark.task.id", ("task",), "Task id."),
    RunText("spark.executor.id", ("task",), "Executor id."),
    RunText("spark.host", ("task",), "Host."),
    RunText("spark.locality", ("task",), "Locality level."),
    RunText("spark.sql.streaming.query.id", ("query",), "Id of the streaming query, which a restart keeps."),
    RunText("spark.sql.streaming.run.id", ("query",), "Id of this run of the streaming query."),
    RunText("spark.failure_reason", ("query", "job", "stage", "task"), "Reason for the failure or the kill."),
    RunText("afterglow.tuning.uid", (*SEARCH, "job"), "Uid of the search. Fits outside searches have none."),
    RunText("afterglow.framework", ("tuning", "fit"), "Framework: mllib, hyperopt, joblib and others."),
    RunText(
        "afterglow.tuning.kind",
        ("tuning",),
        "CrossValidator, TrainValidationSplit, or the search class of another framework.",
    ),
    RunText(
        "afterglow.tuning.source",
        ("tuning",),
        "annotated (the job wrote it), exact (the log holds it) or inferred (from the shape of the jobs).",
    ),
    RunText(
        "afterglow.tuning.found_by",
        ("tuning",),
        "Evidence for the search: annotation, plan, stack, lineage and others.",
    ),
    RunText(
        "afterglow.tuning.confidence",
        ("tuning", "fit"),
        "Confidence that jobs are assigned to the right trials, from 0 to 1; see docs/training.md.",
    ),
    RunText("afterglow.tuning.parallelism", ("tuning",), "Largest number of fits that ran at the same time."),
    RunText("afterglow.tuning.folds", ("tuning",), "Number of folds."),
    RunText("afterglow.tuning.metric", ("tuning",), "Metric of the evaluator."),
    RunText("afterglow.tuning.best_trial", ("tuning",), "Trial of the best model, where the log has it."),
    RunText("afterglow.trial", ("trial", "fit", "job"), "Trial."),
    RunText("afterglow.fold", ("fit", "job"), "Fold."),
    RunText("afterglow.phase", ("fit", "job"), "Phase: fit, evaluate, refit or prepare. Of fits, a refit has it."),
    RunText(
        "afterglow.fit.uid", ("fit",), "Id of a fit outside searches: uid or class of the estimator, and a number."
    ),
    RunText("afterglow.estimator", ("tuning", "fit", "job"), "Class of the estimator, in or outside a search."),
    RunText("afterglow.estimator.uid", ("tuning", "fit", "job"), "Uid of the estimator."),
    RunText("afterglow.evaluator", ("tuning",), "Class of the evaluator."),
    *(
        RunText(
            finding_tag(one.code),
            one.carriers,
            f"{one.doc} The value starts with severity and cost; filter with LIKE 'critical%'.",
        )
        for one in FINDINGS
    ),
    RunText("mlflow.user", EVERY, "User who ran the application."),
    RunText("mlflow.source.name", ("application",), "Name of the application."),
    RunText("mlflow.note.content", EVERY, "Description of the run, with figures and links."),
)
