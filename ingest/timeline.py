"""Compute how busy the executors' cores were between any two times."""

from typing import Any

import numpy as np

from . import arrow
from .arrow import Array


class Timeline:
    """Available core time and core time used by tasks, as running totals over the application's time."""

    def __init__(self, tasks: Any, executors: Any, start_ms: int, end_ms: int, task_cpus: Array) -> None:
        self.capacity = _total(
            [
                (
                    max(row["add_time_ms"] or start_ms, start_ms),
                    min(row["remove_time_ms"] or end_ms, end_ms),
                    row["cores"],
                )
                for row in executors.to_pylist()
                if row["cores"]
            ]
        )
        launch, duration = arrow.numbers(tasks, "launch_time_ms"), arrow.numbers(tasks, "duration_ms")
        ran = arrow.valid(tasks, "duration_ms") & (duration > 0)
        spans = np.stack([launch[ran], (launch + duration)[ran], task_cpus[ran]], axis=1)
        self.busy = _total(spans)

    def idle_ratio(self, start_ms: int, end_ms: int) -> float | None:
        """Share of the core time in [start, end) in which no task ran; None where there was no core time."""
        capacity = _between(self.capacity, start_ms, end_ms)
        if capacity <= 0:
            return None
        return float(min(1.0, max(0.0, 1.0 - _between(self.busy, start_ms, end_ms) / capacity)))

    def capacity_ms(self, start_ms: float, end_ms: float) -> float:
        """Available core time in [start, end)."""
        return _between(self.capacity, start_ms, end_ms)

    def most_cores(self, start_ms: float, end_ms: float) -> float:
        """The maximum number of cores at any time in [start, end)."""
        moments, passed = self.capacity
        if len(moments) < 2 or end_ms <= start_ms:
            return 0.0
        rates = np.diff(passed) / np.maximum(np.diff(moments), 1e-9)
        inside = (moments[1:] > start_ms) & (moments[:-1] < end_ms) & (np.diff(moments) > 0)
        return float(np.round(rates[inside]).max(initial=0.0))

    def busy_ms(self, start_ms: float, end_ms: float) -> float:
        """Core time used by tasks in [start, end)."""
        return _between(self.busy, start_ms, end_ms)


def _total(spans: Any) -> tuple[Array, Array]:
    """Spans of (from, to, weight) -> times, and the weighted time that had passed at each."""
    spans = np.array(spans, dtype=np.float64).reshape(-1, 3)
    spans = spans[spans[:, 1] > spans[:, 0]]
    moments = np.concatenate([spans[:, 0], spans[:, 1]])
    changes = np.concatenate([spans[:, 2], -spans[:, 2]])
    order = np.argsort(moments, kind="stable")
    moments, rates = moments[order], np.cumsum(changes[order])
    passed = np.concatenate([[0.0], np.cumsum(np.diff(moments) * rates[:-1])]) if len(moments) else moments
    return moments, passed


def _between(total: tuple[Array, Array], start_ms: float, end_ms: float) -> float:
    moments, passed = total
    if not len(moments):
        return 0.0
    begin, end = np.interp([start_ms, end_ms], moments, passed)
    return float(end - begin)
