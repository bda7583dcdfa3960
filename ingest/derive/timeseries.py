"""Compute the application's time series (running tasks, cores, garbage collection, memory), and thin long ones."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ...schemas.runs.limits import HISTORY_POINTS
from ...schemas.runs.timeseries import EXECUTOR_FIGURES, EXECUTORS, LEAST_POINTS, MEGABYTE, POINTS
from .. import arrow
from ..application_view import ApplicationView
from ..arrow import Array

Points = Sequence[tuple[int, int, float]]
"""(step, time_ms, value)"""

_ODD = re.compile(r"[^\w.\-]")


def time_series(app: ApplicationView) -> Mapping[str, Points]:
    """Metric -> (step, time_ms, value). Steps divide the application's time into equal parts; a time is a part's end.
    Empty while the log is being written, since the parts would change with every import."""
    if app.in_progress or not len(app) or app.duration_ms <= 0:
        return {}
    parts = min(max(len(app), LEAST_POINTS), POINTS, app.duration_ms)  # no part is shorter than a millisecond
    edges = np.linspace(app.start_ms, app.end_ms, parts + 1)
    return {
        "system/running_tasks": _points(edges, _running(app, edges)),
        "system/cores": _points(edges, [app.timeline.capacity_ms(a, b) / (b - a) for a, b in _pairs(edges)]),
        "system/gc_ratio": _points(edges, _collecting(app, edges)),
        **_memory(app, edges),
    }


def thin_history(points: Points, at_most: int = HISTORY_POINTS) -> Points:
    """Return `at_most` points in order: the highest tenth, the first, the last, and every n-th of the rest."""
    if len(points) <= at_most:
        return points
    highest = sorted(range(len(points)), key=lambda i: (-points[i][2], i))[: at_most // 10]
    rest = at_most - len(highest)
    kept = {*highest, *(round(i * (len(points) - 1) / (rest - 1)) for i in range(rest))}
    return [points[i] for i in sorted(kept)]


def _pairs(edges: Array) -> Iterator[tuple[float, float]]:
    return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def _points(edges: Array, values: Iterable[float]) -> Points:
    """The points that have a value."""
    times = np.round(edges[1:]).astype(np.int64).tolist()
    return [(i, time, round(float(v), 6)) for i, (time, v) in enumerate(zip(times, values, strict=True)) if v == v]


def _spans(app: ApplicationView) -> tuple[Array, Array]:
    launch, duration = app.column("launch_time_ms"), app.column("duration_ms")
    ran = app.known("duration_ms") & app.known("launch_time_ms") & (duration > 0)
    return np.flatnonzero(ran), np.stack([launch[ran], (launch + duration)[ran]], axis=1).astype(np.float64)


def _running(app: ApplicationView, edges: Array) -> Array:
    at, spans = _spans(app)
    return _weighted(spans, np.ones(len(at)), edges) / np.diff(edges)


def _collecting(app: ApplicationView, edges: Array) -> Array:
    """Garbage collection is spread evenly over its task. Where no task ran, the share has no value."""
    at, spans = _spans(app)
    length = spans[:, 1] - spans[:, 0]
    collected = np.minimum(app.column("jvm_gc_time_ms")[at], length)
    busy = _weighted(spans, np.ones(len(at)), edges)
    gc = _weighted(spans, collected / length, edges)
    return np.where(busy > 0, np.minimum(gc / np.where(busy > 0, busy, 1), 1), np.nan)


def _weighted(spans: Array, weight: Array, edges: Array) -> Array:
    """The weighted time of the spans between each pair of neighbouring edges."""
    if not len(spans):
        return np.zeros(len(edges) - 1)
    moments = np.concatenate([spans[:, 0], spans[:, 1]])
    order = np.argsort(moments, kind="stable")
    rates = np.cumsum(np.concatenate([weight, -weight])[order])
    moments = moments[order]
    passed = np.concatenate([[0.0], np.cumsum(np.diff(moments) * rates[:-1])])
    weighted: Array = np.maximum(np.diff(np.interp(edges, moments, passed)), 0)
    return weighted


def _memory(app: ApplicationView, edges: Array) -> Mapping[str, Points]:
    measured = app.tables["executor_metrics"]
    if not len(measured):
        return {}
    rows = sorted(
        app.tables["executors"].to_pylist(), key=lambda row: (-(row["task_time_ms"] or 0), row["executor_id"])
    )
    codes, names = arrow.codes(measured, "executor_id")
    known = {name: code for code, name in enumerate(names)}
    part = np.clip(np.searchsorted(edges, arrow.numbers(measured, "time_ms"), "left") - 1, 0, len(edges) - 2)
    found: dict[str, Points] = {}
    for executor in [row["executor_id"] for row in rows if row["executor_id"] in known][:EXECUTORS]:
        mine = codes == known[executor]
        for name, (column, _) in EXECUTOR_FIGURES.items():
            held = mine & arrow.valid(measured, column)
            peaks = np.full(len(edges) - 1, np.nan)
            np.fmax.at(peaks, part[held], arrow.numbers(measured, column)[held] / MEGABYTE)
            points = _points(edges, peaks)
            if any(value for _, _, value in points):
                found[f"system/{_node(executor)}/{name}"] = points
    return found


def _node(executor: str) -> str:
    """An executor's name in MLflow's metrics tab. The id comes from the log and is untrusted."""
    return f"executor {executor}" if executor.isdecimal() else _ODD.sub("_", executor)[:60]
