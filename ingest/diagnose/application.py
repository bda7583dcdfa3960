"""Figures of the whole application: critical path, lower bound on the same cores, use of the core time."""

from collections.abc import Iterator

import numpy as np

from ..application_view import ApplicationView
from ..task_groups import Array
from ..units import count, seconds, share
from .intervals import clipped, length, spans
from .ranking import Candidate

_NAMED = 3
_STAGES_KEPT = 500


def find(app: ApplicationView) -> Iterator[Candidate]:
    """One of each for every application that ran tasks."""
    if not len(app) or app.duration_ms <= 0:
        return
    yield _critical_path(app)
    yield _lower_bound(app)
    yield from _core_hours(app)


def _subject(app: ApplicationView) -> str:
    return f"application {app.title}"


def _critical_path(app: ApplicationView) -> Candidate:
    path, spans_of = app.critical_path, [app.span(stage) for stage in range(len(app.stages))]
    took = {stage: spans_of[stage][1] - spans_of[stage][0] for stage in path.stages}
    longest = sorted(path.stages, key=lambda stage: -took[stage])[:_NAMED]
    named = ", ".join(f"{app.subject(stage)} ({seconds(took[stage] / 1e3)})" for stage in longest)
    return Candidate(
        "critical_path",
        None,
        _subject(app),
        f"{seconds(path.stages_ms / 1e3)} in {count(len(path.stages))} of {count(len(app.stages))} stages, "
        f"{seconds(path.driver_ms / 1e3)} in the driver or waiting. Longest stages: {named or 'none'}.",
        figures={
            "stages_ms": path.stages_ms,
            "driver_ms": path.driver_ms,
            "num_stages": len(path.stages),
            "stages": [app.stage_identity(stage) for stage in path.stages[:_STAGES_KEPT]],
        },
    )


def _lower_bound(app: ApplicationView) -> Candidate:
    longest = np.zeros(len(app.stages), np.int64)
    done = app.succeeded & (app.stage_of >= 0)
    np.maximum.at(longest, app.stage_of[done], app.column("duration_ms")[done])
    by_job: dict[int | None, list[int]] = {}
    for number, row in enumerate(app.stages):
        by_job.setdefault(row["job_id"], []).append(number)
    chains = [
        (job["submission_time_ms"], _chain(app, by_job.get(job["job_id"], []), longest))
        for job in app.jobs
        if job["submission_time_ms"] is not None
    ]
    jobs = [job for job in app.jobs if job["submission_time_ms"] is not None]
    starts = np.array([job["submission_time_ms"] for job in jobs], np.int64)
    ends = np.array([max(job["completion_time_ms"] or app.end_ms, job["submission_time_ms"]) for job in jobs], np.int64)
    stretches = clipped(spans(starts, ends), app.start_ms, app.end_ms)
    begins = np.array([start for start, _ in stretches], np.int64)
    chain = np.zeros(len(stretches))
    for start, ms in chains:
        at = int(np.searchsorted(begins, start, "right")) - 1
        if 0 <= at < len(chain):
            chain[at] = max(chain[at], ms)
    alone = app.duration_ms - length(stretches)
    least = float(alone)
    for (start, end), longest_chain in zip(stretches, chain.tolist(), strict=True):
        cores = app.timeline.capacity_ms(start, end) / (end - start)
        packed = app.timeline.busy_ms(start, end) / cores if cores else 0.0
        least += min(max(packed, longest_chain), end - start)
    return Candidate(
        "lower_bound",
        None,
        _subject(app),
        f"With perfect packing on the same cores it would still take {seconds(least / 1e3)} instead of "
        f"{seconds(app.duration_ms / 1e3)} ({seconds(alone / 1e3)} of it in the driver).",
        figures={"duration_ms": app.duration_ms, "least_ms": least, "without_jobs_ms": alone},
    )


def _chain(app: ApplicationView, stages: list[int], longest: Array) -> int:
    """The longest chain of one job's stages, each at its longest task, in ms. Parents have lower ids."""
    reach: dict[int, int] = {}
    for number in stages:
        row = app.stages[number]
        before = max((reach.get(parent, 0) for parent in row["parent_ids"] or ()), default=0)
        reach[row["stage_id"]] = max(reach.get(row["stage_id"], 0), before + int(longest[number]))
    return max(reach.values(), default=0)


def _core_hours(app: ApplicationView) -> Iterator[Candidate]:
    total = app.timeline.capacity_ms(app.start_ms, app.end_ms)
    if total <= 0:
        return
    lost = app.with_status("FAILED", "KILLED")
    duration = np.where(app.known("duration_ms"), app.column("duration_ms"), 0)
    kept = ~lost

    def summed(name: str, factor: float = 1.0) -> float:
        return float(app.column(name)[kept].sum() * factor)

    run, cpu = summed("executor_run_time_ms"), summed("executor_cpu_time_ns", 1e-6)
    gc, wait = summed("jvm_gc_time_ms"), summed("shuffle_fetch_wait_ms")
    working = spans(app.column("launch_time_ms"), app.ended)
    while_tasks = sum(app.timeline.capacity_ms(start, end) for start, end in working)
    parts = {
        "CPU": cpu,
        "garbage collection": gc,
        "waiting for shuffle": wait,
        "other run time (Python, disk, waiting)": max(run - cpu - gc - wait, 0.0),
        "starting and scheduling tasks": max(float(duration[kept].sum()) - run, 0.0),
        "work thrown away": float(duration[lost].sum()),
        "idle beside other tasks": max(while_tasks - app.timeline.busy_ms(app.start_ms, app.end_ms), 0.0),
        "idle while no task ran": max(total - while_tasks, 0.0),
    }
    shown = sorted((one for one in parts.items() if one[1] >= 0.01 * total), key=lambda one: -one[1])
    yield Candidate(
        "core_hours",
        None,
        _subject(app),
        f"{total / 3.6e6:.3g} core-hours: " + ", ".join(f"{share(ms / total)} {name}" for name, ms in shown) + ".",
        figures={"core_ms": total, **parts},
    )
