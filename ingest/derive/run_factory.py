"""Make runs with the tags and metrics that every level has."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.identity import ApplicationIdentity
from ...schemas.prices import PriceList
from ...schemas.runs import params_tags as names
from ...schemas.runs.levels import Level
from ...schemas.runs.tree import Run, Status
from ..application_view import ApplicationView
from ..arrow import Array
from .costs import Costs
from .finding_tags import findings_by_run, metrics_of, tags_of
from .metric_order import arrange
from .task_stats import TaskStats

_FEW, _REMEMBERED = 1_000, 1_000
"""Tasks of a run whose metrics are remembered, and how many of these."""


class RunFactory:
    """Created once per application. `root` is the key of the application's run, `stats` computes task metrics."""

    def __init__(self, app: ApplicationView, prices: PriceList | None = None) -> None:
        self.app = app
        self.costs = Costs(app, prices)
        self.root = ApplicationIdentity.from_row(app.application).root_key
        self.stats = TaskStats(app)
        self.findings = findings_by_run(app.findings, self.root)
        self._figures: dict[bytes, dict[str, float]] = {}
        self._user_metrics = _user_metrics(app.tables["task_metrics"])

    def run(
        self,
        level: Level,
        key: str,
        parent: str | None,
        name: str,
        status: Status | None,
        start: int,
        end: int | None,
        metrics: Mapping[str, float],
        tags: Mapping[str, Any],
        params: Mapping[str, str] | None = None,
    ) -> Run:
        """Make a run. `status` None means that the log has no end: RUNNING while the log is being written, otherwise
        KILLED."""
        status = status or ("RUNNING" if self.app.in_progress else "KILLED")
        ended = None if status == "RUNNING" else max(end if end is not None else self.app.end_ms, start)
        findings = self.findings.get(key, ())
        own = {
            names.LEVEL_TAG: level,
            names.KEY_TAG: key,
            names.APP_ID_TAG: self.app.application["app_id"],
            "mlflow.user": self.app.application["user"],
            **tags,
            **tags_of(level, findings),
        }
        return Run(
            level,
            key,
            parent,
            name,
            status,
            start,
            ended,
            arrange({**metrics, **metrics_of(level, findings)}),
            params or {},
            {tag: str(value) for tag, value in own.items() if value not in (None, "")},
            findings=findings,
        )

    def times(self, start: int, end: int | None, idle: bool = True) -> dict[str, float]:
        """The duration and the share of idle cores in that time; empty without an end."""
        end_ms = self.app.end_ms if end is None else end
        figures = {} if end is None else {"time/duration_s": max(end - start, 0) / 1e3}
        ratio = self.app.timeline.idle_ratio(start, end_ms) if idle else None
        return figures if ratio is None else {**figures, "executors/idle_ratio": ratio}

    def figures_of(self, at: Array) -> dict[str, float]:
        """The metrics of these rows of the tasks table, user accumulators included."""
        if len(at) > _FEW:
            return self._figures_of(at)
        rows = at.tobytes()  # an application, its job and its stage often have the same tasks
        if rows not in self._figures:
            if len(self._figures) >= _REMEMBERED:
                self._figures.clear()
            self._figures[rows] = self._figures_of(at)
        return dict(self._figures[rows])

    def _figures_of(self, at: Array) -> dict[str, float]:
        return {**self.stats.of(at), **self.costs.of_tasks(at), **self.user(at)}

    def rows(self, stages: Iterable[int]) -> Array:
        """The rows of the tasks table that belong to the stages at these positions."""
        parts = [self.app.rows(stage) for stage in stages]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def rows_of_tasks(self, keys: Iterable[tuple[int, int, int]]) -> Array:
        """The rows of the tasks table with these stages, stage attempts and task ids."""
        return np.array([self._row_of_task[key] for key in keys if key in self._row_of_task], np.int64)

    @cached_property
    def _row_of_task(self) -> Mapping[tuple[int, int, int], int]:
        columns = (self.app.column(name).tolist() for name in ("stage_id", "stage_attempt", "task_id"))
        return {key: at for at, key in enumerate(zip(*columns, strict=True))}

    def user(self, at: Array) -> dict[str, float]:
        """User accumulators, summed over these tasks (failed attempts do not count: Spark discards their updates)."""
        sums: dict[str, float] = {}
        if self._user_metrics:
            ids = self.app.column("task_id")[at]
            for task_id in ids.tolist():
                for name, value in self.user_of(task_id).items():
                    sums[name] = sums.get(name, 0.0) + value
        return sums

    def user_of(self, task_id: int | None) -> dict[str, float]:
        """One task's user accumulators."""
        sums: dict[str, float] = {}
        for name, value in self._user_metrics.get(task_id, ()):
            sums[f"user/{name}"] = sums.get(f"user/{name}", 0.0) + value
        return sums


def _user_metrics(task_metrics: pa.Table) -> dict[int | None, list[tuple[str, float]]]:
    by_task: dict[int | None, list[tuple[str, float]]] = {}
    for row in task_metrics.to_pylist():
        by_task.setdefault(row["task_id"], []).append((row["name"], row["value"]))
    return by_task
