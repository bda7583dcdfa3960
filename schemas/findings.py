"""What can make an application slow: every finding, its formula, thresholds, causes and advice, declared once.

docs/findings.md is generated from this; a person overrides thresholds by `code.name=value`. A finding as a row is
declared in schemas.tables, as a value on the run it is about here.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Severity = Literal["critical", "warning", "note"]
About = Literal["application", "tuning", "trial", "job", "stage", "task", "executor", "host"]
Carrier = Literal["application", "tuning", "trial", "job", "stage", "task"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "note")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a person may override. The unit is in its name."""

    name: str
    default: float
    doc: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why it is so, as far as the figures tell, and what to do about it."""

    name: str
    doc: str
    advice: str


@dataclass(frozen=True, slots=True)
class FindingCode:
    """One kind of finding.

    `cost` says in words what its time is. Severity goes by the share of the application's time that it costs, but is
    never below `at_least` nor above `at_most`. A finding that is `told` is there whatever it costs; one that `informs`
    is no fault but a figure of every application.
    """

    code: str
    level: About
    family: str
    doc: str
    formula: str
    cost: str
    advice: str
    thresholds: tuple[Threshold, ...] = ()
    causes: tuple[Cause, ...] = ()
    at_least: Severity = "note"
    at_most: Severity = "critical"
    told: bool = False
    informs: bool = False

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """The levels of the runs that carry it: of a task also its stage, as not every task has a run; of an executor
        the application."""
        if self.level == "executor" or self.level == "host":
            return ("application",)
        return ("stage", "task") if self.level == "task" else (self.level,)

    def advice_for(self, cause: str | None) -> str:
        """The cause's advice, or the code's own."""
        return next((one.advice for one in self.causes if one.name == cause), self.advice)


ANY = "any"
_WORTH = (
    Threshold("cost_s", 1.0, "A finding costs at least so many seconds."),
    Threshold("cost_ratio", 0.02, "And at least this share of the application's duration."),
)
ANY_THRESHOLDS = (
    *_WORTH,
    Threshold("warning_ratio", 0.05, "It is a warning from this share of the application's duration on."),
    Threshold("critical_ratio", 0.2, "It is critical from this share of the application's duration on."),
)

_TASKS = Threshold("tasks", 4, "Successful tasks that the stage has at least.")
_AT_MOST = Threshold("tasks_ratio", 0.25, "More long tasks than this share of the stage, and they are no exception.")
_ON_CORES = "divided by the tasks of the stage that ran at the same time"
_RUN_AGAIN = "the stage's tasks laid out on as many slots as it had"

FINDINGS = (
    FindingCode(
        "skew",
        "stage",
        "tails",
        "A few tasks of a stage have far more data than the others, and the stage waits for them.",
        "task duration >= time_ratio x median and >= median + excess_s, bytes or records (read, or written) >= "
        "data_ratio x median, and the time per byte or record at most normal_ratio x the median's; of the column that "
        "explains most of it",
        f"{_RUN_AGAIN}: as it was, less the same time spread evenly",
        "Spread the data evenly: salt or broadcast the frequent keys, or let adaptive execution split the partition "
        "(spark.sql.adaptive.skewJoin).",
        (
            Threshold("time_ratio", 2, "Times the median duration."),
            Threshold("excess_s", 0.5, "Seconds above the median duration."),
            Threshold("data_ratio", 2, "Times the median bytes or records."),
            Threshold("normal_ratio", 2.5, "Times the median time per byte or record that is still normal."),
            _TASKS,
            _AT_MOST,
        ),
        (
            Cause(
                "shuffle read",
                "Some keys of the shuffle are far more frequent.",
                "Spread the frequent keys: salt them, broadcast the small side, or let adaptive execution split the "
                "partition (spark.sql.adaptive.skewJoin).",
            ),
            Cause(
                "input",
                "Some input partitions are far larger.",
                "Make the input's partitions even: splittable files of one size, or repartition after reading.",
            ),
            Cause(
                "written",
                "Some tasks make far more output from as much input.",
                "Spread the rows that multiply before they do: repartition or salt before the join or explode.",
            ),
        ),
    ),
    FindingCode(
        "straggler",
        "task",
        "tails",
        "A task takes far longer than the others of its stage, and here is why.",
        "task duration >= time_ratio x median and >= median + excess_s; not among the first tasks of its executor, nor "
        "of its stage there if those are all alike (they start it up). Its cause is the first that holds: more data "
        "(see skew); a slow machine (the executor's other tasks take >= slow_ratio x what their stages' tasks take on "
        "other executors); garbage collection, fetch wait or scheduling delay (the greatest, if it explains >= "
        "explained_ratio of the excess); spill (it spilled, the median task did not); locality (it was far from its "
        "data, most were not); else unknown",
        f"{_RUN_AGAIN}: as it was, less with the stragglers at the median; only the stage's slowest is listed with a "
        f"cost",
        "Look at the task's log.",
        (
            Threshold("time_ratio", 3, "Times the median duration."),
            Threshold("excess_s", 1, "Seconds above the median duration."),
            Threshold("slow_ratio", 1.5, "Times what the executor's other tasks should take."),
            Threshold("other_tasks", 5, "Other tasks of the executor that this is judged by, at least."),
            Threshold("explained_ratio", 0.5, "Share of the excess that a cause explains at least."),
            _TASKS,
            _AT_MOST,
        ),
        (
            Cause("more data", "Its time per byte or record is normal.", "See the stage's finding skew."),
            Cause(
                "slow machine",
                "The executor's other tasks are slow too.",
                "Look at the machine (disk, CPU throttling, other tenants), or turn on spark.speculation.",
            ),
            Cause(
                "garbage collection",
                "The executor's JVM collected garbage meanwhile.",
                "Give executors more memory, or run fewer tasks at once on each.",
            ),
            Cause(
                "fetch wait",
                "It waited for shuffle blocks of other machines.",
                "Look at the machine that it fetched from and at the network; an external shuffle service helps.",
            ),
            Cause(
                "scheduling delay",
                "It waited to be started or deserialized, or for its result to be taken.",
                "Make closures, broadcasts and results smaller, and give the driver more cores.",
            ),
            Cause(
                "spill",
                "Its data did not fit into memory, the others' did.",
                "Use more partitions or more executor memory.",
            ),
            Cause(
                "locality",
                "It ran far from its data.",
                "Raise spark.locality.wait, or spread the cached data over all executors.",
            ),
            Cause(
                "unknown",
                "Nothing that Spark measures explains it.",
                "Look at what the code does with this task's data, and at its executor's log and machine.",
            ),
        ),
    ),
    FindingCode(
        "slow_executor",
        "executor",
        "executors",
        "Tasks take longer on one executor than on the others, in all stages.",
        "over all stages: the sum of (tasks of the executor x their median duration) >= slow_ratio x the sum of (tasks "
        "of the executor x the median duration of the other executors' tasks of that stage), also per byte read, over "
        "at least `tasks` tasks, of which >= consistent_ratio take longer than the others' median; an executor's first "
        "tasks do not count",
        "per stage the greater of: the excess of its tasks divided by the tasks that ran at the same time; how long "
        "the stage ran on with this executor's tasks only",
        "Look at the machine (disk, CPU throttling, other tenants), exclude it (spark.excludeOnFailure, node labels), "
        "or turn on spark.speculation.",
        (
            Threshold("slow_ratio", 1.5, "Times what the others' tasks take."),
            Threshold("tasks", 6, "Tasks on the executor, at least."),
            Threshold("consistent_ratio", 0.7, "Share of its tasks that are slower than the others' median."),
        ),
        (
            Cause(
                "garbage collection",
                "The excess is time in garbage collection.",
                "Give executors more memory, or run fewer tasks at once on each.",
            ),
            Cause(
                "waiting",
                "Its tasks use as much CPU time as the others' and take longer: it does not get the CPU, or waits for "
                "disk or network.",
                "Look for throttling, other tenants, and a slow disk or network on the machine; exclude it, or turn on "
                "spark.speculation.",
            ),
            Cause(
                "slow CPU",
                "Its tasks use more CPU time for the same work.",
                "Use machines of one kind, or turn on spark.speculation.",
            ),
        ),
    ),
    FindingCode(
        "slow_host",
        "host",
        "executors",
        "Tasks take longer on one host than on the others, on all of its executors and in all stages.",
        "as slow_executor, for hosts with more than one executor",
        "as slow_executor",
        "Look at the machine (disk, CPU throttling, other tenants), or exclude it (spark.excludeOnFailure, node "
        "labels).",
        (
            Threshold("slow_ratio", 1.5, "Times what the others' tasks take."),
            Threshold("tasks", 10, "Tasks on the host, at least."),
            Threshold("consistent_ratio", 0.7, "Share of its tasks that are slower than the others' median."),
        ),
    ),
    FindingCode(
        "spill",
        "stage",
        "memory",
        "A stage's data did not fit into memory and was written to disk in between.",
        "disk_spilled_bytes >= spilled_bytes",
        "the greater of memory_spilled_bytes / spill_bytes_per_s, and s / (2 + s) of the run time, where s is the "
        "share of the bytes read that was spilled, at most 1 (spilling a byte is taken for half the work on it); "
        f"{_ON_CORES}",
        "Use more partitions (spark.sql.shuffle.partitions), or more executor memory, or fewer tasks at once on each.",
        (
            Threshold("spilled_bytes", 10e6, "Bytes spilled to disk."),
            Threshold("spill_bytes_per_s", 100e6, "Bytes of memory that a task spills and reads back in a second."),
        ),
    ),
    FindingCode(
        "gc",
        "stage",
        "memory",
        "Tasks wait while executors collect garbage.",
        "jvm_gc_time_ms >= gc_ratio x executor_run_time_ms",
        f"the stage's jvm_gc_time_ms above healthy_ratio of its run time, {_ON_CORES}",
        "Give executors more memory, cache less or serialized, run fewer tasks at once on each, or make fewer objects.",
        (
            Threshold("gc_ratio", 0.15, "Share of the run time of all its tasks."),
            Threshold("healthy_ratio", 0.03, "Share that any JVM spends."),
        ),
    ),
    FindingCode(
        "fetch_wait",
        "stage",
        "shuffle",
        "Tasks wait for shuffle blocks from other machines.",
        "shuffle_fetch_wait_ms >= wait_ratio x executor_run_time_ms",
        f"the stage's shuffle_fetch_wait_ms, {_ON_CORES}",
        "Shuffle less (filter, aggregate or broadcast before), and look at the network and at the disks that serve it.",
        (Threshold("wait_ratio", 0.2, "Share of the run time of all its tasks."),),
    ),
    FindingCode(
        "large_shuffle",
        "job",
        "shuffle",
        "A job moves far more data between its stages than it reads.",
        "shuffle_write_bytes of its stages >= shuffle_ratio x their input_bytes, and >= shuffle_bytes",
        "shuffle write time and fetch wait of its stages, each divided by the tasks that ran at the same time",
        "Filter and select columns before the shuffle, aggregate before a join, broadcast its small side, and look for "
        "rows that a join multiplies.",
        (
            Threshold("shuffle_ratio", 3, "Times its input."),
            Threshold("shuffle_bytes", 500e6, "Bytes shuffled."),
        ),
    ),
    FindingCode(
        "tiny_tasks",
        "stage",
        "sizes",
        "A stage is cut into so many small tasks that starting them takes longer than their work.",
        "median executor_run_time_ms < task_s, tasks >= tasks_per_core x the tasks that ran at the same time, and the "
        "stage's time >= overhead_ratio above its tasks' run time",
        "the stage's time less its tasks' run time divided by the tasks that ran at the same time",
        "Use fewer, larger partitions: coalesce, spark.sql.shuffle.partitions, spark.sql.files.maxPartitionBytes.",
        (
            Threshold("task_s", 0.1, "Median run time of its tasks, in seconds."),
            Threshold("tasks_per_core", 20, "Tasks per slot."),
            Threshold("overhead_ratio", 0.4, "Share of the stage's time that is no work."),
        ),
    ),
    FindingCode(
        "few_partitions",
        "stage",
        "sizes",
        "A stage has fewer tasks than there are cores, and the others are idle meanwhile.",
        "tasks <= partitions_ratio x cores that were there, of which there are at least `cores`, stage_s or more, and "
        "idle_ratio of the cores' time idle",
        "the core time that was idle while the stage ran, divided by the cores",
        "Use more partitions: repartition, spark.sql.shuffle.partitions, or splittable input.",
        (
            Threshold("partitions_ratio", 0.5, "Tasks per core."),
            Threshold("cores", 4, "Cores that were there at least."),
            Threshold("stage_s", 3, "Seconds that the stage takes at least."),
            Threshold("idle_ratio", 0.3, "Share of the cores' time that was idle meanwhile."),
        ),
    ),
    FindingCode(
        "cores_idle",
        "application",
        "sizes",
        "Cores are idle while tasks run on others.",
        "core time without a task >= idle_ratio of all core time in which some task ran, without the time that skew, "
        "stragglers, slow machines and few partitions cost",
        "that idle core time divided by the cores",
        "Use more partitions, run jobs at the same time (parallelism of searches, threads), or ask for fewer cores.",
        (
            Threshold("idle_ratio", 0.5, "Share of the core time while some task ran."),
            Threshold("cost_s", 10, "A finding costs at least so many seconds."),
        ),
        at_most="warning",
    ),
    FindingCode(
        "driver_only",
        "application",
        "driver",
        "No task ran: only the driver worked, or nobody did.",
        "time in which no task ran, without the first startup_s before the first job, >= driver_ratio of the "
        "application's duration; its cause is where most of it lies",
        "the time in which no task ran",
        "See where it lies.",
        (
            Threshold("driver_ratio", 0.4, "Share of the application's duration."),
            Threshold("startup_s", 60, "Seconds before the first job that any application may take."),
            Threshold("cost_s", 15, "A finding costs at least so many seconds."),
        ),
        (
            Cause(
                "before the first job",
                "Starting, waiting for executors, or preparing on the driver.",
                "Look at what the driver does before its first job: imports, local files, waiting for the cluster.",
            ),
            Cause(
                "between jobs",
                "The driver computed alone, or a person thought.",
                "Do the driver's work in Spark or beside it; in a notebook release the executors "
                "(spark.dynamicAllocation).",
            ),
            Cause(
                "inside jobs",
                "Jobs ran and none of their tasks did: they waited for executors or for the driver.",
                "Look at what jobs wait for: executors, planning, broadcasts, listing of files.",
            ),
            Cause(
                "after the last job",
                "The application stayed when its work was done.",
                "Stop the session when the last job is done.",
            ),
        ),
        at_most="warning",
    ),
    FindingCode(
        "failed_tasks",
        "stage",
        "waste",
        "Tasks failed; what they had done was done again.",
        "failed task attempts >= failed_tasks, or what they cost is worth it; FetchFailed and lost executors count at "
        "executor_lost and repeated_stage",
        f"durations of the failed attempts, {_ON_CORES}",
        "Read why they failed, and mend it: a retry hides it until the fourth one fails the job.",
        (Threshold("failed_tasks", 3, "Failed attempts."),),
        at_least="warning",
        told=True,
    ),
    FindingCode(
        "killed_tasks",
        "stage",
        "waste",
        "Tasks were killed; what they had done is lost.",
        "killed task attempts that were no speculation, durations as below",
        f"durations of the killed attempts, {_ON_CORES}",
        "Look at what cancelled them: a failing sibling, a timeout, a user, or a limit that was reached.",
    ),
    FindingCode(
        "speculation_wasted",
        "stage",
        "waste",
        "Speculative copies ran beside the tasks they copied.",
        "attempts that were killed since another attempt succeeded",
        f"durations of these attempts, {_ON_CORES}",
        "Raise spark.speculation.multiplier or .quantile, and look at why there are stragglers.",
    ),
    FindingCode(
        "repeated_stage",
        "stage",
        "waste",
        "A stage ran again, since shuffle output it had made or read was lost.",
        "stage attempts above the first, and tasks that were resubmitted",
        "the time of the attempts above the first, and of the resubmitted tasks at the stage's median duration, "
        "divided by the tasks that ran at the same time",
        "Find out why executors went away (memory, preemption, spot machines), and keep shuffle output elsewhere: an "
        "external shuffle service, decommissioning with migration.",
        at_least="warning",
        told=True,
    ),
    FindingCode(
        "executor_lost",
        "executor",
        "waste",
        "An executor went away that nobody had sent away.",
        "it was removed for another reason than the driver's wish, or a task failed with ExecutorLostFailure",
        "durations of the tasks that were lost with it, divided by the tasks that ran at the same time",
        "Read the reason: exit code 137 and 'memory limits' mean more memory or overhead "
        "(spark.executor.memoryOverhead), preemption means other machines.",
        causes=(
            Cause(
                "killed",
                "Exit code 137 or 143, or a memory limit: something killed its process.",
                "Give it more memory or overhead (spark.executor.memoryOverhead), or run fewer tasks at once on it; "
                "ask the machine who killed it.",
            ),
            Cause(
                "preempted",
                "The cluster took it back.",
                "Use machines or a queue that are not preempted, or decommissioning (spark.decommission.enabled).",
            ),
            Cause("unknown", "The reason does not say.", "Look at its log: the end of its stderr says why it went."),
        ),
        at_least="warning",
        told=True,
    ),
    FindingCode(
        "dear_trial",
        "trial",
        "tuning",
        "A trial cost far more than the others, and is not the best.",
        "the time of its fits, without what they did for others (persisting a fold's data; in the search's first fits "
        "starting up), >= trial_ratio x the median trial's; where metrics are known, another trial that cost less than "
        "half as much is as good, but for metric_ratio of the metrics' range",
        "the time of its fits less the median trial's, divided by the search's parallelism",
        "Leave such param maps out, or try them with fewer folds or on a sample first.",
        (
            Threshold("trial_ratio", 2.5, "Times the median trial's time."),
            Threshold("trials", 3, "Trials that the search has at least."),
            Threshold("metric_ratio", 0.02, "Share of the range of metrics that does not count as better."),
        ),
    ),
    FindingCode(
        "repeated_features",
        "tuning",
        "tuning",
        "Feature stages of a pipeline are fitted again in every trial of a fold, on the same data.",
        "in the fits of one fold, jobs of estimators that are not the search's last one, beyond one fit per distinct "
        "setting of theirs (params known), else per fold",
        "the time of those jobs beyond the first of every fold and setting, divided by the search's parallelism",
        "Put the search inside the pipeline (feature stages before, CrossValidator as the last stage), where feature "
        "stages may see all folds; or fit them once per fold.",
        (Threshold("trials", 2, "Trials that the search has at least."),),
    ),
    FindingCode(
        "not_cached",
        "tuning",
        "tuning",
        "What a search learns from is computed from its source again for every fold.",
        "stages of the search that read a source and none of whose persisted RDDs was there before >= reads; the data "
        "that goes into the search is not persisted",
        "the time of these stages beyond the longest, less what a stage of the search on persisted data takes, divided "
        "by the search's parallelism",
        "Cache the data frame, or write it to a file, before fit: df.cache(); df.count().",
        (Threshold("reads", 3, "Times that the source is read."),),
    ),
    FindingCode(
        "parallelism",
        "tuning",
        "tuning",
        "Fits run one after the other while cores are idle.",
        "the fits of every fold laid out on 2, 4 and 8 threads, never faster than their core time on all cores allows",
        "the time of the search's folds as it was, less with the best of 2, 4 and 8",
        "Set parallelism of the CrossValidator or TrainValidationSplit.",
        (Threshold("gain_ratio", 0.2, "Share of the folds' time that is saved at least."),),
        at_most="warning",
    ),
    FindingCode(
        "critical_path",
        "application",
        "application",
        "The chain of stages and driver work that the application's end waited for.",
        "from the end backwards: the stage that ended last before, as long as one ran; else the driver",
        "none: it is no fault",
        "Shorten what is on the path; what is beside it costs cores, not time.",
        informs=True,
    ),
    FindingCode(
        "least_time",
        "application",
        "application",
        "The least time that this work could have taken on the same cores.",
        "time in which no job ran, plus for every stretch of jobs the greater of: task time divided by cores; the "
        "longest chain of stages, each at its longest task",
        "none: it is no fault",
        "Where the difference is large, look at skew, stragglers and idle cores; where it is small, only less work or "
        "more cores help.",
        informs=True,
    ),
    FindingCode(
        "core_hours",
        "application",
        "application",
        "The core time that was there, and where it went.",
        "cores of executors x the time they were there: CPU, garbage collection, waiting for shuffle, other run time, "
        "starting and scheduling, work thrown away, idle beside other tasks, idle while no task ran",
        "none: it is no fault",
        "The greatest share that is not CPU is where to look first.",
        informs=True,
    ),
)

FINDING_CODES: Mapping[str, FindingCode] = {one.code: one for one in FINDINGS}


@lru_cache
def declared(code: str) -> Mapping[str, float]:
    """Threshold name -> default, of a code or of `any`; what is declared for any code holds for each.

    Raises:
        KeyError: there is no such code.
    """
    own = () if code == ANY else FINDING_CODES[code].thresholds
    common = ANY_THRESHOLDS if code == ANY or not FINDING_CODES[code].informs else ()
    return {one.name: one.default for one in (*common, *own)}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds as a person wants them: (code, name, value) for those that differ from what is declared."""

    given: tuple[tuple[str, str, float], ...] = ()
    _known: Mapping[tuple[str, str], float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {(code, name): value for code, name, value in self.given})

    def __call__(self, code: str, name: str) -> float:
        """What holds for a code: its own where given, else what is given for any, else as declared."""
        own = self._known.get((code, name), self._known.get((ANY, name)))
        return declared(code)[name] if own is None else own

    @property
    def identity(self) -> str:
        """What findings depend on, every threshold that holds, in a few characters."""
        held = [f"{code}.{name}={self(code, name):g}" for code in (ANY, *FINDING_CODES) for name in declared(code)]
        return hashlib.sha256(" ".join(held).encode()).hexdigest()[:12]


