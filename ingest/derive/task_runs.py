"""Choose the tasks that get a run, build those runs, and turn task metrics into their stage's metric history."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ...schemas.runs.tree import Run, Status
from ..application_view import ApplicationView
from ..arrow import Array
from ..run_names import task_name
from ..task_arrays import Row
from .timeseries import thin_history

# Task metrics kept as metric history of the stage run, so that MLflow draws them: metric, column, factor.
_HISTORY = (
    ("task/duration_s", "duration_ms", 1e-3),
    ("task/shuffle_read_bytes", "shuffle_read_bytes", 1.0),
    ("task/shuffle_write_bytes", "shuffle_write_bytes", 1.0),
    ("task/input_bytes", "input_bytes", 1.0),
    ("task/gc_s", "jvm_gc_time_ms", 1e-3),
    ("task/disk_spilled_bytes", "disk_spilled_bytes", 1.0),
)
TASK_RUN_COLUMNS = (
    "stage_id",
    "stage_attempt",
    "task_id",
    "index",
    "attempt",
    "executor_id",
    "host",
    "locality",
    "status",
    "failure_reason",
    "launch_time_ms",
    "finish_time_ms",
)
"""The columns of the tasks table that task_run reads."""

_STATUS: Mapping[str, Status] = {"SUCCESS": "FINISHED", "FAILED": "FAILED", "KILLED": "KILLED", "RUNNING": "RUNNING"}


def choose_task_runs(app: ApplicationView, policy: str, at_most: int, stages: Collection[int]) -> dict[int, str | None]:
    """Row number in the tasks table -> why the task is notable or None, for every task that gets a run. `stages` are
    the positions of the stages with a run.

    `all` gives every task a run if there are at most `at_most`. Otherwise only notable tasks get one: failed, killed,
    speculative, stragglers. If more than `at_most` are notable, the longest are chosen.
    """
    if policy == "none" or not len(app):
        return {}
    below_run = np.isin(app.stage_of, list(stages))
    why = {row: reason for row, reason in _notable(app).items() if below_run[row]}
    if policy == "all" and len(app) <= at_most:
        return {row: why.get(row) for row in np.flatnonzero(below_run).tolist()}
    if len(why) > at_most:
        duration = app.column("duration_ms")
        kept = sorted(why, key=lambda row: (-int(duration[row]), row))[:at_most]
        return {row: why[row] for row in sorted(kept)}
    return dict(sorted(why.items()))  # sorted: rows in the order of the table


def _notable(app: ApplicationView) -> dict[int, str | None]:
    why: dict[int, str | None] = dict.fromkeys(np.flatnonzero(app.stragglers).tolist(), "straggler")
    why.update(dict.fromkeys(np.flatnonzero(app.column("speculative")).tolist(), "speculative"))
    for status in ("FAILED", "KILLED"):
        why.update(dict.fromkeys(np.flatnonzero(app.with_status(status)).tolist(), status.lower()))
    return why


def task_run(row: Row, stage: Run, root: str, notable: str | None) -> Run:
    """A task attempt's run, without metrics, from a row with TASK_RUN_COLUMNS."""
    identity = f"{row['stage_id']}.{row['stage_attempt']}"
    start = row["launch_time_ms"] or stage.start_ms
    tags = {
        "spark.stage.id": identity,
        "spark.task.id": row["task_id"],
        "spark.executor.id": row["executor_id"],
        "spark.host": row["host"],
        "spark.locality": row["locality"],
        "spark.failure_reason": row["failure_reason"],
        "afterglow.task_selected_for": notable,
    }
    return Run(
        "task",
        f"{root}/task/{identity}/{row['task_id']}",
        stage.key,
        task_name(row, notable),
        _STATUS[row["status"]],
        start,
        row["finish_time_ms"] or start,
        tags=tags,
    )


def task_history(app: ApplicationView, at: Array) -> dict[str, Sequence[tuple[int, int, float]]]:
    """Metric -> (step, time_ms, value) of a stage's tasks. The step is the task's index; its last attempt counts."""
    if not len(at):
        return {}
    index, end = app.column("index")[at], app.column("finish_time_ms")[at]
    ended = app.known("finish_time_ms")[at]
    last = {int(index[i]): i for i in np.argsort(end, kind="stable") if ended[i]}
    chosen = [last[step] for step in sorted(last)]
    history: dict[str, Sequence[tuple[int, int, float]]] = {}
    for metric, column, factor in _HISTORY:
        values, held = app.column(column)[at], app.known(column)[at]
        points = [(int(index[i]), int(end[i]), float(values[i] * factor)) for i in chosen if held[i]]
        if any(value for _, _, value in points):
            history[metric] = thin_history(points)
    return history
