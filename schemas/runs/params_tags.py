"""The params and tags that runs carry. docs/runs.md is generated from this."""

from dataclasses import dataclass

from ..findings import FINDINGS
from .levels import ABOVE_TASK, EVERY, SEARCH, Level


@dataclass(frozen=True, slots=True)
class RunText:
    """One param or tag."""

    name: str
    levels: tuple[Level, ...]
    doc: str


# Properties that become params of the application run, where the job sets them.
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
    RunText("spark.version", ("application",), "Version of Spark."),
    RunText("java.version", ("application",), "Version of Java."),
    RunText("executors", ("application",), "Executors that were ever part of the application."),
    RunText("total_cores", ("application",), "Cores of all of them."),
    *(RunText(name, ("application",), "As the job set it.") for name in PARAM_PROPERTIES),
)

LEVEL_TAG, KEY_TAG, VIEW_TAG, APP_ID_TAG = "afterglow.level", "afterglow.key", "afterglow.view", "spark.app.id"
FINGERPRINT_TAG, VERSION_TAG = "afterglow.import_fingerprint", "afterglow.version"
WRITTEN_TAG, RUNS_TAG = "afterglow.written_at", "afterglow.runs"
DIGEST_TAG, LEASE_TAG = "afterglow.digest", "afterglow.lease"
TRACE_TAG = "afterglow.trace"
FINDING_TAG = "afterglow.finding."


def finding_tag(code: str) -> str:
    """The tag on the run that a finding of this code is about."""
    return FINDING_TAG + code


RUN_TAGS = (
    RunText(LEVEL_TAG, EVERY, "Which level the run is."),
    RunText(KEY_TAG, EVERY, "Which run it is: the same log gives the same key, and no two runs have one."),
    RunText(VIEW_TAG, ABOVE_TASK, "`overview` on the runs that a person looks at first; links filter on it."),
    RunText(VERSION_TAG, ("application",), "The Afterglow that wrote the tree."),
    RunText(
        FINGERPRINT_TAG,
        ("application",),
        "What it was written from (log, options, Afterglow's version), once every run below is written; else empty.",
    ),
    RunText(WRITTEN_TAG, ("application",), "When that was, ISO 8601, UTC."),
    RunText(RUNS_TAG, ("application",), "How many runs the tree has."),
    RunText(
        TRACE_TAG,
        ("application",),
        "With --trace: the id of the application's trace, and a hash of it once all of it is written.",
    ),
    RunText(LEASE_TAG, ("application",), "Which process is writing the tree; empty when none is."),
    RunText(
        DIGEST_TAG,
        EVERY,
        "Hashes of the run as Afterglow wrote it last (content, name, description): what a person changed is left.",
    ),
    RunText(
        "afterglow.completeness",
        ("application",),
        "complete, in_progress, no_end, truncated, compacted or events_lost.",
    ),
    RunText("afterglow.log", ("application",), "Where the log was read from."),
    RunText("afterglow.issues", ("application",), "How many warnings and errors reading gave; issues.json has them."),
    RunText("afterglow.tasks_without_run", ("application", "stage"), "Task attempts that are in tasks.parquet only."),
    RunText(
        "afterglow.task_selected_for", ("task",), "Why the task has a run: failed, killed, speculative or straggler."
    ),
    RunText(APP_ID_TAG, EVERY, "Application id."),
    RunText("spark.app.attempt.id", ("application",), "Attempt id."),
    RunText("spark.job.id", ("job",), "Job id."),
    RunText("spark.job.group", ("job",), "What setJobGroup said."),
    RunText("spark.job.tags", ("job",), "What addJobTag said."),
    RunText("spark.sql.execution.id", ("job",), "SQL execution the job belongs to."),
    RunText("spark.stage.id", ("stage", "task"), "Stage id and attempt."),
    RunText("spark.task.id", ("task",), "Task id."),
    RunText("spark.executor.id", ("task",), "Executor."),
    RunText("spark.host", ("task",), "Host."),
    RunText("spark.locality", ("task",), "Locality level."),
    RunText("spark.failure_reason", ("job", "stage", "task"), "Why it failed or was killed."),
    RunText("afterglow.tuning.uid", (*SEARCH, "job"), "The search; of a fit outside searches there is none."),
    RunText("afterglow.framework", ("tuning", "fit"), "Framework that ran it: mllib, hyperopt, joblib, ..."),
    RunText("afterglow.tuning.kind", ("tuning",), "CrossValidator, TrainValidationSplit, or that of the framework."),
    RunText(
        "afterglow.tuning.source",
        ("tuning",),
        "annotated (the job wrote it), exact (the log holds it) or inferred (from the shape of the jobs).",
    ),
    RunText(
        "afterglow.tuning.found_by", ("tuning",), "Evidence it was found by: annotation, plan, stack, lineage, ..."
    ),
    RunText(
        "afterglow.tuning.confidence",
        ("tuning", "fit"),
        "How sure the jobs' places are, from 0 to 1: docs/training.md.",
    ),
    RunText("afterglow.tuning.parallelism", ("tuning",), "Most fits that ran at the same time."),
    RunText("afterglow.tuning.folds", ("tuning",), "Folds."),
    RunText("afterglow.tuning.metric", ("tuning",), "What the evaluator computed."),
    RunText("afterglow.trial", ("trial", "fit", "job"), "Trial."),
    RunText("afterglow.fold", ("fit", "job"), "Fold."),
    RunText("afterglow.phase", ("job",), "fit, evaluate, refit or prepare."),
    RunText(
        "afterglow.fit.uid", ("fit",), "Name of a fit outside searches: the estimator's uid or class and a number."
    ),
    RunText("afterglow.estimator", ("tuning", "fit", "job"), "Estimator's class; outside searches too."),
    RunText("afterglow.estimator.uid", ("tuning", "fit", "job"), "Its uid."),
    RunText("afterglow.evaluator", ("tuning",), "Evaluator's class."),
    *(
        RunText(
            finding_tag(one.code),
            one.carriers,
            f"{one.doc} Begins with its severity and its cost, so that LIKE 'critical%' finds the worst.",
        )
        for one in FINDINGS
    ),
    RunText("mlflow.user", EVERY, "User who ran the application."),
    RunText("mlflow.source.name", ("application",), "Application's name."),
    RunText("mlflow.note.content", ABOVE_TASK, "What the run was, in figures and links."),
)
