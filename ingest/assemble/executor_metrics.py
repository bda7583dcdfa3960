"""How much memory executors used, as the ends of tasks and stages report it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...schemas.spark import EXECUTOR_METRICS as NAMES
from ...schemas.tables import EXECUTOR_METRICS
from .. import arrow
from ..arrow import Array


def measured_at_tasks(ends: pa.Table) -> pa.Table:
    """Rows of the executor_metrics table from TaskEnds, in their order. Spark polls executors now and then, so that
    most tasks, all of whose figures are 0, say nothing."""
    return _rows(ends, "finish_time_ms")


def assemble_executor_metrics(measured: pa.Table, at_stages: pa.Table, stages: pa.Table) -> pa.Table:
    """The executor_metrics table, by time: what tasks reported, and, where spark.eventLog.logStageExecutorMetrics was
    on, stages."""
    if len(at_stages):
        measured = pa.concat_tables([measured, _rows(_with_time(at_stages, stages), "time_ms")])
    if not len(measured):
        return arrow.empty(EXECUTOR_METRICS)
    codes, names = arrow.codes(measured, "executor_id")
    by_name = np.argsort(np.argsort(np.array(names, dtype=object)))
    order = np.lexsort((by_name[codes], arrow.numbers(measured, "time_ms")))
    return arrow.take(measured, order)


def _with_time(events: pa.Table, stages: pa.Table) -> pa.Table:
    """Stages' events with when their stage attempt ended; without a time they cannot be drawn."""
    keys = ("stage_id", "stage_attempt", "completion_time_ms")
    rows = zip(*(stages[name].to_pylist() for name in keys), strict=True)
    ends = {(stage, attempt): time_ms for stage, attempt, time_ms in rows}
    times = [ends.get(key) for key in zip(*(events[name].to_pylist() for name in keys[:2]), strict=True)]
    return events.append_column("time_ms", arrow.to_array(times, "int64"))


def _rows(events: pa.Table, time: str) -> pa.Table:
    # JsonProtocol writes the driver's peaks too, under the id `driver`
    reported = np.logical_or.reduce([arrow.numbers(events, name) > 0 for name in NAMES])
    at = np.flatnonzero(reported & arrow.valid(events, time) & arrow.valid(events, "executor_id"))
    found = arrow.take(events.select(["executor_id", time, *NAMES]), at)
    storage, held = _sum(found, ("on_heap_storage_bytes", "off_heap_storage_bytes"))
    resident, _ = _sum(found, ("jvm_rss_bytes", "python_rss_bytes", "other_rss_bytes"))
    columns = {"executor_id": found["executor_id"], "time_ms": found[time]}
    columns |= {
        name: arrow.from_numpy(values, "int64", there)
        for name, values, there in (
            ("jvm_heap_bytes", *_above_zero(arrow.numbers(found, "jvm_heap_bytes"))),
            ("jvm_off_heap_bytes", *_above_zero(arrow.numbers(found, "jvm_off_heap_bytes"))),
            ("storage_bytes", storage, held),
            ("rss_bytes", *_above_zero(resident)),
        )
    }
    return pa.table([columns[name] for name in EXECUTOR_METRICS.names], schema=arrow.schema(EXECUTOR_METRICS))


def _above_zero(values: Array) -> tuple[Array, Array]:
    return values, values > 0


def _sum(table: pa.Table, names: Sequence[str]) -> tuple[Array, Array]:
    """The sum of the columns, null as 0; and where one of them is there."""
    there = np.logical_or.reduce([arrow.valid(table, name) for name in names])
    return np.add.reduce([arrow.numbers(table, name) for name in names]), there
