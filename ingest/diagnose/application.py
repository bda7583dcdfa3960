"""Figures of the whole application: critical path, lower bound on the same cores, use of the core time."""

from collections.abc import Iterator

import numpy as np

from ..application_view import ApplicationView
from ..arrow import Array
from ..units import count, percentages, seconds
from .batches import gaps, job_spans, waited_ms
from .core_time import core_time
from .intervals import length
from .ranking import Candidate

_NAMED = 3
_STAGES_KEPT = 500


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding of each kind for an application that ran tasks."""
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
    chains = [
        (app.job_span(job)[0], _chain(app, app.stages_of_job.get(job["job_id"], []), longest)) for job in app.jobs
    ]
    stretches = job_spans(app)
    begins = np.array([start for start, _ in stretches], np.int64)
    chain = np.zeros(len(stretches))
    for start, ms in chains:
        at = int(np.searchsorted(begins, start, "right")) - 1
        if 0 <= at < len(chain):
            chain[at] = max(chain[at], ms)
    alone = app.duration_ms - length(stretches)
    waiting = waited_ms(app, gaps(stretches))
    waits = f", {seconds(waiting / 1e3)} waiting for the next micro-batch" if waiting else ""
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
        f"{seconds(app.duration_ms / 1e3)} ({seconds((alone - waiting) / 1e3)} of it in the driver{waits}).",
        figures={
            "duration_ms": app.duration_ms,
            "least_ms": least,
            "without_jobs_ms": alone,
        }
        | ({"waiting_ms": waiting} if waiting else {}),
    )


def _chain(app: ApplicationView, stages: list[int], longest: Array) -> int:
    """The longest chain of stages in one job, in ms. Each stage counts with its longest task; parents have lower
    ids."""
    reach: dict[int, int] = {}
    for number in stages:
        row = app.stages[number]
        before = max((reach.get(parent, 0) for parent in row["parent_ids"] or ()), default=0)
        reach[row["stage_id"]] = max(reach.get(row["stage_id"], 0), before + int(longest[number]))
    return max(reach.values(), default=0)


def _core_hours(app: ApplicationView) -> Iterator[Candidate]:
    if app.timeline.capacity_ms(app.start_ms, app.end_ms) <= 0:
        return
    parts = core_time(app)
    total = sum(parts.values())
    percent = percentages(list(parts.values()))
    shown = sorted(zip(percent, parts, strict=True), key=lambda one: -one[0])
    yield Candidate(
        "core_hours",
        None,
        _subject(app),
        f"{total / 3.6e6:.3g} core-hours: " + ", ".join(f"{number} % {name}" for number, name in shown if number) + ".",
        figures={"core_ms": total, **parts},
    )
