"""The final plan of every SQL execution as the graph that Spark's page draws, with the figures of its metrics.

Sources: org.apache.spark.sql.execution.ui.SparkPlanGraph.buildSparkPlanGraphNode and SQLAppStatusListener.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...schemas.tables import SQL_METRICS, SQL_NODES
from .. import arrow
from ..arrow import Array
from .metric_values import OF_DRIVER, Key, MetricValues, metric_values

_CODEGEN = "WholeStageCodegen"
_ROWS, _SPILL, _PEAK = ("number of output rows",), ("spill size",), ("peak memory",)
_BYTES = ("data size", "size of files read")
# name, type, total, and what MetricValues.figures says of the values
_Figure = tuple[Any, ...]
_NO_SPREAD = (None,) * 7
_NO_FIGURES = (None,) * 5  # rows, bytes, time, spill, peak memory
_PER_MS = {"timing": 1, "nsTiming": 1_000_000}
# Spark before 2.3 wrote the kind of figures into the name: `data size total (min, med, max)`
_SUFFIX = " total (min, med, max)"


Metric = tuple[str, int, str]
"""Name, accumulator and type."""


class _PlanRow(NamedTuple):
    """A row of PLAN_NODES; `metrics` are those that have a value."""

    parent: int
    name: str
    description: str
    metrics: list[Metric]


class SqlNodes(NamedTuple):
    """The tables."""

    nodes: pa.Table
    metrics: pa.Table


def assemble_sql_nodes(rows: Mapping[str, pa.Table]) -> SqlNodes:
    """The graph of every plan of PLAN_NODES, by execution."""
    table = rows.get("plan_nodes")  # read_rows adds it to the rows of events
    if table is None or not table.num_rows:
        return SqlNodes(arrow.from_rows(SQL_NODES, []), arrow.from_rows(SQL_METRICS, []))
    ids, counts = arrow.flattened(table, "metric_ids")
    wanted = set(np.unique(ids).tolist())
    totals, stages = _totals(rows["stage_metrics"], wanted)
    of_tasks = metric_values(rows, wanted)
    if rows["task_updates"].num_rows:
        totals = {}  # tasks have them, without what other attempts of a stage added
    # Up to Spark 2.4 the driver adds to -1, the value of a metric without one (SQLMetric.merge)
    version = next((row["spark_version"] or "" for row in rows["log_start"].to_pylist()), "")
    correction = 1 if version.startswith(("1.", "2.")) else 0
    of_driver: dict[Key, list[int]] = {}
    for row in rows["driver_metrics"].to_pylist():
        if None not in row.values():  # all values of a metric count, as in LiveExecutionData.driverAccumUpdates
            of_driver.setdefault((row["execution_id"], row["metric_id"]), []).append(row["value"])
    known = {*totals, *stages, *(key for _, key in of_tasks), *(key for _, key in of_driver)}
    plans = _plans(table, ids, counts, known)
    nodes: list[Sequence[object]] = []
    metrics: list[Sequence[object]] = []
    for execution in sorted(plans):
        for node in _graph(plans[execution]):
            figures = list(_figures(execution, node, of_tasks, totals, of_driver, correction))
            nodes.append((execution, *_row(node, figures), _measured_in(node, stages)))
            metrics.extend((execution, node.node_id, *figure) for figure in figures)
    return SqlNodes(arrow.from_rows(SQL_NODES, nodes), arrow.from_rows(SQL_METRICS, metrics))


def _plans(table: pa.Table, ids: Array, counts: Array, known: set[int]) -> dict[int, list[_PlanRow]]:
    """Execution -> the nodes of its plan from the root down, with the metrics of `known` accumulators.

    A log of plans has hundreds of thousands of metrics, most of which have no value."""
    kept = np.flatnonzero(np.isin(ids, np.fromiter(known, np.int64, len(known)))) if known else np.empty(0, np.int64)
    owners = np.repeat(np.arange(len(counts)), counts)[kept].tolist()
    at = arrow.from_numpy(kept, "int64")
    named = [_members(table, name).take(at).to_pylist() for name in ("metric_names", "metric_types")]
    of_row: dict[int, list[Metric]] = {}
    for owner, *metric in zip(owners, named[0], ids[kept].tolist(), named[1], strict=True):
        of_row.setdefault(owner, []).append((metric[0], metric[1], metric[2]))
    plans: dict[int, list[_PlanRow]] = {}
    columns = (table[name].to_pylist() for name in ("execution_id", "parent", "name", "description"))
    for number, (execution, parent, name, description) in enumerate(zip(*columns, strict=True)):
        row = _PlanRow(parent, name or "", description or "", of_row.get(number, []))
        plans.setdefault(execution, []).append(row)
    return plans


def _members(table: pa.Table, name: str) -> pa.Array:
    """The members of a list<string> column one after the other."""
    parts = [chunk.flatten() for chunk in table[name].chunks if len(chunk)]
    return pa.concat_arrays(parts) if parts else arrow.to_array([], "string")


def _totals(stage_metrics: pa.Table, wanted: set[int]) -> tuple[dict[int, int], dict[int, list[int]]]:
    """Accumulator id -> its last value, and -> the stages that added to it; of the `wanted` ids only.

    A stage has the driver's values, which hold those of the stages before."""
    if not stage_metrics.num_rows or not wanted:
        return {}, {}
    ids, counts = arrow.flattened(stage_metrics, "metric_ids")
    values, _ = arrow.flattened(stage_metrics, "values")
    owners = np.repeat(arrow.numbers(stage_metrics, "stage_id"), counts)
    kept = np.flatnonzero(np.isin(ids, np.fromiter(wanted, np.int64, len(wanted))))
    totals: dict[int, int] = {}
    stages: dict[int, list[int]] = {}
    for key, value, owner in zip(ids[kept].tolist(), values[kept].tolist(), owners[kept].tolist(), strict=True):
        if value >= 0:
            totals[key] = value
        stages.setdefault(key, []).append(owner)
    return totals, stages


