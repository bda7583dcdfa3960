"""The runs we write: levels, metrics, params, tags; and the run as a value that derive makes and publish writes.

docs/runs.md is generated from this. A task figure that is summed upward is declared at its column (task_columns); here
is what is no column of a task.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .finding_codes import FINDINGS
from .findings import Finding
from .over_time import EXECUTOR_FIGURES
from .task_columns import TASK_COLUMNS

Level = Literal["application", "run", "tuning", "trial", "fit", "job", "stage", "task"]
Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, slots=True)
class RunLevel:
    """One level of the run tree: what a run of it is, and its `afterglow.key`."""

    level: Level
    doc: str
    key: str
    name: str


LEVELS = (
    RunLevel("application", "One application attempt.", "<app_id>/<attempt>", "application's name"),
    RunLevel("run", "One `with annotate.run(name)` of the job.", "<app_id>/<attempt>/run/<id>", "the name given"),
    RunLevel(
        "tuning",
        "One call of fit of a CrossValidator or TrainValidationSplit; under a fit if part of another.",
        "<app_id>/<attempt>/tuning/<uid>",
        "tuning CrossValidator_4506ccbc4279 · 3 folds x 4 trials",
    ),
    RunLevel(
        "trial",
        "One param map of a search: its fits, one per fold.",
        "<app_id>/<attempt>/tuning/<uid>/trial/<trial>",
        "trial 2",
    ),
    RunLevel(
        "fit",
        "One param map trained and evaluated on one fold.",
        "<app_id>/<attempt>/tuning/<uid>/trial/<trial>/fold/<fold>",
        "fold 0",
    ),
    RunLevel(
        "job",
        "One Spark job; of a search, under its fit, or under the tuning where it prepares or refits.",
        "<app_id>/<attempt>/job/<job>",
        "job 7 · its description or call site",
    ),
    RunLevel(
        "stage",
        "One stage attempt that ran. Skipped stages have no run; their job counts them.",
        "<app_id>/<attempt>/stage/<stage>.<attempt>",
        "stage 12.0 · its call site",
    ),
    RunLevel(
        "task",
        "One task attempt; see --task-runs.",
        "<app_id>/<attempt>/task/<stage>.<attempt>/<task>",
        "task 5.0 · its executor",
    ),
)

SEARCH: tuple[Level, ...] = ("tuning", "trial", "fit")
ABOVE_JOB: tuple[Level, ...] = ("application", "run", *SEARCH)
ABOVE_STAGE: tuple[Level, ...] = (*ABOVE_JOB, "job")
ABOVE_TASK: tuple[Level, ...] = (*ABOVE_STAGE, "stage")
EVERY: tuple[Level, ...] = (*ABOVE_TASK, "task")


@dataclass(frozen=True, slots=True)
class RunMetric:
    """One MLflow metric: its unit, the levels that carry it, and how it is had."""

    name: str
    unit: str
    levels: tuple[Level, ...]
    doc: str


QUANTILES = {"min": 0.0, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "max": 1.0}

# Task columns whose spread over the tasks of a run is shown: metric group, column, factor, unit, word in skew's name.
SPREADS = (
    ("task_duration_s", "duration_ms", 1e-3, "s", "duration"),
    ("task_shuffle_read_bytes", "shuffle_read_bytes", 1.0, "bytes", "shuffle_read"),
    ("task_shuffle_write_bytes", "shuffle_write_bytes", 1.0, "bytes", "shuffle_write"),
    ("task_input_bytes", "input_bytes", 1.0, "bytes", "input"),
)


def _unit(metric: str) -> str:
    endings = {"_s": "s", "_bytes": "bytes", "_records": "records", "_ratio": "ratio"}
    return next((unit for ending, unit in endings.items() if metric.endswith(ending)), "bytes")


RUN_METRICS = (
    RunMetric("time/duration_s", "s", EVERY, "End minus start of the run itself."),
    *(
        RunMetric(
            column.metric.name,
            _unit(column.metric.name),
            EVERY,
            f"{column.doc} {'Summed' if column.metric.aggregate == 'sum' else 'Maximum'} over task attempts.",
        )
        for column in TASK_COLUMNS
        if column.metric
    ),
    RunMetric("tasks/total", "", ABOVE_TASK, "Task attempts."),
    RunMetric("tasks/failed", "", ABOVE_TASK, "Task attempts that failed."),
    RunMetric("tasks/killed", "", ABOVE_TASK, "Task attempts that were killed."),
    RunMetric("tasks/speculative", "", ABOVE_TASK, "Task attempts started by speculation."),
    RunMetric("stages/total", "", ABOVE_STAGE, "Stage attempts that ran."),
    RunMetric("stages/failed", "", ABOVE_STAGE, "Stage attempts that failed."),
    RunMetric("stages/skipped", "", ABOVE_STAGE, "Stages whose output was already there."),
    RunMetric("jobs/total", "", ABOVE_JOB, "Jobs."),
    RunMetric("jobs/failed", "", ABOVE_JOB, "Jobs that failed."),
    RunMetric("trials/total", "", ("tuning",), "Trials that began."),
    RunMetric("fits/total", "", ("tuning", "trial"), "Fits that began."),
    RunMetric("fits/failed", "", ("tuning", "trial"), "Fits that failed."),
    RunMetric("time/fits_s", "s", ("tuning", "trial"), "Durations of all its fits, added up: what it cost."),
    RunMetric("time/fit_s", "s", ("fit",), "From the first to the last job that trains."),
    RunMetric("time/evaluate_s", "s", ("fit",), "From the first to the last job that evaluates."),
    *(
        RunMetric(
            f"findings/{severity}", "", ("application",), "Findings of that severity; docs/findings.md says which."
        )
        for severity in ("critical", "warning", "note")
    ),
    RunMetric(
        "findings/cost_s",
        "s",
        EVERY,
        "Time that the dearest finding about the run costs; of the application, the dearest of all.",
    ),
    RunMetric("executors/total", "", ("application",), "Executors that were ever part of the application."),
    RunMetric(
        "executors/idle_ratio",
        "ratio",
        ABOVE_TASK,
        "Share of the executors' core time between the run's start and end in which no task of any job ran.",
    ),
    RunMetric("system/running_tasks", "", ("application",), "Over time: tasks that ran, on average."),
    RunMetric("system/cores", "", ("application",), "Over time: cores of the executors that were there, on average."),
    RunMetric(
        "system/gc_ratio", "ratio", ("application",), "Over time: share of the tasks' time in garbage collection."
    ),
    *(
        RunMetric(f"system/<executor>/{name}", "MB", ("application",), f"Over time: {doc}")
        for name, (_, doc) in EXECUTOR_FIGURES.items()
    ),
    *(
        RunMetric(f"{group}/{quantile}", unit, ABOVE_TASK, f"Over the run's successful tasks: {quantile} of {column}.")
        for group, column, _, unit, _ in SPREADS
        for quantile in QUANTILES
    ),
    *(
        RunMetric(
            f"skew/{word}_max_over_median",
            "ratio",
            ABOVE_TASK,
            f"Greatest over median {column} of the run's successful tasks.",
        )
        for _, column, _, _, word in SPREADS
    ),
)


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
COMPLETE_TAG, VERSION_TAG = "afterglow.complete", "afterglow.version"
WRITTEN_TAG, RUNS_TAG = "afterglow.written_at", "afterglow.runs"
DIGEST_TAG, WRITER_TAG = "afterglow.digest", "afterglow.writer"
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
        COMPLETE_TAG,
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
    RunText(WRITER_TAG, ("application",), "Which process is writing the tree; empty when none is."),
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
    RunText("afterglow.notable", ("task",), "Why the task has a run: failed, killed, speculative or straggler."),
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
    RunText("afterglow.tuning.uid", (*SEARCH, "job"), "The search."),
    RunText("afterglow.tuning.kind", ("tuning",), "CrossValidator or TrainValidationSplit."),
    RunText("afterglow.tuning.source", ("tuning",), "What it was found by: annotated, plan, stack or lineage."),
    RunText(
        "afterglow.tuning.confidence", ("tuning", "fit"), "How sure the jobs' places are, from 0 to 1: docs/tuning.md."
    ),
    RunText("afterglow.tuning.parallelism", ("tuning",), "Most fits that ran at the same time."),
    RunText("afterglow.tuning.folds", ("tuning",), "Folds."),
    RunText("afterglow.tuning.metric", ("tuning",), "What the evaluator computed."),
    RunText("afterglow.trial", ("trial", "fit", "job"), "Trial."),
    RunText("afterglow.fold", ("fit", "job"), "Fold."),
    RunText("afterglow.phase", ("job",), "fit, evaluate, refit or prepare."),
    RunText("afterglow.estimator", ("tuning", "job"), "Estimator's class; outside searches too."),
    RunText("afterglow.estimator.uid", ("tuning", "job"), "Its uid."),
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


@dataclass(frozen=True, slots=True)
class Run:
    """One run as derive makes it: no MLflow in it, everything in the units of RUN_METRICS.

    `history` is per metric a sequence of (step, time_ms, value); its last value is not repeated in `metrics`.
    `parent` is the parent's key, None for an application. `findings` are those about the run, of an application all;
    dearest first.
    """

    level: Level
    key: str
    parent: str | None
    name: str
    status: Status
    start_ms: int
    end_ms: int | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, Sequence[tuple[int, int, float]]] = field(default_factory=dict)
    findings: Sequence[Finding] = ()

    @property
    def duration_s(self) -> float | None:
        """End minus start; None while it runs."""
        return None if self.end_ms is None else (self.end_ms - self.start_ms) / 1e3


class TaskRuns(Protocol):
    """The runs of one stage attempt's tasks, by launch. They are made anew whenever they are gone through, so that
    100,000 of them are never held at once."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Run]: ...


@dataclass(frozen=True, slots=True)
class RunTree:
    """All runs of one application attempt.

    `runs` are those above the tasks, parents before children, children by start; `tasks` those of the tasks, by the
    stage run's key. `datasets` are (format, location) of every source the application read.
    """

    runs: Sequence[Run]
    tasks: Mapping[str, TaskRuns] = field(default_factory=dict)
    datasets: Sequence[tuple[str, str]] = ()

    @property
    def application(self) -> Run:
        """The root."""
        return self.runs[0]

    def __len__(self) -> int:
        return len(self.runs) + sum(map(len, self.tasks.values()))

    def all(self) -> Iterator[Run]:
        """Every run, each stage's followed by its tasks'."""
        for run in self.runs:
            yield run
            yield from self.tasks.get(run.key, ())

    def children(self) -> Mapping[str, Sequence[Run]]:
        """Key -> the runs directly below it, without tasks."""
        below: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.parent is not None:
                below.setdefault(run.parent, []).append(run)
        return below
