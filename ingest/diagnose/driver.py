"""Find the time in which no task ran."""

from collections.abc import Iterator

from ..application_view import ApplicationView
from ..units import seconds, share
from .batches import gaps, job_spans, waited_ms
from .intervals import clipped, covered, length, spans
from .ranking import Candidate


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return at most one finding; its cause is the part with most of the idle time.

    A stream that waits for its next batch is not counted."""
    total, jobs = app.duration_ms, job_spans(app)
    if not total or not jobs:
        return
    tasks = clipped(spans(app.column("launch_time_ms"), app.ended), app.start_ms, app.end_ms)
    starting = min(app.threshold("no_tasks_running", "startup_s") * 1e3, jobs[0][0] - app.start_ms)
    outside = gaps(jobs)
    waiting = waited_ms(app, outside)
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
