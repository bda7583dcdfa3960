"""What recognizers look at: the jobs, RDDs, SQL executions and tasks of one application, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ...schemas import spark
from ...schemas.annotations import AnnotatedFit
from ...schemas.connect import ConnectOperation
from .. import arrow
from .estimators import MLLIB_FILE, Stack, read_stack

EVER = 2**63

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `at` and `end_at` are positions in the log, not times; `end_at` is EVER without a JobEnd.

    `action` is what was called: the description of the SQL execution where the stage only names a pool thread.
    """

    job_id: int
    at: int
    end_at: int
    start_ms: int | None
    end_ms: int | None
    status: str
    rdds: frozenset[int]
    action: str
    execution: int | None
    """What its local properties say: threads that share them may leave theirs on another's job."""
    stack: Stack
    plans: frozenset[int] = frozenset()
    """The SQL executions whose plan's metrics its stages counted: certain."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Its local properties, as far as schemas.spark.JOB_PROPERTIES and the annotation's keys go."""
    stage_ids: tuple[int, ...] = ()
    """The stages that it lists, skipped ones too."""
    num_tasks: int = 0
    """Task attempts that it ran."""

    @property
    def group(self) -> str | None:
        """What SparkContext.setJobGroup set."""
        return self.properties.get(spark.JOB_GROUP)

    @property
    def description(self) -> str | None:
        """What SparkContext.setJobDescription set."""
        return self.properties.get(spark.JOB_DESCRIPTION)

    @property
    def tags(self) -> tuple[str, ...]:
        """What SparkContext.addJobTag set."""
        return tuple(filter(None, self.properties.get(spark.JOB_TAGS, "").split(",")))


@dataclass(frozen=True, slots=True)
class Rdd:
    """One RDD as the log shows it."""

    rdd_id: int
    name: str
    callsite: str
    parents: tuple[int, ...]
    cached: bool
    barrier: bool = False


@dataclass(frozen=True, slots=True)
class FoldPlan:
    """A SQL execution that reads a fold: where it starts and ends in the log, and the attributes that it makes itself.

    Attribute ids are unique in an application, so plans that share one come from one data frame: one trial's."""

    at: int
    end_at: int
    attributes: frozenset[int]
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PythonNode:
    """A plan node that runs a Python function: `MapInPandas`, and `MapInPandas train(id#0L)#1, [chunk#2], true`."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class SqlExecution:
    """One SQL execution; `at` and `end_at` are positions in the log, `end_at` is EVER without an end."""

    execution_id: int
    at: int
    end_at: int
    start_ms: int | None
    end_ms: int | None
    description: str
    stack: Stack
    python_nodes: tuple[PythonNode, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Jobs by the order in which they started; RDDs, plans of folds and SQL executions by id.

    `filters`: execution id -> the filters on a search's random column in its plan. `annotated_searches`: the id of an
    annotated call of fit -> its tuning_uid. `annotated_fits`: the id of such a call outside searches. `model_stages`:
    stages whose tasks recorded models of groups. `tasks` and `stages` are the tables of schemas.tables. `ended`: no
    more jobs can come. `operations` are those of Spark Connect, by their start. `mllib_files`: the Scala files of MLlib
    that stacks of this log show.
    """

    jobs: tuple[Job, ...]
    rdds: Mapping[int, Rdd]
    filters: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    plans: Mapping[int, FoldPlan] = field(default_factory=dict)
    executions: Mapping[int, SqlExecution] = field(default_factory=dict)
    annotated_searches: Mapping[str, str] = field(default_factory=dict)
    annotated_fits: Mapping[str, AnnotatedFit] = field(default_factory=dict)
    model_stages: frozenset[int] = frozenset()
    tasks: pa.Table | None = None
    stages: pa.Table | None = None
    ended: bool = True
    operations: tuple[ConnectOperation, ...] = ()
    mllib_files: frozenset[str] = frozenset()

    def execution_of(self, job: Job) -> SqlExecution | None:
        """The SQL execution that was under way when the job began; a thread may leave its own on later jobs."""
        known = None if job.execution is None else self.executions.get(job.execution)
        return known if known is not None and known.at <= job.at <= known.end_at else None