def _measured_in(node: "_Node", stages: Mapping[int, Sequence[int]]) -> list[int]:
    """The stages whose tasks measured the node. An exchange is measured in the stages that write and read it."""
    return sorted({stage for _, accumulator, _ in node.metrics for stage in stages.get(accumulator, ())})


@dataclass(slots=True)
class _Node:
    """A node of the graph."""

    node_id: int
    name: str
    description: str
    codegen_id: int | None
    metrics: list[Metric]
    parents: list[int] = field(default_factory=list)


def _graph(plan: Sequence[_PlanRow]) -> list[_Node]:
    """The nodes of a plan that is given from the root down, by their ids in the graph.

    What only wraps another node (InputAdapter, query stages) is none. A reused exchange or subquery is the same node as
    the first one that is equal to it: name, description and children.
    """
    children: list[list[int]] = [[] for _ in plan]
    for number, row in enumerate(plan):
        if number:
            children[row.parent].append(number)
    equal = _equal_plans(plan, children)
    graph: list[_Node] = []
    reusable: dict[int, _Node] = {}
    pending: list[tuple[int, _Node | None, int | None]] = [(0, None, None)]
    while pending:
        at, parent, codegen = pending.pop()
        name, below = plan[at].name, children[at]
        first = below[0] if below else None
        if name.startswith(_CODEGEN):
            cluster = _node(plan[at], len(graph), None)
            graph.append(cluster)
            pending.extend([] if first is None else [(first, parent, cluster.node_id)])
            continue
        if first is not None and (name in ("InputAdapter", "TableCacheQueryStage") or name.endswith("QueryStage")):
            same = reusable.get(equal[first]) if name in ("BroadcastQueryStage", "ShuffleQueryStage") else None
            if same is None:
                pending.append((first, parent, None))
            elif parent is not None:
                same.parents.append(parent.node_id)
            continue
        if name == "Subquery":
            codegen = None
        same = None
        if name == "Subquery":
            same = reusable.get(equal[at])
        elif name == "ReusedExchange" and first is not None:
            same = reusable.get(equal[first])
        elif name == "ReusedSubquery" and first is not None:
            pending.append((first, parent, codegen))
            continue
        if same is not None:
            if parent is not None:
                same.parents.append(parent.node_id)
            continue
        node = _node(plan[at], len(graph), codegen)
        graph.append(node)
        if "Exchange" in name or name == "Subquery":
            reusable[equal[at]] = node
        if parent is not None:
            node.parents.append(parent.node_id)
        pending.extend((child, node, codegen) for child in reversed(below))
    return graph


def _node(row: _PlanRow, node_id: int, codegen_id: int | None) -> _Node:
    return _Node(node_id, row.name.strip(), row.description, codegen_id, row.metrics)


def _equal_plans(plan: Sequence[_PlanRow], children: Sequence[Sequence[int]]) -> list[int]:
    """A number per node; equal plans have equal numbers (SparkPlanInfo.equals)."""
    numbers: dict[tuple[object, ...], int] = {}
    equal = [0] * len(plan)
    for at in range(len(plan) - 1, -1, -1):  # children come after their parents
        row = plan[at]
        key = (row.name, row.description, tuple(equal[child] for child in children[at]))
        equal[at] = numbers.setdefault(key, len(numbers))
    return equal


def _figures(
    execution: int,
    node: _Node,
    of_tasks: Mapping[Key, MetricValues],
    totals: Mapping[int, int],
    of_driver: Mapping[Key, Sequence[int]],
    correction: int,
) -> Iterator[_Figure]:
    """The metrics that have a value."""
    for name, accumulator, type_ in node.metrics:
        name = name.removesuffix(_SUFFIX)
        driver = of_driver.get((execution, accumulator), ())
        tasks = of_tasks.get((execution, accumulator))
        if tasks is None and driver and accumulator not in totals:
            tasks = OF_DRIVER
        if tasks is not None:
            total, spread = tasks.figures(type_, driver)
            yield name, type_, _total(type_, total), *spread
            continue
        if accumulator in totals:
            total = totals[accumulator] + sum(max(value, 0) for value in driver)
            yield name, type_, _total(type_, total + (correction if type_ in ("size", "timing") else 0)), *_NO_SPREAD


def _total(type_: str, total: int) -> int | None:
    return None if type_ == "average" or total >= 2**63 else total


def _row(node: _Node, figures: Sequence[_Figure]) -> tuple[object, ...]:
    ids = (node.node_id, node.name, node.description, node.parents, node.codegen_id)
    if not figures:
        return (*ids, *_NO_FIGURES)
    named = {name: total for name, _, total, *_ in figures}
    times = [total // _PER_MS[type_] for _, type_, total, *_ in figures if type_ in _PER_MS and total is not None]
    wanted = [next((named[n] for n in names if n in named), None) for names in (_ROWS, _BYTES, _SPILL, _PEAK)]
    rows, size, spill, peak = wanted
    return (*ids, rows, size, sum(times) if times else None, spill, peak)
