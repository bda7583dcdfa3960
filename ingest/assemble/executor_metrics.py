"""How much memory executors used, as the ends of tasks and stages tell it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...schemas.spark import EXECUTOR_METRICS as NAMES
from ...schemas.tables import EXECUTOR_METRICS
from .. import arrow

Row = tuple[Any, ...]


def measured_at_tasks(ends: Any) -> list[Row]:
    """Rows of the executor_metrics table from TaskEnds. Spark polls executors now and then, so that most tasks, all of
    whose figures are 0, say nothing."""
    held = np.zeros(len(ends), np.bool_)
    for name in NAMES:
        held |= arrow.numbers(ends, name) > 0
    at = np.flatnonzero(held & arrow.valid(ends, "finish_time_ms") & arrow.valid(ends, "executor_id"))
    if not len(at):
        return []
    found = ends.select(["executor_id", "finish_time_ms", *NAMES]).take(arrow.from_numpy(at, "int64"))
    return [_row(row["executor_id"], row["finish_time_ms"], row) for row in found.to_pylist()]


def assemble_executor_metrics(measured: Sequence[Row], at_stages: Any, stages: Any) -> Any:
    """The executor_metrics table, by time: what tasks told, and, where spark.eventLog.logStageExecutorMetrics was
    on, stages."""
    ends = {
        (row["stage_id"], row["stage_attempt"]): row["completion_time_ms"]
        for row in (
            stages.select(["stage_id", "stage_attempt", "completion_time_ms"]).to_pylist() if len(at_stages) else ()
        )
    }
    rows = [*measured, *_at_stages(at_stages.to_pylist(), ends)]
    rows.sort(key=lambda row: (row[1], row[0], row[2] or 0))
    return arrow.from_rows(EXECUTOR_METRICS, rows)


def _at_stages(events: Sequence[dict[str, Any]], ends: dict[tuple[int, int], int | None]) -> Iterator[Row]:
    for event in events:
        time_ms = ends.get((event["stage_id"], event["stage_attempt"]))
        # JsonProtocol writes the driver's peaks too, under the id `driver`; without a time they cannot be drawn
        if time_ms is not None and event["executor_id"] is not None and any(event[name] for name in NAMES):
            yield _row(event["executor_id"], time_ms, event)


def _row(executor_id: str, time_ms: int, told: dict[str, Any]) -> Row:
    return (
        executor_id,
        time_ms,
        told["jvm_heap_bytes"] or None,
        told["jvm_off_heap_bytes"] or None,
        _sum(told["on_heap_storage_bytes"], told["off_heap_storage_bytes"]),
        _sum(told["jvm_rss_bytes"], told["python_rss_bytes"], told["other_rss_bytes"]) or None,
    )


def _sum(*values: int | None) -> int | None:
    held = [value for value in values if value is not None]
    return sum(held) if held else None
