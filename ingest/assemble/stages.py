"""Jobs and stages: which job ran which stage attempt, which stages were skipped, and how each ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...schemas import annotations, spark
from ...schemas.issues import ImportIssue
from ...schemas.tables import JOBS, STAGES
from .. import arrow
from .stage_rdds import rdds_of_stages
from .stage_signature import plans_of_stages

Row = dict[str, Any]
StageKey = tuple[int, int]
_EVER = 2**63


@dataclass(frozen=True, slots=True)
class JobsAndStages:
    """The jobs table, without the columns of training; the stages table; and issues of the events."""

    jobs: pa.Table
    stages: pa.Table
    issues: tuple[ImportIssue, ...]


def assemble_jobs_and_stages(
    rows: Mapping[str, pa.Table], figures: Mapping[StageKey, Row], resubmitted: Mapping[StageKey, int]
) -> JobsAndStages:
    """`figures` and `resubmitted` are per stage attempt, from the tasks."""
    jobs, ends, issues = _jobs(rows)
    stages = _attempts(rows)
    lone = [key for key in figures if key not in stages]
    for key in lone:
        stages[key] = {"stage_id": key[0], "stage_attempt": key[1], "status": "ACTIVE", "at": 0}
    listed = _listed(jobs.values())
    owners = {key: _owner(stage, listed.get(key[0], ()), ends) for key, stage in stages.items()}
    orphans = [key for key, owner in owners.items() if owner is None]
    if orphans:
        issues.append(_orphan_issue(orphans))
    for key, stage in stages.items():
        stage.update(figures.get(key, {}), job_id=owners[key], num_resubmitted_tasks=resubmitted.get(key, 0))
        stage["duration_ms"] = _difference(stage.get("completion_time_ms"), stage.get("submission_time_ms"))
    ran: dict[int, set[int]] = {}
    for (stage_id, _), owner in owners.items():
        if owner is not None:
            ran.setdefault(owner, set()).add(stage_id)
    for stage_id, (name, num_tasks, parents, listing) in _never_submitted(stages, rows, listed).items():
        over = all(job in ends for job in listing)
        stages[stage_id, 0] = {
            "stage_id": stage_id,
            "stage_attempt": 0,
            "job_id": min(listing),
            "name": name,
            "num_tasks": num_tasks,
            "parent_ids": parents,
            "status": "SKIPPED" if over else "PENDING",
        }
    _count_tasks(jobs, stages.values(), ran, ends)
    rdds, plans = rdds_of_stages(rows), plans_of_stages(rows)
    cpus, default = _task_cpus(rows)
    for stage in stages.values():
        stage["task_cpus"] = cpus.get(stage.get("resource_profile_id") or 0, default)
        stage.update(rdds.get(stage["stage_id"], {}), plan_hash=plans.get(stage["stage_id"]))
        for name in (
            "num_complete_tasks",
            "num_failed_tasks",
            "num_killed_tasks",
            "num_speculative_tasks",
            "num_resubmitted_tasks",
        ):
            stage.setdefault(name, 0)
    ordered = [stages[key] for key in sorted(stages)]
    return JobsAndStages(
        arrow.from_rows(JOBS, ([job.get(c.name) for c in JOBS] for _, job in sorted(jobs.items()))),
        arrow.from_rows(STAGES, ([stage.get(c.name) for c in STAGES] for stage in ordered)),
        tuple(issues),
    )


def _jobs(rows: Mapping[str, pa.Table]) -> tuple[dict[int, Row], dict[int, int], list[ImportIssue]]:
    """Jobs by id, the position of each job's JobEnd in the log, and issues."""
    issues = []
    jobs: dict[int, Row] = {}
    repeated = 0
    for start in rows["job_start"].to_pylist():
        if start["job_id"] is None:
            continue
        repeated += start["job_id"] in jobs
        jobs.setdefault(start["job_id"], {**start, "status": "RUNNING", "stage_ids": start["stage_ids"] or []})
    if repeated:
        issues.append(
            ImportIssue("event_duplicate", f"{repeated:,} JobStart events are in the log twice", count=repeated)
        )
    for item in rows["job_properties"].to_pylist():
        if item["key"] == annotations.EVENT and not jobs.get(item["job_id"], {}).get("stage_ids"):
            item = {**item, "key": "annotation", "value": True}
        column = _JOB_PROPERTIES.get(item["key"])
        if column and item["job_id"] in jobs:
            jobs[item["job_id"]].setdefault(column, item["value"])
    names: dict[int, tuple[int, str | None]] = {}
    for stage in rows["job_stages"].to_pylist():
        if stage["stage_id"] is not None:
            names[stage["job_id"]] = max(
                names.get(stage["job_id"], (-1, None)), (stage["stage_id"], stage["name"]), key=lambda pair: pair[0]
            )
    ends: dict[int, int] = {}
    unknown = []
    for end in rows["job_end"].to_pylist():
        job = jobs.get(end["job_id"])
        if job is None:  # the History Server knows no such job either
            unknown.append(end["job_id"])
        elif end["job_id"] not in ends:
            ends[end["job_id"]] = end["at"]
            succeeded = end["status"] == "JobSucceeded"  # JsonProtocol.jobResultToJson
            job.update(
                status="SUCCEEDED" if succeeded else "FAILED",
                completion_time_ms=end["completion_time_ms"],
                failure_reason=None if succeeded else end["failure_reason"],
            )
    if unknown:
        message = f"{len(unknown):,} JobEnd events have no JobStart in the log, e.g. of job {unknown[0]}; left out"
        issues.append(ImportIssue("stage_unknown", message, count=len(unknown)))
    for job_id, job in jobs.items():
        job.setdefault("annotation", False)
        job["name"] = names.get(job_id, (0, None))[1]
        job["duration_ms"] = _difference(job.get("completion_time_ms"), job.get("submission_time_ms"))
        execution = job.get("sql_execution_id")
        job["sql_execution_id"] = int(execution) if isinstance(execution, str) and execution.isdecimal() else None
    return jobs, ends, issues


