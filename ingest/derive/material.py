"""What a run of any level is made of: the tables, the figures of tasks, the application's times, the root's key."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...schemas.logs import EventLogTables
from ...schemas.runs import params_tags as names
from ...schemas.runs.levels import Level
from ...schemas.runs.tree import Run
from .. import arrow
from ..timeline import Timeline
from .finding_tags import findings_by_run, metrics_of, tags_of
from .task_stats import TaskFigures

Array = np.ndarray[Any, Any]


class Material:
    """Made once per application. `open`: the log is still being written; `last`: the latest moment in it."""

    def __init__(self, tables: EventLogTables) -> None:
        self.tables = tables
        self.app = tables.application
        self.root = f"{self.app['app_id']}/{self.app['app_attempt'] or '1'}"
        self.properties = {
            row["key"]: row["value"] for row in tables["properties"].to_pylist() if row["value"] is not None
        }
        start = self.app["start_time_ms"] or 0
        self.last = max(self.app["end_time_ms"] or self.app["last_event_time_ms"] or start, start)
        self.open = self.app["completeness"] == "in_progress"
        self.figures = TaskFigures(tables["tasks"])
        cpus = self.properties.get("spark.task.cpus", "1")
        self.timeline = Timeline(
            tables["tasks"], tables["executors"], start, self.last, int(cpus) if cpus.isdecimal() else 1
        )
        self.stages = [row for row in tables["stages"].to_pylist() if row["status"] not in ("SKIPPED", "PENDING")]
        self.jobs = [job for job in tables["jobs"].to_pylist() if not job["annotation"]]
        self.rows_of_stage = _rows_of_stage(tables["tasks"])
        self.user_metrics = _user_metrics(tables["task_metrics"])
        self.findings = findings_by_run(tables["findings"].to_pylist(), self.root)

    def run(
        self,
        level: Level,
        key: str,
        parent: str | None,
        name: str,
        status: Any,
        start: int,
        end: int | None,
        metrics: Mapping[str, float],
        tags: Mapping[str, Any],
        params: Mapping[str, str] | None = None,
    ) -> Run:
        """`status` None: it never ended in the log; it runs on where the log is still written, else it was killed."""
        status = status or ("RUNNING" if self.open else "KILLED")
        ended = None if status == "RUNNING" else max(end if end is not None else self.last, start)
        findings = self.findings.get(key, ())
        own = {
            names.LEVEL_TAG: level,
            names.KEY_TAG: key,
            names.APP_ID_TAG: self.app["app_id"],
            "mlflow.user": self.app["user"],
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
            {**metrics, **metrics_of(level, findings)},
            params or {},
            {tag: str(value) for tag, value in own.items() if value not in (None, "")},
            findings=findings,
        )

    def times(self, start: int, end: int | None, idle: bool = True) -> dict[str, float]:
        """How long it took, and how idle the cores were meanwhile; without an end up to the latest moment."""
        end_ms = self.last if end is None else end
        figures = {} if end is None else {"time/duration_s": max(end - start, 0) / 1e3}
        ratio = self.timeline.idle_ratio(start, end_ms) if idle else None
        return figures if ratio is None else {**figures, "executors/idle_ratio": ratio}

    def figures_of(self, at: Array) -> dict[str, float]:
        """Everything that tasks, given as rows of their table, add up to."""
        return {**self.figures.of(at), **self.user(at)}

    def rows(self, stages: list[Mapping[str, Any]]) -> Array:
        """The rows that the tasks of these stage attempts have in their table."""
        ranges = [self.rows_of_stage.get((stage["stage_id"], stage["stage_attempt"]), (0, 0)) for stage in stages]
        parts = [np.arange(begin, end) for begin, end in ranges]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def user(self, at: Array) -> dict[str, float]:
        """User accumulators, summed over these tasks (failed attempts do not count: Spark discards their updates)."""
        sums: dict[str, float] = {}
        if self.user_metrics:
            ids = arrow.numbers(self.tables["tasks"], "task_id")[at]
            for task_id in ids.tolist():
                for name, value in self.user_of(task_id).items():
                    sums[name] = sums.get(name, 0.0) + value
        return sums

    def user_of(self, task_id: int | None) -> dict[str, float]:
        """One task's user accumulators."""
        sums: dict[str, float] = {}
        for name, value in self.user_metrics.get(task_id, ()):
            sums[f"user/{name}"] = sums.get(f"user/{name}", 0.0) + value
        return sums


def _rows_of_stage(tasks: Any) -> dict[tuple[int, int], tuple[int, int]]:
    """Stage attempt -> its rows in the tasks table, which is sorted by it."""
    stage, attempt = arrow.numbers(tasks, "stage_id"), arrow.numbers(tasks, "stage_attempt")
    if not len(stage):
        return {}
    begins = np.flatnonzero(np.concatenate(([True], (stage[1:] != stage[:-1]) | (attempt[1:] != attempt[:-1]))))
    ends = np.append(begins[1:], len(stage))
    keys = zip(stage[begins].tolist(), attempt[begins].tolist(), strict=True)
    return dict(zip(keys, zip(begins.tolist(), ends.tolist(), strict=True), strict=True))


def _user_metrics(task_metrics: Any) -> dict[int | None, list[tuple[str, float]]]:
    by_task: dict[int | None, list[tuple[str, float]]] = {}
    for row in task_metrics.to_pylist():
        by_task.setdefault(row["task_id"], []).append((row["name"], row["value"]))
    return by_task
