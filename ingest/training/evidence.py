"""Event rows -> what is known of every job and every RDD, as plain values: the material that searches are found in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...schemas import spark
from .estimators import Stack, read_stack

EVER = 2**63


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `at` and `end_at` are places in the log, not times; `end_at` is EVER without a JobEnd.

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


@dataclass(frozen=True, slots=True)
class Rdd:
    """One RDD as the log shows it."""

    rdd_id: int
    name: str
    callsite: str
    parents: tuple[int, ...]
    cached: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A SQL execution that reads a fold: where it starts and ends in the log, and the attributes that it makes itself.

    Attribute ids are unique in an application, so plans that share one come from one data frame: one trial's."""

    at: int
    end_at: int
    attributes: frozenset[int]
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Jobs by the order in which they started, RDDs by id, the search filters and the plans of SQL executions."""

    jobs: tuple[Job, ...]
    rdds: Mapping[int, Rdd]
    filters: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    plans: Mapping[int, Plan] = field(default_factory=dict)


def gather(rows: Mapping[str, Any], jobs: Iterable[Mapping[str, Any]]) -> Evidence:
    """`rows` are the event rows; `jobs` those of the jobs table, with `at` and `end_at` (None without a JobEnd)."""
    filters: dict[int, tuple[str, ...]] = {}
    for row in rows["plan_folds"].to_pylist():
        if row["execution_id"] is not None and row["filter"]:
            filters[row["execution_id"]] = (*filters.get(row["execution_id"], ()), row["filter"])
    actions = {row["execution_id"]: row["description"] for row in rows["sql_start"].to_pylist()}
    stages: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows["job_stages"].to_pylist():
        stages.setdefault(row["job_id"], []).append(row)
    plans_of_stage = _plans_of_stages(rows)
    found = [_job(job, stages.get(job["job_id"], ()), actions, plans_of_stage) for job in jobs]
    ordered = tuple(sorted(found, key=lambda job: (job.at, job.job_id)))
    return Evidence(ordered, _rdds(rows["rdds"]), filters, _plans(rows))


def _plans(rows: Mapping[str, Any]) -> dict[int, Plan]:
    starts = {row["execution_id"]: row["at"] for row in rows["sql_start"].to_pylist()}
    ends = {row["execution_id"]: (row["at"], row["completion_time_ms"]) for row in rows["sql_end"].to_pylist()}
    return {
        row["execution_id"]: Plan(
            starts.get(row["execution_id"], 0),
            ends.get(row["execution_id"], (EVER, None))[0],
            frozenset(row["attribute_ids"] or ()),
            ends.get(row["execution_id"], (EVER, None))[1],
        )
        for row in rows["plan_links"].to_pylist()
    }


def _plans_of_stages(rows: Mapping[str, Any]) -> dict[int, frozenset[int]]:
    """Stage id -> the SQL executions whose metrics it counted. A metric of cached data stands in many plans: it says
    nothing."""
    owner: dict[int, int | None] = {}
    for row in rows["plan_links"].to_pylist():
        for metric in row["metric_ids"] or ():
            known = owner.setdefault(metric, row["execution_id"])
            owner[metric] = known if known == row["execution_id"] else None
    found: dict[int, frozenset[int]] = {}
    for row in rows["stage_metrics"].to_pylist() if owner else ():
        plans = {owner.get(metric) for metric in row["metric_ids"] or ()} - {None}
        if plans and row["stage_id"] is not None:
            found[row["stage_id"]] = found.get(row["stage_id"], frozenset()) | plans  # type: ignore[operator]
    return found


def _rdds(table: Any) -> dict[int, Rdd]:
    rdds: dict[int, Rdd] = {}
    for row in table.to_pylist():
        rdd = Rdd(
            row["rdd_id"], row["name"] or "", row["callsite"] or "", tuple(row["parent_ids"] or ()), bool(row["cached"])
        )
        known = rdds.get(rdd.rdd_id)
        # A cached RDD is shown as not cached by jobs before its persist and after its unpersist.
        rdds[rdd.rdd_id] = rdd if known is None or rdd.cached else known
    return rdds


def _job(
    job: Mapping[str, Any],
    stages: Iterable[Mapping[str, Any]],
    actions: Mapping[int, str | None],
    plans: Mapping[int, frozenset[int]],
) -> Job:
    stages = list(stages)
    last = max(stages, key=lambda stage: -1 if stage["stage_id"] is None else stage["stage_id"], default=None)
    execution = job.get("sql_execution_id")
    name = (last or {}).get("name") or ""
    if spark.POOL_THREAD_CALLSITE in name:
        name = actions.get(execution) or name  # type: ignore[arg-type]
    end_at = job.get("end_at")
    return Job(
        job["job_id"],
        job.get("at") or 0,
        EVER if end_at is None else end_at,
        job.get("submission_time_ms"),
        job.get("completion_time_ms"),
        job["status"],
        frozenset(rdd for stage in stages for rdd in stage["rdd_ids"] or () if rdd is not None),
        name,
        execution,
        read_stack((last or {}).get("ml_stack"), (last or {}).get("stack_depth")),
        frozenset().union(*(plans.get(stage["stage_id"], ()) for stage in stages)),
    )
