"""Fits -> rows of the table fits: status, times and confidence, from their jobs and tasks."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...schemas import annotations
from .evidence import Evidence, Job
from .interface import Fit, Search, TaskKey

Row = dict[str, Any]
_TASK_STATUS = {"SUCCESS": "FINISHED", "RUNNING": "RUNNING"}


class FitRows:
    """Makes the rows of one application's fits."""

    def __init__(self, evidence: Evidence) -> None:
        self._jobs = {job.job_id: job for job in evidence.jobs}
        self._ended = evidence.ended
        self._tasks = evidence.tasks
        self._rows_of_tasks: Mapping[TaskKey, Row] | None = None

    def jobs(self, ids: Iterable[int]) -> list[Job]:
        """These jobs, by their start in the log."""
        return sorted((self._jobs[job] for job in set(ids) if job in self._jobs), key=lambda job: job.at)

    def of_search(self, fit: Fit, search: Search, search_status: str) -> Row:
        """A fit of a search whose status is `search_status`."""
        others_evaluated = any(phase == "evaluate" for other in search.fits for phase in other.jobs.values())
        return {"tuning_uid": search.uid, **self._row(fit, others_evaluated, search_status)}

    def outside(self, fit: Fit) -> Row:
        """A fit outside searches."""
        return self._row(fit, False, "FAILED" if self._ended else "RUNNING")

    def _row(self, fit: Fit, others_evaluated: bool, unfinished: str) -> Row:
        jobs = self.jobs(fit.jobs)
        row: Row = {
            "trial": fit.trial,
            "fold": fit.fold,
            "fit_uid": fit.fit_uid,
            "parent_fit_uid": fit.parent,
            "name": fit.name,
            "framework": fit.framework,
            "source": fit.source,
            "confidence": round(fit.confidence, 4),
            "estimator_class": fit.estimator,
            "estimator_uid": fit.estimator_uid,
            "params_json": params_text(fit.params),
            "metric": fit.metric,
            "num_jobs": len(jobs),
            "annotated_run": _only(job.properties.get(annotations.RUN) for job in jobs),
        }
        if fit.tasks:
            return {**row, **self._of_tasks(fit)}
        state = fit.status or _status(fit, jobs, others_evaluated, unfinished)
        for phase in ("fit", "evaluate"):
            of_phase = [job for job in jobs if fit.jobs[job.job_id] == phase]
            row[f"{phase}_start_time_ms"] = min((j.start_ms for j in of_phase if j.start_ms is not None), default=None)
            row[f"{phase}_end_time_ms"] = max((j.end_ms for j in of_phase if j.end_ms is not None), default=None)
        row["status"] = state
        row["start_time_ms"] = min((j.start_ms for j in jobs if j.start_ms is not None), default=None)
        ends = (job.end_ms for job in jobs if job.end_ms is not None)
        row["end_time_ms"] = None if state == "RUNNING" else max(ends, default=None)
        return row

    def _of_tasks(self, fit: Fit) -> Row:
        """Times and status of a trial that is one task, or several attempts of it."""
        known = self._task_rows()
        rows = [known[key] for key in fit.tasks if key in known]
        last = rows[-1] if rows else {}
        status = fit.status or _TASK_STATUS.get(last.get("status", "RUNNING"), "FAILED")
        first_key = fit.tasks[0]
        return {
            "stage_id": first_key.stage_id,
            "stage_attempt": first_key.stage_attempt,
            "task_id": fit.tasks[-1].task_id,
            "status": status,
            "start_time_ms": min((r["launch_time_ms"] for r in rows if r["launch_time_ms"] is not None), default=None),
            "end_time_ms": max((r["finish_time_ms"] for r in rows if r["finish_time_ms"] is not None), default=None),
        }

    def _task_rows(self) -> Mapping[TaskKey, Row]:
        if self._rows_of_tasks is None:
            names = ["stage_id", "stage_attempt", "task_id", "launch_time_ms", "finish_time_ms", "status"]
            rows = [] if self._tasks is None else self._tasks.select(names).to_pylist()
            self._rows_of_tasks = {TaskKey(row["stage_id"], row["stage_attempt"], row["task_id"]): row for row in rows}
        return self._rows_of_tasks


def _status(fit: Fit, jobs: Iterable[Job], others_evaluated: bool, unfinished: str) -> str:
    """`unfinished` is the status of the search, which a fit without its evaluation shares unless that is FINISHED."""
    states = {job.status for job in jobs}
    if "FAILED" in states:
        return "FAILED"
    evaluated = "evaluate" in fit.jobs.values() or not others_evaluated
    if "RUNNING" not in states and (evaluated or unfinished == "FINISHED"):
        return "FINISHED"
    return "FAILED" if unfinished == "FAILED" else "RUNNING"


def worst(states: Iterable[str]) -> str:
    """FAILED before RUNNING before FINISHED."""
    found = set(states)
    return next((state for state in ("FAILED", "RUNNING") if state in found), "FINISHED")


def span(rows: Iterable[Row], start: str, end: str) -> Row:
    """The first start and the last end of these rows; no end where one of them has none."""
    rows = list(rows)
    starts = [row[start] for row in rows if row[start] is not None]
    ends = [row[end] for row in rows]
    return {start: min(starts, default=None), end: max(ends) if ends and None not in ends else None}


def _only(values: Iterable[str | None]) -> str | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def params_text(params: Mapping[str, object] | None) -> str | None:
    """A param map as it is kept in the tables."""
    return None if params is None else json.dumps(params)
