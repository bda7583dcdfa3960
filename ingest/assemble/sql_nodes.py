"""The final plan of every SQL execution as the graph that Spark's page draws, with the totals of its metrics.

Sources: org.apache.spark.sql.execution.ui.SparkPlanGraph.buildSparkPlanGraphNode and SQLAppStatusListener.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ...schemas.tables import SQL_METRICS, SQL_NODES
from .. import arrow

_CODEGEN = "WholeStageCodegen"
_ROWS, _SPILL, _PEAK = ("number of output rows",), ("spill size",), ("peak memory",)
_BYTES = ("data size", "size of files read")
_PER_MS = {"timing": 1, "nsTiming": 1_000_000}
# Spark before 2.3 wrote the kind of figures into the name: `data size total (min, med, max)`
_SUFFIX = " total (min, med, max)"


class SqlNodes(NamedTuple):
    """The tables."""

    nodes: pa.Table
    metrics: pa.Table


def assemble_sql_nodes(rows: Mapping[str, pa.Table]) -> SqlNodes:
    """The graph of every plan of PLAN_NODES, by execution."""
    plans: dict[int, list[Mapping[str, object]]] = {}
    for row in rows["plan_nodes"].to_pylist() if "plan_nodes" in rows else ():
        plans.setdefault(row["execution_id"], []).append(row)
    wanted = {key for plan in plans.values() for row in plan for key in row["metric_ids"] or ()}  # type: ignore[attr-defined]
    totals, stages = _totals(rows["stage_metrics"], wanted)
    # Up to Spark 2.4 the driver adds to -1, the value of a metric without one (SQLMetric.merge)
    version = next((row["spark_version"] or "" for row in rows["log_start"].to_pylist()), "")
    correction = 1 if version.startswith(("1.", "2.")) else 0
    of_driver: dict[int, dict[int, int]] = {}
    for row in rows["driver_metrics"].to_pylist():
        if None not in row.values():  # all values of a metric count, as in LiveExecutionData.driverAccumUpdates
            values = of_driver.setdefault(row["execution_id"], {})
            values[row["metric_id"]] = values.get(row["metric_id"], 0) + max(row["value"], 0)
    nodes: list[Sequence[object]] = []
    metrics: list[Sequence[object]] = []
    for execution in sorted(plans):
        driver = of_driver.get(execution, {})
        for node in _graph(plans[execution]):
            figures = list(_figures(node, totals, driver, correction))
            nodes.append((execution, *_row(node, figures), _measured_in(node, stages)))
            metrics.extend((execution, node.node_id, *figure) for figure in figures)
    return SqlNodes(arrow.from_rows(SQL_NODES, nodes), arrow.from_rows(SQL_METRICS, metrics))


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
    """A node of the graph; `metrics` are (name, accumulator id, type)."""

    node_id: int
    name: str
    description: str
    codegen_id: int | None
    metrics: list[tuple[str, int, str]]
    parents: list[int] = field(default_factory=list)


def _graph(plan: Sequence[Mapping[str, object]]) -> list[_Node]:
    """The nodes of a plan that is given from the root down, by their ids in the graph.

    What only wraps another node (InputAdapter, query stages) is none. A reused exchange or subquery is the same node as
    the first one that is equal to it: name, description and children.
    """
    children: list[list[int]] = [[] for _ in plan]
    for number, row in enumerate(plan):
        if number:
            children[int(str(row["parent"]))].append(number)
    equal = _equal_plans(plan, children)
    graph: list[_Node] = []
    reusable: dict[int, _Node] = {}
    pending: list[tuple[int, _Node | None, int | None]] = [(0, None, None)]
    while pending:
        at, parent, codegen = pending.pop()
        name, below = str(plan[at]["name"] or ""), children[at]
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


def _node(row: Mapping[str, object], node_id: int, codegen_id: int | None) -> _Node:
    columns = [list(row[name] or ()) for name in ("metric_names", "metric_ids", "metric_types")]  # type: ignore[call-overload]
    metrics = list(zip(*columns, strict=True))
    return _Node(node_id, str(row["name"] or "").strip(), str(row["description"] or ""), codegen_id, metrics)


def _equal_plans(plan: Sequence[Mapping[str, object]], children: Sequence[Sequence[int]]) -> list[int]:
    """A number per node; equal plans have equal numbers (SparkPlanInfo.equals)."""
    numbers: dict[tuple[object, ...], int] = {}
    equal = [0] * len(plan)
    for at in range(len(plan) - 1, -1, -1):  # children come after their parents
        row = plan[at]
        key = (row["name"], row["description"], tuple(equal[child] for child in children[at]))
        equal[at] = numbers.setdefault(key, len(numbers))
    return equal


def _figures(
    node: _Node, totals: Mapping[int, int], driver: Mapping[int, int], correction: int
) -> Iterator[tuple[str, str, int | None]]:
    """(name, type, total) of the metrics that have a value."""
    for name, accumulator, type_ in node.metrics:
        of_tasks, of_driver = totals.get(accumulator), driver.get(accumulator)
        if of_tasks is None and of_driver is None:
            continue
        total = (of_tasks or 0) + (of_driver or 0)
        if of_tasks is not None and type_ in ("size", "timing"):
            total += correction
        yield name.removesuffix(_SUFFIX), type_, None if type_ == "average" or total >= 2**63 else total


def _row(node: _Node, figures: Sequence[tuple[str, str, int | None]]) -> tuple[object, ...]:
    named = {name: total for name, _, total in figures}
    times = [total // _PER_MS[type_] for _, type_, total in figures if type_ in _PER_MS and total is not None]
    wanted = [next((named[n] for n in names if n in named), None) for names in (_ROWS, _BYTES, _SPILL, _PEAK)]
    rows, size, spill, peak = wanted
    ids = (node.node_id, node.name, node.description, node.parents, node.codegen_id)
    return (*ids, rows, size, sum(times) if times else None, spill, peak)
