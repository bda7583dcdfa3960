"""Order, round and thin the metrics of a run, so that MLflow's pages show first what people look for."""

from collections.abc import Mapping

from ...schemas.runs.metrics import RUN_METRICS
from ...schemas.task_metrics import TASK_COLUMNS

_FIRST = (
    "time/duration_s",
    "time/fit_s",
    "time/evaluate_s",
    "batches/total",
    "batches/duration_max_s",
    "findings/cost_s",
    "executors/idle_ratio",
    "spill/disk_bytes",
    "shuffle/read_bytes",
    "io/input_bytes",
    "tasks/total",
    "task_duration_s/p50",
    "task_duration_s/p95",
    "task_duration_s/max",
    "skew/duration_max_over_median",
)
_DIGITS = {"s": 3, "ratio": 4, "bytes": 0, "records": 0, "MB": 3, "currency": 9, "": 0}
_UNITS = {one.name: one.unit for one in RUN_METRICS}
_NANOSECONDS = {column.metric.name for column in TASK_COLUMNS if column.metric and column.name.endswith("_ns")}
_ALWAYS = {"time/duration_s", "executors/idle_ratio", "tasks/total"}


def arrange(metrics: Mapping[str, float]) -> dict[str, float]:
    """Evaluation metrics first, then duration, cost, idle and spill, then the others as they are.

    A declared metric of something that did not occur (0 spilled bytes, 0 failed tasks) is left out. Times are rounded
    to the millisecond that Spark measures, or to the microsecond where it measures nanoseconds, ratios to four digits,
    and quantiles of bytes to whole bytes.
    """
    known = {name: _rounded(name, value) for name, value in metrics.items()}
    for group in [name.removesuffix("/max") for name, value in known.items() if name.endswith("/max") and not value]:
        known = {name: value for name, value in known.items() if not name.startswith(f"{group}/")}
    kept = [name for name, value in known.items() if value or name not in _UNITS or name in _ALWAYS or _is_point(name)]
    return {name: known[name] for name in sorted(kept, key=_place)}


def _is_point(name: str) -> bool:
    """A quantile: 0 means something beside the others of its group."""
    return name.startswith("task_")


def _place(name: str) -> int:
    if name in _FIRST:
        return 1 + _FIRST.index(name)
    return 0 if name not in _UNITS and not name.startswith(("user/", "system/")) else 1 + len(_FIRST)


def _rounded(name: str, value: float) -> float:
    unit = _UNITS.get(name)
    if unit is None:
        return value
    return round(value, 6 if name in _NANOSECONDS else _DIGITS.get(unit, 6))
