"""Compute the metrics of any set of tasks: sums, quantiles, skew. They are the same at every level."""

from collections.abc import Mapping

import numpy as np

from ...schemas.runs.metrics import QUANTILES, SPREADS
from ...schemas.task_metrics import TASK_COLUMNS
from ..application_view import ApplicationView
from ..arrow import Array

_AT = np.array(list(QUANTILES.values()))
_FEW = 64
"""Values of which the quantiles are computed without numpy, whose call takes as long as that."""


class TaskStats:
    """The columns of the tasks table that metrics need, kept as numpy because many subsets are computed."""

    def __init__(self, app: ApplicationView) -> None:
        self.columns = [
            (column.metric, app.column(column.name), app.known(column.name)) for column in TASK_COLUMNS if column.metric
        ]
        self.spreads = [
            (group, app.column(column) * factor, app.known(column), word) for group, column, factor, _, word in SPREADS
        ]
        self.succeeded, self.failed, self.killed = map(app.with_status, ("SUCCESS", "FAILED", "KILLED"))
        self.speculative = app.column("speculative")

    def of(self, at: Array) -> dict[str, float]:
        """Metric name -> value for the tasks at these rows. A metric that none of them has is left out."""
        figures = self.sums(at)
        figures["tasks/total"] = float(len(at))
        figures["tasks/failed"] = float(np.count_nonzero(self.failed[at]))
        figures["tasks/killed"] = float(np.count_nonzero(self.killed[at]))
        figures["tasks/speculative"] = float(np.count_nonzero(self.speculative[at]))
        succeeded = at[self.succeeded[at]]
        for group, values, held, word in self.spreads:
            figures.update(_spread(group, word, values[succeeded][held[succeeded]]))
        return figures

    def sums(self, at: Array) -> dict[str, float]:
        """The declared sums and maxima of these tasks."""
        figures = {}
        for metric, values, held in self.columns:
            present = values[at][held[at]]
            if len(present):
                total = present.sum() if metric.aggregate == "sum" else present.max()
                figures[metric.name] = float(total * metric.factor)
        return figures

    def each(self, at: Array) -> list[dict[str, float]]:
        """The result of `sums` for each of these tasks, computed for many at a time."""
        figures: list[dict[str, float]] = [{} for _ in range(len(at))]
        for metric, values, held in self.columns:
            scaled = (values[at] * metric.factor).astype(np.float64).tolist()
            for of_task, value, has in zip(figures, scaled, held[at].tolist(), strict=True):
                if has:
                    of_task[metric.name] = value
        return figures


def _spread(group: str, word: str, values: Array) -> Mapping[str, float]:
    if not len(values):
        return {}
    points = quantiles(values)
    figures = {f"{group}/{name}": point for name, point in zip(QUANTILES, points, strict=True)}
    median = figures[f"{group}/p50"]
    if median > 0:
        figures[f"skew/{word}_max_over_median"] = figures[f"{group}/max"] / median
    return figures


def quantiles(values: Array) -> list[float]:
    """The QUANTILES of some finite numbers, interpolated linearly as by numpy.quantile."""
    if len(values) > _FEW:
        found: list[float] = np.quantile(values, _AT).tolist()
        return found
    ordered = sorted(values.tolist())
    last, points = len(ordered) - 1, []
    for at in QUANTILES.values():
        below = int(last * at)
        share, low, high = last * at - below, ordered[below], ordered[min(below + 1, last)]
        # the two forms differ in the last digit; numpy takes the second from the middle on
        points.append(float(low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)))
    return points
