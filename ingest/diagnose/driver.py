"""Time in which no task ran."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..application_view import ApplicationView
from ..task_groups import Array
from ..units import seconds, share
from .intervals import clipped, covered, length, spans
from .ranking import Candidate


def find(app: ApplicationView) -> Iterator[Candidate]:
    """At most one: where most of the time without tasks lies."""
    total = app.duration_ms
    jobs = spans(*_times(app))
    if not total or not jobs:
        return
    jobs = clipped(jobs, app.start_ms, app.end_ms)
    tasks = clipped(spans(app.column("launch_time_ms"), app.ended), app.start_ms, app.end_ms)
    starting = min(app.threshold("no_tasks_running", "startup_s") * 1e3, jobs[0][0] - app.start_ms) if jobs else 0
    idle = total - length(tasks) - starting
    if not jobs or idle < app.threshold("no_tasks_running", "driver_ratio") * total:
        return
    outside = [(end, start) for (_, end), (start, _) in pairwise(jobs)]
    without = {
        "before the first job": jobs[0][0] - app.start_ms - starting,
        "between jobs": length(outside) - covered(tasks, outside),
        "inside jobs": length(jobs) - covered(tasks, jobs),
        "after the last job": app.end_ms - jobs[-1][1],
    }
    cause = max(without, key=lambda name: without[name])
    parts = ", ".join(f"{seconds(ms / 1e3)} {name}" for name, ms in without.items() if ms >= 0.01 * total)
    yield Candidate(
        "no_tasks_running",
        float(idle),
        f"application {app.title}",
        f"No task ran for {seconds(idle / 1e3)} of {seconds(total / 1e3)} ({share(idle / total)}): {parts}"
        + (f", {seconds(starting / 1e3)} of starting left out." if starting else "."),
        cause,
        {
            "idle_ms": idle,
            "ratio": idle / total,
            **{name.replace(" ", "_") + "_ms": ms for name, ms in without.items()},
        },
    )


def _times(app: ApplicationView) -> tuple[Array, Array]:
    rows = [row for row in app.jobs if row["submission_time_ms"] is not None]
    starts = [row["submission_time_ms"] for row in rows]
    ends = [max(row["completion_time_ms"] or app.end_ms, row["submission_time_ms"]) for row in rows]
    return np.array(starts, np.int64), np.array(ends, np.int64)
