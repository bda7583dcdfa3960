"""Find the time in which no task ran."""

import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..units import seconds, share
from .intervals import Span, clipped, covered, length, spans
from .ranking import Candidate


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return at most one finding; its cause is the part with most of the idle time.

    A stream that waits for its next batch is not counted."""
    total, jobs = app.duration_ms, _busy_with_jobs(app)
    if not total or not jobs:
        return
    tasks = clipped(spans(app.column("launch_time_ms"), app.ended), app.start_ms, app.end_ms)
    starting = min(app.threshold("no_tasks_running", "startup_s") * 1e3, jobs[0][0] - app.start_ms)
    outside = [(end, start) for (_, end), (start, _) in pairwise(jobs)]
    batches = _batch_starts(app)
    waiting = length(outside) - length([gap for gap in outside if gap[1] not in batches])
    idle = total - length(tasks) - starting - waiting
    if idle < app.threshold("no_tasks_running", "driver_ratio") * total:
        return
    without = {
        "before the first job": jobs[0][0] - app.start_ms - starting,
        "between jobs": length(outside) - covered(tasks, outside) - waiting,
        "inside jobs": length(jobs) - covered(tasks, jobs),
        "after the last job": app.end_ms - jobs[-1][1],
    }
    cause = max(without, key=lambda name: without[name])
    parts = ", ".join(f"{seconds(ms / 1e3)} {name}" for name, ms in without.items() if ms >= 0.01 * total)
    left_out = [f"{seconds(starting / 1e3)} of startup"] if starting else []
    left_out += [f"{seconds(waiting / 1e3)} of waiting for the next micro-batch"] if waiting else []
    yield Candidate(
        "no_tasks_running",
        float(idle),
        f"application {app.title}",
        f"No task ran for {seconds(idle / 1e3)} of {seconds(total / 1e3)} ({share(idle / total)}): {parts}"
        + (f", not counting {' and '.join(left_out)}." if left_out else "."),
        cause,
        {
            "idle_ms": idle,
            "ratio": idle / total,
            **{name.replace(" ", "_") + "_ms": ms for name, ms in without.items()},
        },
    )


def _busy_with_jobs(app: ApplicationView) -> list[Span]:
    times = np.array([app.job_span(job) for job in app.jobs], np.int64).reshape(-1, 2)
    return clipped(spans(times[:, 0], times[:, 1]), app.start_ms, app.end_ms)


def _batch_starts(app: ApplicationView) -> set[int]:
    """When streaming jobs began. The time before them is the wait for data or for a trigger."""
    streaming = re.compile(f"{re.escape(spark.DSTREAM_BATCH_JOB)}|{spark.MICRO_BATCH_JOB}")
    return {app.job_span(job)[0] for job in app.jobs if streaming.search(job["description"] or "")}
