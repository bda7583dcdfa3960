"""When the jobs of an application ran, and when a stream waited for its next batch."""

from itertools import pairwise

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..arrow import Array
from ..task_arrays import Row
from .intervals import Span, clipped, covered, spans

# Between two batches of a stream that is late, the driver plans and commits. That takes a small part of a batch's time.
_LEAST_WAIT = 0.2


def job_spans(app: ApplicationView, receivers: bool = True) -> list[Span]:
    """When any job ran, within the application. Receivers of Spark Streaming are jobs too, unless left out."""
    times = [app.job_span(job) for job in app.jobs if receivers or not _is_receiver(job)]
    starts, ends = np.array(times, np.int64).reshape(-1, 2).T
    return clipped(spans(starts, ends), app.start_ms, app.end_ms)


def _is_receiver(job: Row) -> bool:
    return (job["description"] or "").startswith(spark.RECEIVER_JOB)


def gaps(stretches: list[Span]) -> list[Span]:
    """The time between the intervals, which are in order."""
    return [(end, start) for (_, end), (start, _) in pairwise(stretches)]


def waits(app: ApplicationView) -> list[Span]:
    """When a stream waited for data or for its trigger: the time without a job before the first job of a batch."""
    begins = {app.job_span(job)[0] for job in app.jobs if app.is_batch(job)}
    return [gap for gap in gaps(job_spans(app, receivers=False)) if gap[1] in begins] if begins else []


def waited_ms(app: ApplicationView, without_jobs: list[Span]) -> float:
    """How much of the time without a job a stream waited."""
    return covered(without_jobs, waits(app))


def in_batches_on_time(app: ApplicationView) -> Array:
    """Which tasks belong to batches that a wait follows. Cores that such a batch leaves idle delay nothing."""
    found = waits(app)
    on_time = [
        (begin, end) for (_, begin), (end, after) in pairwise(found) if after - end >= _LEAST_WAIT * (end - begin)
    ]
    launched = app.column("launch_time_ms")
    if not on_time:
        return np.zeros(len(app), np.bool_)
    begins, ends = np.array(on_time, np.int64).T
    at = np.searchsorted(begins, launched, "right") - 1
    inside: Array = (at >= 0) & (launched < ends[np.maximum(at, 0)])
    return inside
