"""Find the time in which no task ran, and name its longest gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..application_view import ApplicationView
from ..task_arrays import Row
from ..units import seconds, share
from .batches import job_spans, waits
from .intervals import Span, clipped, covered_each, spans
from .ranking import Candidate

_NAMED = 2
_PARTS = ("before the first job", "between jobs", "in fits", "inside jobs", "after the last job")


@dataclass(frozen=True, slots=True)
class _Gap:
    """A time without a task: the part of the application that it is in, and the job that it is before or in."""

    part: str
    ms: int
    job: Row | None


def find(app: ApplicationView, explained_ms: float) -> Iterator[Candidate]:
    """Return at most one finding; its cause is the part with most of the idle time.

    Not counted are the start until the executors have registered, `startup_s` of the driver's own start after that, a
    stream that waits for its next batch, and `explained_ms` that other findings about the driver explain."""
    total = app.duration_ms
    if not total or not job_spans(app):
        return
    gaps = list(_gaps(app))
    parts: dict[str, float] = {part: sum(gap.ms for gap in gaps if gap.part == part) for part in _PARTS}
    starting = min(app.threshold("no_tasks_running", "startup_s") * 1e3, parts["before the first job"])
    parts["before the first job"] -= starting
    idle = max(sum(parts.values()) - explained_ms, 0.0)
    if idle < max(app.threshold("no_tasks_running", "driver_ratio") * total, 1):
        return
    cause = max(parts, key=lambda name: parts[name])
    listed = ", ".join(f"{seconds(ms / 1e3)} {name}" for name, ms in parts.items() if ms >= 0.01 * total)
    yield Candidate(
        "no_tasks_running",
        float(idle),
        f"application {app.title}",
        f"No task ran for {seconds(idle / 1e3)} of {seconds(total / 1e3)} ({share(idle / total)}): {listed}"
        f"{_not_counted(app, starting, explained_ms)}.{_longest(app, gaps)}",
        "interactive" if app.is_interactive else cause,
        {"idle_ms": idle, "ratio": idle / total} | {f"{name.replace(' ', '_')}_ms": ms for name, ms in parts.items()},
        at_most="note" if app.is_interactive or cause == "in fits" or _only_starts(app, cause, parts) else None,
    )


def _only_starts(app: ApplicationView, cause: str, parts: dict[str, float]) -> bool:
    """Whether it is what a short application needs to start."""
    least = app.threshold("no_tasks_running", "first_job_s") * 1e3
    return cause == "before the first job" and parts[cause] < least


def _gaps(app: ApplicationView) -> Iterator[_Gap]:
    """The gaps between tasks after the executors have registered, without waits of streams."""
    tasks = clipped(spans(app.column("launch_time_ms"), app.ended), app.registered_ms, app.end_ms)
    edges: list[Span] = [(app.registered_ms, app.registered_ms), *tasks, (app.end_ms, app.end_ms)]
    idle = [(end, start) for (_, end), (start, _) in pairwise(edges) if start > end]
    jobs = sorted(((*app.job_span(job), job) for job in app.jobs), key=lambda one: one[:2])
    begins = np.array([start for start, _, _ in jobs], np.int64)
    busy = job_spans(app)
    times = np.array([*busy, *waits(app)], np.int64)
    without = spans(times[:, 0], times[:, 1])  # what is neither driver nor idle: jobs, and waits of streams
    first, last = busy[0][0], busy[-1][1]
    after = np.searchsorted(begins, [end for _, end in idle], "right") - 1  # the job whose tasks come next
    next_jobs = [jobs[max(at, 0)][2] for at in after.tolist()]
    for job, ms in zip(next_jobs, covered_each(busy, idle).tolist(), strict=True):
        if ms >= 1:
            yield _Gap("inside jobs", round(ms), job)
    bounds = {
        "before the first job": (app.start_ms, first),
        "between jobs": (first, last),
        "after the last job": (last, app.end_ms),
    }
    for part, (low, high) in bounds.items():
        within = [(max(start, low), max(min(end, high), start, low)) for start, end in idle]
        outside = [end - start for start, end in within] - covered_each(without, within)
        for job, ms in zip(next_jobs, outside.tolist(), strict=True):
            if ms >= 1:
                in_fit = part == "between jobs" and (job["tuning_uid"] or job["fit_uid"])
                yield _Gap("in fits" if in_fit else part, round(ms), None if part == "after the last job" else job)


def _not_counted(app: ApplicationView, starting: float, explained_ms: float) -> str:
    startup = starting + app.registered_ms - app.start_ms
    left_out = [f"{seconds(startup / 1e3)} of startup"] if startup else []
    left_out += [f"{seconds(explained_ms / 1e3)} of other findings"] if explained_ms else []
    waiting = sum(end - start for start, end in waits(app))
    left_out += [f"{seconds(waiting / 1e3)} of waiting for the next micro-batch"] if waiting else []
    return f", not counting {' and '.join(left_out)}" if left_out else ""


def _longest(app: ApplicationView, gaps: Sequence[_Gap]) -> str:
    """A sentence about the longest gaps next to a job."""
    named = [
        f"{seconds(gap.ms / 1e3)} {'in' if gap.part == 'inside jobs' else 'before'} {app.job_title(gap.job)}"
        for gap in sorted(gaps, key=lambda gap: -gap.ms)
        if gap.job is not None
    ][:_NAMED]
    return f" The longest gaps are {' and '.join(named)}." if len(named) > 1 else ""
