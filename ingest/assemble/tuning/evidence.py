"""Event rows -> what is known of every job and every RDD, as plain values: the material that searches are found in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....schemas import spark
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
    stack: Stack


@dataclass(frozen=True, slots=True)
class Rdd:
    """One RDD as the log shows it."""

    rdd_id: int
    name: str
    callsite: str
    parents: tuple[int, ...]
    cached: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Jobs by the order in which they started, RDDs by id, and the search filters of every SQL execution's plan."""

    jobs: tuple[Job, ...]
    rdds: Mapping[int, Rdd]
    filters: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


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
    found = [_job(job, stages.get(job["job_id"], ()), actions) for job in jobs]
    return Evidence(tuple(sorted(found, key=lambda job: (job.at, job.job_id))), _rdds(rows["rdds"]), filters)


def _rdds(table: Any) -> dict[int, Rdd]:
    rdds: dict[int, Rdd] = {}
    for row in table.to_pylist():
        rdd = Rdd(row["rdd_id"], row["name"] or "", row["callsite"] or "", tuple(row["parent_ids"] or ()),
                  bool(row["cached"]))
        known = rdds.get(rdd.rdd_id)
        # A cached RDD is shown as not cached by jobs before its persist and after its unpersist.
        rdds[rdd.rdd_id] = rdd if known is None or rdd.cached else known
    return rdds


def _job(job: Mapping[str, Any], stages: Iterable[Mapping[str, Any]], actions: Mapping[int, str | None]) -> Job:
    stages = list(stages)
    last = max(stages, key=lambda stage: -1 if stage["stage_id"] is None else stage["stage_id"], default=None)
    execution = job.get("sql_execution_id")
    name = (last or {}).get("name") or ""
    if spark.POOL_THREAD_CALLSITE in name:
        name = actions.get(execution) or name  # type: ignore[arg-type]
    end_at = job.get("end_at")
    return Job(
        job["job_id"], job.get("at") or 0, EVER if end_at is None else end_at, job.get("submission_time_ms"),
        job.get("completion_time_ms"), job["status"],
        frozenset(rdd for stage in stages for rdd in stage["rdd_ids"] or () if rdd is not None),
        name, execution, read_stack((last or {}).get("ml_stack"), (last or {}).get("stack_depth")),
    )