def thresholds(given: Iterable[tuple[str, Any]]) -> Thresholds:
    """Thresholds from (`code.name`, value); a later one of a name wins.

    Raises:
        ValueError: no such code or name, or no number of at least 0; the message lists the valid ones.
    """
    known: dict[tuple[str, str], float] = {}
    for key, value in given:
        code, _, name = key.partition(".")
        if code != ANY and code not in FINDING_CODES:
            raise ValueError(f"{code!r} is no finding; there are {', '.join((ANY, *FINDING_CODES))}")
        if name not in declared(code):
            valid = ", ".join(f"{code}.{one}" for one in declared(code))
            raise ValueError(f"{key!r} is no threshold; of {code} there are {valid or 'none'}")
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not 0 <= number < float("inf"):
            raise ValueError(f"{key}: {value!r} is no number of at least 0")
        known[code, name] = number
    return Thresholds(tuple((code, name, value) for (code, name), value in sorted(known.items())))


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding on the run it is about, whose key `run` is; of a task it is the stage's.

    `subject` names what it is about where that is no run of its own (an executor). Text in it is untrusted.
    """

    run: str
    code: str
    severity: Severity
    cost_s: float | None
    cause: str | None
    subject: str
    sentence: str
    advice: str
    within: str | None = None

    @property
    def informs(self) -> bool:
        """It is no fault but a figure."""
        return FINDING_CODES[self.code].informs
