"""The application's figures over time: running tasks, cores, garbage collection, the executors' memory."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...schemas.runs.timeseries import EXECUTOR_FIGURES, EXECUTORS, LEAST_POINTS, MEGABYTE, POINTS
from .. import arrow
from .material import Material

Array = np.ndarray[Any, Any]
Points = Sequence[tuple[int, int, float]]

_ODD = re.compile(r"[^\w.\-]")


def over_time(of: Material) -> Mapping[str, Points]:
    """Metric -> (step, time_ms, value). A step is one of equal parts of the application's time, its time that part's
    end. Nothing of an application that still runs: its parts would be others with every import."""
    start, tasks = of.app["start_time_ms"] or 0, of.tables["tasks"]
    if of.open or not len(tasks) or of.last <= start:
        return {}
    number = min(max(len(tasks), LEAST_POINTS), POINTS)
    edges = np.linspace(start, of.last, number + 1)
    return {
        "system/running_tasks": _points(edges, _running(tasks, edges)),
        "system/cores": _points(edges, [of.timeline.capacity_ms(a, b) / (b - a) for a, b in _pairs(edges)]),
        "system/gc_ratio": _points(edges, _collecting(tasks, edges)),
        **_memory(of, edges),
    }


def _pairs(edges: Array) -> Iterator[tuple[float, float]]:
    return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def _points(edges: Array, values: Iterable[float]) -> Points:
    """Those that have a value."""
    times = np.round(edges[1:]).astype(np.int64).tolist()
    return [(i, time, round(float(v), 6)) for i, (time, v) in enumerate(zip(times, values, strict=True)) if v == v]


def _spans(tasks: Any) -> tuple[Array, Array]:
    launch, duration = arrow.numbers(tasks, "launch_time_ms"), arrow.numbers(tasks, "duration_ms")
    ran = arrow.valid(tasks, "duration_ms") & arrow.valid(tasks, "launch_time_ms") & (duration > 0)
    return np.flatnonzero(ran), np.stack([launch[ran], (launch + duration)[ran]], axis=1).astype(np.float64)


def _running(tasks: Any, edges: Array) -> Any:
    at, spans = _spans(tasks)
    return _weighted(spans, np.ones(len(at)), edges) / np.diff(edges)


def _collecting(tasks: Any, edges: Array) -> Any:
    """Garbage collection is spread evenly over the task that met it; where no task ran there is no share."""
    at, spans = _spans(tasks)
    length = spans[:, 1] - spans[:, 0]
    collected = np.minimum(arrow.numbers(tasks, "jvm_gc_time_ms")[at], length)
    busy = _weighted(spans, np.ones(len(at)), edges)
    gc = _weighted(spans, collected / length, edges)
    return np.where(busy > 0, np.minimum(gc / np.where(busy > 0, busy, 1), 1), np.nan)


def _weighted(spans: Array, weight: Array, edges: Array) -> Array:
    """What spans of this weight come to between each edge and the next."""
    if not len(spans):
        return np.zeros(len(edges) - 1)
    moments = np.concatenate([spans[:, 0], spans[:, 1]])
    order = np.argsort(moments, kind="stable")
    rates = np.cumsum(np.concatenate([weight, -weight])[order])
    moments = moments[order]
    passed = np.concatenate([[0.0], np.cumsum(np.diff(moments) * rates[:-1])])
    weighted: Array = np.maximum(np.diff(np.interp(edges, moments, passed)), 0)
    return weighted


def _memory(of: Material, edges: Array) -> Mapping[str, Points]:
    measured = of.tables["executor_metrics"]
    if not len(measured):
        return {}
    rows = sorted(of.tables["executors"].to_pylist(), key=lambda row: (-(row["task_time_ms"] or 0), row["executor_id"]))
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
    """What the tab calls an executor; its id is text of the log."""
    return f"executor {executor}" if executor.isdecimal() else _ODD.sub("_", executor)[:60]
