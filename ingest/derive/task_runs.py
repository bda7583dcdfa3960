"""Which tasks get a run of their own, what that run is called, and the tasks' figures as history of their stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...schemas.runs.tree import Run, Status
from .. import arrow

Array = np.ndarray[Any, Any]

# A straggler takes at least this many times its stage's median, and this much longer than it.
STRAGGLER_RATIO, STRAGGLER_MS = 3, 1000

# Task figures kept as metric history of the stage run, so that MLflow draws them: metric, column, factor.
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


def choose_task_runs(tasks: Any, policy: str, at_most: int) -> dict[int, str | None]:
    """Row number in the tasks table -> why the task is notable (None: it is not), for every task that gets a run.

    `all` gives every task a run while there are at most `at_most`, else the notable ones: failed, killed, speculative,
    stragglers; of more notable ones than that, the longest.
    """
    if policy == "none" or not len(tasks):
        return {}
    why = _notable(tasks)
    if policy == "all" and len(tasks) <= at_most:
        return {row: why.get(row) for row in range(len(tasks))}
    if len(why) > at_most:
        duration = arrow.numbers(tasks, "duration_ms")
        kept = sorted(why, key=lambda row: (-int(duration[row]), row))[:at_most]
        return {row: why[row] for row in sorted(kept)}
    return dict(sorted(why.items()))  # sorted: rows in the order of the table


def _notable(tasks: Any) -> dict[int, str | None]:
    why: dict[int, str | None] = {}
    duration = arrow.numbers(tasks, "duration_ms")
    median = _medians(arrow.numbers(tasks, "stage_id"), arrow.numbers(tasks, "stage_attempt"), duration)
    straggler = (duration >= STRAGGLER_RATIO * median) & (duration >= median + STRAGGLER_MS)
    why.update(dict.fromkeys(np.flatnonzero(straggler).tolist(), "straggler"))
    speculative = np.flatnonzero(arrow.numbers(tasks, "speculative"))
    why.update(dict.fromkeys(speculative.tolist(), "speculative"))
    for status in ("FAILED", "KILLED"):
        ended = np.flatnonzero(arrow.equals(tasks, "status", status))
        why.update(dict.fromkeys(ended.tolist(), status.lower()))
    return why


def _medians(stage: Array, attempt: Array, duration: Array) -> Array:
    """Each task's stage's median duration; the tasks are sorted by stage."""
    begins = np.flatnonzero(np.concatenate(([True], (stage[1:] != stage[:-1]) | (attempt[1:] != attempt[:-1]))))
    ends = np.append(begins[1:], len(stage))
    medians = [float(np.median(duration[begin:end])) for begin, end in zip(begins, ends, strict=True)]
    return np.repeat(medians, ends - begins)


def task_run(row: Mapping[str, Any], stage: Run, root: str, notable: str | None) -> Run:
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
    where = f" · executor {row['executor_id']}" if row["executor_id"] not in (None, "driver") else ""
    return Run(
        "task",
        f"{root}/task/{identity}/{row['task_id']}",
        stage.key,
        f"task {row['index']}.{row['attempt']}{where}" + (f" · {notable}" if notable else ""),
        _STATUS[row["status"]],
        start,
        row["finish_time_ms"] or start,
        tags=tags,
    )


def task_history(tasks: Any, at: Array) -> dict[str, Sequence[tuple[int, int, float]]]:
    """Per metric (step, time_ms, value) of a stage's tasks: step is the task's index, the last attempt of it counts."""
    if not len(at):
        return {}
    index, end = arrow.numbers(tasks, "index")[at], arrow.numbers(tasks, "finish_time_ms")[at]
    ended = arrow.valid(tasks, "finish_time_ms")[at]
    last = {int(index[i]): i for i in np.argsort(end, kind="stable") if ended[i]}
    chosen = [last[step] for step in sorted(last)]
    history: dict[str, Sequence[tuple[int, int, float]]] = {}
    for metric, column, factor in _HISTORY:
        values, held = arrow.numbers(tasks, column)[at], arrow.valid(tasks, column)[at]
        points = [(int(index[i]), int(end[i]), float(values[i] * factor)) for i in chosen if held[i]]
        if any(value for _, _, value in points):
            history[metric] = points
    return history
