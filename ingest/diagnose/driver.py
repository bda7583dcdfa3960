"""Time in which no task ran."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..units import seconds, share
from .intervals import clipped, covered, length, spans
from .ranking import Found
from .work import Array, Work


def find(of: Work) -> Iterator[Found]:
    """At most one: where most of the time without tasks lies."""
    total = of.duration_ms
    jobs = spans(*_times(of))
    if not total or not jobs:
        return
    jobs = clipped(jobs, of.start_ms, of.end_ms)
    tasks = clipped(spans(of.column("launch_time_ms"), of.ended), of.start_ms, of.end_ms)
    starting = min(of.at("no_tasks_running", "startup_s") * 1e3, jobs[0][0] - of.start_ms) if jobs else 0
    idle = total - length(tasks) - starting
    if not jobs or idle < of.at("no_tasks_running", "driver_ratio") * total:
        return
    outside = [(end, start) for (_, end), (start, _) in pairwise(jobs)]
    without = {
        "before the first job": jobs[0][0] - of.start_ms - starting,
        "between jobs": length(outside) - covered(tasks, outside),
        "inside jobs": length(jobs) - covered(tasks, jobs),
        "after the last job": of.end_ms - jobs[-1][1],
    }
    cause = max(without, key=lambda name: without[name])
    parts = ", ".join(f"{seconds(ms / 1e3)} {name}" for name, ms in without.items() if ms >= 0.01 * total)
    yield Found(
        "no_tasks_running",
        float(idle),
        f"application {of.app['name'] or of.app['app_id']}",
        f"No task ran for {seconds(idle / 1e3)} of {seconds(total / 1e3)} ({share(idle / total)}): {parts}"
        + (f", {seconds(starting / 1e3)} of starting left out." if starting else "."),
        cause,
        {
            "idle_ms": idle,
            "ratio": idle / total,
            **{name.replace(" ", "_") + "_ms": ms for name, ms in without.items()},
        },
    )


def _times(of: Work) -> tuple[Array, Array]:
    rows = [row for row in of.jobs if row["submission_time_ms"] is not None]
    starts = [row["submission_time_ms"] for row in rows]
    ends = [max(row["completion_time_ms"] or of.end_ms, row["submission_time_ms"]) for row in rows]
    return np.array(starts, np.int64), np.array(ends, np.int64)