_JOB_PROPERTIES = {
    spark.JOB_DESCRIPTION: "description",
    spark.JOB_GROUP: "group",
    spark.JOB_TAGS: "tags",
    spark.SQL_EXECUTION_ID: "sql_execution_id",
    annotations.RUN: "annotated_run",
    "annotation": "annotation",
}


def _attempts(rows: Mapping[str, pa.Table]) -> dict[StageKey, Row]:
    """Stage attempts that were submitted, by key; `at` is the position of its first event."""
    stages: dict[StageKey, Row] = {}
    for event in rows["stage_submitted"].to_pylist():
        if event["stage_id"] is not None:
            event["stage_attempt"] = event["stage_attempt"] or 0
            stages.setdefault((event["stage_id"], event["stage_attempt"]), {**event, "status": "ACTIVE"})
    for event in rows["stage_completed"].to_pylist():
        if event["stage_id"] is None:
            continue
        key = event["stage_id"], event["stage_attempt"] or 0
        stage = stages.setdefault(key, {**event, "stage_attempt": key[1], "status": "ACTIVE"})
        if stage["status"] == "ACTIVE":
            stage.update({name: value for name, value in event.items() if value is not None and name != "at"})
            stage["stage_attempt"] = key[1]
            stage["failure_reason"] = event["failure_reason"]
            stage["status"] = "FAILED" if event["failure_reason"] else "COMPLETE"
    return stages


def _listed(jobs: Iterable[Row]) -> dict[int, list[Row]]:
    """Stage id -> the jobs that list it, lowest id first."""
    listed: dict[int, list[Row]] = {}
    for job in sorted(jobs, key=lambda job: job["job_id"]):
        for stage_id in dict.fromkeys(job["stage_ids"]):
            listed.setdefault(stage_id, []).append(job)
    return listed


def _owner(stage: Row, listing: Iterable[Row], ends: Mapping[int, int]) -> int | None:
    """The lowest job that lists the stage and was running when it was submitted (Stage.firstJobId, activeJobs); of
    jobs that were not, for want of a JobEnd or a JobStart in its place, the last one that had started."""
    jobs = list(listing)
    running = [job["job_id"] for job in jobs if job["at"] <= stage["at"] < ends.get(job["job_id"], _EVER)]
    if running:
        return int(min(running))
    return max((job["job_id"] for job in jobs), default=None)


def _never_submitted(
    stages: Mapping[StageKey, Row], rows: Mapping[str, pa.Table], listed: Mapping[int, list[Row]]
) -> dict[int, tuple[str | None, int | None, list[int] | None, list[int]]]:
    submitted = {stage_id for stage_id, _ in stages}
    described: dict[int, tuple[Any, Any, Any]] = {}
    for row in rows["job_stages"].to_pylist():
        described.setdefault(row["stage_id"], (row["name"], row["num_tasks"], row["parent_ids"]))
    return {
        stage_id: (*described.get(stage_id, (None, None, None)), [job["job_id"] for job in jobs])
        for stage_id, jobs in listed.items()
        if stage_id not in submitted
    }


def _task_cpus(rows: Mapping[str, pa.Table]) -> tuple[dict[int, float], float]:
    """Resource profile -> cores that a task takes, and what holds for every other one (`spark.task.cpus`)."""
    properties = {row["key"]: row["value"] for row in rows["environment"].to_pylist()}
    text = properties.get("spark.task.cpus") or "1"
    asked = {
        row["resource_profile_id"]: row["amount"]
        for row in rows["resources"].to_pylist()
        if row["scope"] == "task" and row["resource"] == "cpus" and row["amount"] and row["amount"] > 0
    }
    return asked, float(text) if text.isdecimal() and int(text) else 1.0


def _count_tasks(
    jobs: Mapping[int, Row], stages: Iterable[Row], ran: Mapping[int, set[int]], ends: Mapping[int, int]
) -> None:
    for job in jobs.values():
        job["num_tasks"] = job["num_failed_tasks"] = 0
        skipped = set(job["stage_ids"]) - ran.get(job["job_id"], set())
        job["num_skipped_stages"] = len(skipped) if job["job_id"] in ends else 0
    for stage in stages:
        owner = stage.get("job_id")
        if owner is not None and owner in jobs:
            job = jobs[owner]
            job["num_tasks"] += stage.get("num_attempts", 0)
            job["num_failed_tasks"] += stage.get("num_failed_tasks", 0)


def _orphan_issue(orphans: list[StageKey]) -> ImportIssue:
    message = f"{len(orphans):,} stage attempts belong to no job of the log, e.g. stage {orphans[0][0]}.{orphans[0][1]}"
    return ImportIssue("stage_unknown", message, count=len(orphans))


def _difference(end: int | None, start: int | None) -> int | None:
    return None if end is None or start is None else end - start
