"""The last plan of every SQL execution as rows, one per node."""

from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.events import PLAN_NODES
from ...schemas.issues import ImportIssue
from .. import arrow

MAX_NODES = 20_000
"""A log of a streaming application has millions of nodes."""
# Spark cuts the lists in a description (spark.sql.debug.maxToStringFields), but not their elements
_DESCRIPTION_LENGTH = 2_000
_FIRST_ACCUMULATORS = 10_000_000

DecodePlan = Callable[[bytes, int], Any]
"""(compressed plan, its size) -> its root with node_name, simple_string, metrics and children; None if it is broken."""


def plan_nodes(
    rows: Mapping[str, pa.Table], decode_plan: DecodePlan, max_nodes: int = MAX_NODES
) -> tuple[pa.Table, list[ImportIssue]]:
    """PLAN_NODES, in no order of the executions, with the metrics that have a value, which most have not.

    Of more than `max_nodes` nodes the plans of the executions that took longest are decoded, whole, and an issue says
    how many others there are."""
    plans = rows["sql_plans"]
    executions = arrow.numbers(plans, "execution_id").tolist()
    last = {execution: at for at, execution in enumerate(executions)}
    took, has_value = _durations(rows), _with_values(rows)
    found: list[tuple[Any, ...]] = []
    left = 0
    full = False
    for execution in sorted(last, key=lambda execution: (-took.get(execution, 0), execution)):
        if full:
            left += 1
            continue
        plan = plans.slice(last[execution], 1).to_pylist()[0]
        root = decode_plan(plan["plan"], plan["plan_bytes"])
        of_plan = [] if root is None else _rows(execution, root, has_value)
        if of_plan and len(found) + len(of_plan) <= max_nodes:
            found.extend(of_plan)
        else:
            left += 1
            full = 0 < len(of_plan) <= max_nodes
    issues = []
    if left:
        message = f"the plans of {left:,} SQL executions are not in sql_nodes, which holds {max_nodes:,} nodes"
        issues.append(ImportIssue("plans_left_out", message, count=left))
    return arrow.from_rows(PLAN_NODES, found), issues


def _with_values(rows: Mapping[str, pa.Table]) -> set[int]:
    """The accumulators to which a task, a stage or the driver added."""
    ids = [arrow.flattened(rows[name], "metric_ids")[0] for name in ("task_updates", "stage_metrics")]
    ids.append(arrow.numbers(rows["driver_metrics"], "metric_id"))
    return set(np.unique(np.concatenate([_distinct(part) for part in ids])).tolist())


def _distinct(ids: arrow.Array) -> arrow.Array:
    """np.unique, without sorting millions of ids where they are the small numbers that Spark counts up."""
    if not len(ids) or ids.min() < 0 or ids.max() > len(ids) + _FIRST_ACCUMULATORS:
        return np.unique(ids)
    seen = np.zeros(int(ids.max()) + 1, np.bool_)
    seen[ids] = True
    return np.flatnonzero(seen)


def _durations(rows: Mapping[str, pa.Table]) -> dict[int, int]:
    """Execution -> ms; one without an end took longer than any other."""
    starts = {row["execution_id"]: row["submission_time_ms"] for row in rows["sql_start"].select(_START).to_pylist()}
    took = dict.fromkeys(starts, 2**62)
    for row in rows["sql_end"].select(_END).to_pylist():
        start, end = starts.get(row["execution_id"]), row["completion_time_ms"]
        if start is not None and end is not None:
            took[row["execution_id"]] = end - start
    return took


_START, _END = ["execution_id", "submission_time_ms"], ["execution_id", "completion_time_ms"]


def _rows(execution: int, root: Any, has_value: Set[int]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    pending = [(root, -1)]
    while pending:
        node, parent = pending.pop()
        metrics = [metric for metric in node.metrics if metric.accumulator_id in has_value]
        pending.extend((child, len(found)) for child in reversed(node.children))
        found.append(
            (
                execution,
                len(found),
                parent,
                node.node_name,
                node.simple_string[:_DESCRIPTION_LENGTH],
                [metric.name for metric in metrics],
                [metric.accumulator_id for metric in metrics],
                [metric.metric_type for metric in metrics],
            )
        )
    return found