def gather_evidence(
    rows: Mapping[str, pa.Table],
    jobs: pa.Table,
    stages: pa.Table,
    tasks: pa.Table,
    annotated_searches: Mapping[str, str],
    annotated_fits: Mapping[str, AnnotatedFit],
    model_stages: frozenset[int],
    ended: bool,
    operations: tuple[ConnectOperation, ...] = (),
) -> Evidence:
    """`rows` are the event rows by table; `jobs`, `stages` and `tasks` the assembled tables."""
    filters: dict[int, tuple[str, ...]] = {}
    for row in rows["plan_folds"].to_pylist():
        if row["execution_id"] is not None and row["filter"]:
            filters[row["execution_id"]] = (*filters.get(row["execution_id"], ()), row["filter"])
    executions = _executions(rows)
    found = _jobs(rows, jobs, executions)
    ordered = tuple(sorted(found, key=lambda job: (job.at, job.job_id)))
    plans = _fold_plans(rows, executions)
    return Evidence(
        ordered,
        _rdds(rows["rdds"]),
        filters,
        plans,
        executions,
        annotated_searches,
        annotated_fits,
        model_stages,
        tasks,
        stages,
        ended,
        operations,
        _mllib_files(rows),
    )


def _mllib_files(rows: Mapping[str, pa.Table]) -> frozenset[str]:
    stacks = {*arrow.codes(rows["job_stages"], "ml_stack")[1], *arrow.codes(rows["sql_start"], "details")[1]}
    return frozenset(name for stack in stacks if stack for name in MLLIB_FILE.findall(stack))


def _executions(rows: Mapping[str, pa.Table]) -> dict[int, SqlExecution]:
    nodes: dict[int, list[PythonNode]] = {}
    for row in rows["plan_functions"].to_pylist():
        nodes.setdefault(row["execution_id"], []).append(PythonNode(row["node"] or "", row["text"] or ""))
    ends = {row["execution_id"]: (row["at"], row["completion_time_ms"]) for row in rows["sql_end"].to_pylist()}
    found: dict[int, SqlExecution] = {}
    of_row, texts = arrow.codes(rows["sql_start"], "details")  # a loop has one stack
    stacks = [read_stack(text, text.count("\n") + 1 if text else None) for text in (*texts, None)]  # the last: code -1
    for row, code in zip(rows["sql_start"].select(_STARTED).to_pylist(), of_row.tolist(), strict=True):
        key = row["execution_id"]
        if key is not None and key not in found:
            end_at, end_ms = ends.get(key, (EVER, None))
            started, text = row["submission_time_ms"], row["description"] or ""
            of_plan = tuple(nodes.get(key, ()))
            found[key] = SqlExecution(key, row["at"], end_at, started, end_ms, text, stacks[code], of_plan)
    return found


_STARTED = ["execution_id", "at", "submission_time_ms", "description"]


def _fold_plans(rows: Mapping[str, pa.Table], executions: Mapping[int, SqlExecution]) -> dict[int, FoldPlan]:
    found = {}
    for row in rows["plan_links"].to_pylist():
        known = executions.get(row["execution_id"])
        span = (known.at, known.end_at, known.end_ms) if known else (0, EVER, None)
        found[row["execution_id"]] = FoldPlan(span[0], span[1], frozenset(row["attribute_ids"] or ()), span[2])
    return found


