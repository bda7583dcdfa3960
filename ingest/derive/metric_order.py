"""Order, round and thin the metrics of a run, so that MLflow's pages show first what people look for."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

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
    kept: list[tuple[int, int, str, float]] = []
    empty: list[str] = []
    for number, (name, exact) in enumerate(metrics.items()):
        form = _form(name)
        value = exact if form.digits is None else round(exact, form.digits)
        if value or form.is_always_kept:
            kept.append((form.place, number, name, value))
        if not value and name.endswith("/max"):
            empty.append(name.removesuffix("max"))
    kept.sort()
    groups = tuple(empty)
    return {name: value for _, _, name, value in kept if not groups or not name.startswith(groups)}


class _Form(NamedTuple):
    """Where a metric is placed, the digits it is rounded to, and whether it is kept when it is 0."""

    place: int
    digits: int | None
    is_always_kept: bool


@lru_cache(10_000)
def _form(name: str) -> _Form:
    unit = _UNITS.get(name)
    digits = None if unit is None else 6 if name in _NANOSECONDS else _DIGITS.get(unit, 6)
    # a quantile of 0 means something beside the others of its group
    return _Form(_place(name), digits, unit is None or name in _ALWAYS or name.startswith("task_"))


def _place(name: str) -> int:
    if name in _FIRST:
        return 1 + _FIRST.index(name)
    return 0 if name not in _UNITS and not name.startswith(("user/", "system/")) else 1 + len(_FIRST)
