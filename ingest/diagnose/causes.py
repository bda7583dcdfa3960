"""Find why a task took longer than the others of its stage, from its metrics."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .. import arrow
from ..application_view import ApplicationView
from ..arrow import Array

# Columns that measure a task's data, most reliable first -> the verb and noun of the message.
SIZES: Mapping[str, tuple[str, str]] = {
    "shuffle_read_bytes": ("read", " of shuffle data"),
    "shuffle_read_records": ("read", " of shuffle data"),
    "input_bytes": ("read", " of input"),
    "input_records": ("read", " of input"),
    "shuffle_write_records": ("wrote", " for the shuffle"),
    "shuffle_write_bytes": ("wrote", " for the shuffle"),
    "output_records": ("wrote", " of output"),
    "output_bytes": ("wrote", " of output"),
}
_WAITS: Mapping[str, tuple[str, ...]] = {
    "garbage collection": ("jvm_gc_time_ms",),
    "fetch wait": ("shuffle_fetch_wait_ms",),
    "scheduling delay": (
        "scheduler_delay_ms",
        "executor_deserialize_time_ms",
        "result_serialization_time_ms",
        "getting_result_time_ms",
    ),
}
_COMPUTING, _WAITING = 0.7, 0.3
_NEAR = ("PROCESS_LOCAL", "NODE_LOCAL", "NO_PREF")


def waits() -> Mapping[str, tuple[str, ...]]:
    """Causes that are time spent on something other than computing -> the columns that measure it."""
    return _WAITS


@dataclass(frozen=True, slots=True)
class Data:
    """For the best explaining column: each task's ratio to the median, and whether it explains the duration."""

    column: str
    ratio: Array
    explained: Array


def more_data(app: ApplicationView, rows: Array, median_ms: float) -> Data:
    """Find the tasks of a stage that are long because they have far more data, at a normal time per byte or record."""
    took = app.column("duration_ms")[rows] / max(median_ms, 1.0)
    none = Data("shuffle_read_bytes", np.zeros(len(rows)), np.zeros(len(rows), np.bool_))
    best, most = none, 0.0
    far = took >= np.maximum(
        app.threshold("skew", "time_ratio"), 1 + app.threshold("skew", "excess_s") * 1e3 / max(median_ms, 1.0)
    )
    if far.sum() > max(1, app.threshold("skew", "tasks_ratio") * len(rows)) or len(rows) < app.threshold(
        "skew", "tasks"
    ):
        return none
    for name in SIZES:
        values = app.column(name)[rows]
        if not values.any():
            continue
        # if the median task has no data, use only the tasks that have some
        typical = float(np.median(values)) or float(np.median(values[values > 0]))
        ratio = values / typical
        explained = (
            far
            & (ratio >= app.threshold("skew", "data_ratio"))
            & (took <= app.threshold("skew", "normal_ratio") * ratio)
        )
        gained = float(took[explained].sum())
        if gained > most * 1.01:
            best, most = Data(name, ratio, explained), gained
    return best


def cause_of(
    app: ApplicationView, stage: int, rows: Array, row: int, median_ms: float
) -> tuple[str, Mapping[str, float]]:
    """The cause of one straggler among the tasks of its stage, and the figures that show it."""
    excess = float(app.column("duration_ms")[row]) - median_ms
    ratio = others_ratio(app, stage, row)
    if ratio is not None and ratio >= app.threshold("straggler", "slow_ratio"):
        return "slow machine", {"others_ratio": ratio}
    parts = {name: sum(_above(app, column, rows, row) for column in columns) for name, columns in _WAITS.items()}
    name, part = max(parts.items(), key=lambda one: one[1])
    if part >= app.threshold("straggler", "explained_ratio") * excess:
        return name, {"part_ms": part, "part_ratio": part / excess}
    spilled = app.column("disk_spilled_bytes")
    if spilled[row] > 0 and not np.median(spilled[rows]):
        return "spill", {"spilled_bytes": float(spilled[row])}
    near = arrow.equals(
        app.tasks.select(["locality"]).slice(int(rows.min()), int(rows.max() - rows.min() + 1)), "locality", *_NEAR
    )
    if not near[row - rows.min()] and near[rows - rows.min()].mean() > 0.5:
        return "locality", {}
    run, cpu = float(app.column("executor_run_time_ms")[row]), float(app.column("executor_cpu_time_ns")[row]) / 1e6
    if not run or not app.known("executor_cpu_time_ns")[row]:
        return "unknown", {}
    ratio = min(cpu / run, 1.0)
    return "computing" if ratio >= _COMPUTING else "waiting" if ratio <= _WAITING else "unknown", {"cpu_ratio": ratio}


def _above(app: ApplicationView, column: str, rows: Array, row: int) -> float:
    values = app.column(column)
    return max(float(values[row]) - float(np.median(values[rows])), 0.0)


def others_ratio(app: ApplicationView, stage: int, row: int) -> float | None:
    """How much slower the executor's other tasks are than tasks of the same stages elsewhere. None if there are too few
    tasks."""
    relative = app.against_others
    codes, _ = app.executors
    if codes[row] < 0:
        return None
    same = (codes == codes[row]) & app.succeeded & ~np.isnan(relative)
    same[row] = False
    if same.sum() < app.threshold("straggler", "other_tasks"):
        return None
    return float(np.median(relative[same]))