def _plans_of_stages(rows: Mapping[str, pa.Table]) -> dict[int, frozenset[int]]:
    """Stage id -> the SQL executions whose metrics it counted. A metric of cached data is in many plans and
    is left out."""
    owner: dict[int, int | None] = {}
    for row in rows["plan_links"].to_pylist():
        for metric in row["metric_ids"] or ():
            known = owner.setdefault(metric, row["execution_id"])
            owner[metric] = known if known == row["execution_id"] else None
    found: dict[int, frozenset[int]] = {}
    for row in rows["stage_metrics"].to_pylist() if owner else ():
        plans = frozenset(plan for metric in row["metric_ids"] or () if (plan := owner.get(metric)) is not None)
        if plans and row["stage_id"] is not None:
            found[row["stage_id"]] = found.get(row["stage_id"], frozenset[int]()) | plans
    return found


def _rdds(table: pa.Table) -> dict[int, Rdd]:
    rdds: dict[int, Rdd] = {}
    for row in table.to_pylist():
        name, callsite, parents = row["name"] or "", row["callsite"] or "", tuple(row["parent_ids"] or ())
        rdd = Rdd(row["rdd_id"], name, callsite, parents, bool(row["cached"]), bool(row["barrier"]))
        known = rdds.get(rdd.rdd_id)
        # A cached RDD is shown as not cached by jobs before its persist and after its unpersist.
        rdds[rdd.rdd_id] = rdd if known is None or rdd.cached else known
    return rdds


def _jobs(rows: Mapping[str, pa.Table], jobs: pa.Table, executions: Mapping[int, SqlExecution]) -> list[Job]:
    stages: dict[int, list[Row]] = {}
    for row in rows["job_stages"].to_pylist():
        stages.setdefault(row["job_id"], []).append(row)
    properties: dict[int, dict[str, str]] = {}
    for row in rows["job_properties"].to_pylist():
        if row["value"] is not None:
            properties.setdefault(row["job_id"], {}).setdefault(row["key"], row["value"])
    begins, ends = (_first_position(rows[name]) for name in ("job_start", "job_end"))
    plans = _plans_of_stages(rows)
    return [
        _job(
            job,
            stages.get(job["job_id"], ()),
            (begins.get(job["job_id"], 0), ends.get(job["job_id"], EVER)),
            executions,
            plans,
            properties.get(job["job_id"], {}),
        )
        for job in jobs.to_pylist()
        if job["job_id"] is not None
    ]


def _first_position(events: pa.Table) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in events.select(["job_id", "at"]).to_pylist():
        found.setdefault(row["job_id"], row["at"])
    return found


def _stack(execution: SqlExecution | None, result_stage: Row) -> Stack:
    """The stack of the result stage, where it shows MLlib; else of the thread that started the SQL execution.

    Adaptive execution submits from a pool, whose stack shows nothing.
    """
    stage = read_stack(result_stage.get("ml_stack"), result_stage.get("stack_depth"))
    return stage if stage.shows_ml or execution is None else execution.stack


def _job(
    job: Row,
    stages: Iterable[Row],
    span: tuple[int, int],
    executions: Mapping[int, SqlExecution],
    plans: Mapping[int, frozenset[int]],
    properties: Mapping[str, str],
) -> Job:
    stages = list(stages)
    last = max(stages, key=lambda stage: -1 if stage["stage_id"] is None else stage["stage_id"], default={})
    known = executions.get(job["sql_execution_id"])
    during = known if known is not None and known.at <= span[0] <= known.end_at else None
    name = last.get("name") or ""
    if spark.is_pool_thread(name):
        name = (known and known.description) or name
    return Job(
        job["job_id"],
        *span,
        job["submission_time_ms"],
        job["completion_time_ms"],
        job["status"],
        frozenset(rdd for stage in stages for rdd in stage["rdd_ids"] or () if rdd is not None),
        name,
        job["sql_execution_id"],
        _stack(during, last),
        frozenset().union(*(plans.get(stage["stage_id"], ()) for stage in stages)),
        properties,
        tuple(job["stage_ids"] or ()),
        job["num_tasks"] or 0,
    )
