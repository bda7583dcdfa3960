"""Find loops on the driver: many short actions of one call site that compute the same plan."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..task_arrays import Row
from ..units import count, seconds
from .intervals import length, spans
from .ranking import Candidate


@dataclass(frozen=True, slots=True)
class _Action:
    """One SQL execution, or one job outside SQL: its jobs, and when it began and ended."""

    jobs: tuple[Row, ...]
    start_ms: int
    end_ms: int


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding per call site. Actions of searches and fits and micro-batches are not counted."""
    for name, actions in _loops(app).items():
        if len(actions) < app.threshold("repeated_actions", "actions"):
            continue
        took = np.array([action.end_ms - action.start_ms for action in actions])
        if np.median(took) > app.threshold("repeated_actions", "action_s") * 1e3:
            continue
        begun = np.array([action.start_ms for action in actions], np.int64)
        gaps = np.append(begun[1:], actions[-1].end_ms) - np.array([action.end_ms for action in actions], np.int64)
        pause = max(float(np.median(took)), float(np.median(np.maximum(gaps, 0))) * 2)  # a longer gap is other work
        ends = np.array([action.end_ms for action in actions], np.int64) + np.clip(gaps, 0, pause).astype(np.int64)
        total = length(spans(begun, ends))
        cost = total * (1 - 1 / len(actions))
        jobs = [job for action in actions for job in action.jobs]
        yield Candidate(
            "repeated_actions",
            cost,
            f"call site {name}",
            f"{count(len(actions))} actions of this line computed the same plan one after the other, "
            f"{seconds(float(np.median(took)) / 1e3)} each; with the driver's time between them they took "
            f"{seconds(total / 1e3)}.",
            figures={
                "num_actions": len(actions),
                "num_jobs": len(jobs),
                "median_ms": float(np.median(took)),
                "total_ms": total,
                "jobs": [job["job_id"] for job in jobs[:50]],
            },
        )


def _loops(app: ApplicationView) -> dict[str, list[_Action]]:
    """Call site -> the actions that computed its most frequent plan, by start."""
    executions = {row["execution_id"]: row for row in app.tables["sql_executions"].to_pylist()}
    of_action: dict[tuple[str, int], list[Row]] = {}
    for job in app.jobs:
        description = job["description"] or ""
        batch = app.is_batch(job) or description.startswith((spark.LISTING_JOB, spark.BROADCAST_JOB))
        if not (batch or job["tuning_uid"] or job["fit_uid"] or job["estimator_class"]):
            execution = job["sql_execution_id"]
            key = ("job", job["job_id"]) if execution is None else ("execution", execution)
            of_action.setdefault(key, []).append(job)
    groups: dict[tuple[str, tuple[str, ...]], list[_Action]] = {}
    for (kind, number), jobs in of_action.items():
        execution = executions.get(number) if kind == "execution" else None
        name = (execution or {}).get("description") or jobs[0]["name"] or ""
        plan = tuple(
            app.stages[stage]["plan_hash"] or ""
            for job in jobs
            for stage in app.stages_of_job.get(job["job_id"], [])[:1]
        )
        times = [app.job_span(job) for job in jobs]
        begun = (execution or {}).get("submission_time_ms") or min(start for start, _ in times)
        ended = (execution or {}).get("completion_time_ms") or max(end for _, end in times)
        groups.setdefault((name, plan), []).append(_Action(tuple(jobs), begun, max(begun, ended)))
    loops: dict[str, list[_Action]] = {}
    for (name, _), actions in groups.items():
        if name and len(actions) > len(loops.get(name, ())):
            loops[name] = sorted(actions, key=lambda action: action.start_ms)
    return loops
