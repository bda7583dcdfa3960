"""The plans of an application's SQL executions, with the figures of their nodes and the stages that ran them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..schemas.logs import EventLogTables
from . import arrow

_COLUMNS = (
    "execution_id",
    "node_id",
    "name",
    "description",
    "codegen_id",
    "output_rows",
    "data_bytes",
    "stage_ids",
    "parent_ids",
)
_METRIC_COLUMNS = ("execution_id", "node_id", "name", "total", "median", "max", "max_task_id")
# org.apache.spark.sql.execution: FileSourceScanLike, SortExec, exchange.BroadcastExchangeExec
FILES_READ, SORT_TIME, DATA_SIZE = "number of files read", "sort time", "data size"
FILES_WRITTEN, OUTPUT_BYTES = "number of written files", "written output"  # BasicWriteJobStatsTracker
BROADCAST_TIMES = ("time to collect", "time to build", "time to broadcast")
ROWS = "number of output rows"
USED_METRICS = (ROWS, FILES_READ, FILES_WRITTEN, OUTPUT_BYTES, SORT_TIME, DATA_SIZE, *BROADCAST_TIMES)
"""The metrics that rules need beside the columns of sql_nodes. A plan has thousands of others."""


class RowSpread(NamedTuple):
    """How the rows that a node returned are spread over its tasks. `task_id` is the task that returned most."""

    median: int
    most: int
    task_id: int


@dataclass(slots=True)
class PlanNode:
    """One node of a plan. `children` are in the order of the plan. `metrics` are the totals of USED_METRICS by name,
    `stages` the ids of the stages whose tasks measured it, and `spread` is that of its rows."""

    execution_id: int
    node_id: int
    name: str
    description: str
    codegen_id: int | None
    rows: int | None
    bytes: int | None
    stages: tuple[int, ...]
    children: list["PlanNode"] = field(default_factory=list)
    parents: list["PlanNode"] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)
    spread: "RowSpread | None" = None

    @property
    def is_exchange(self) -> bool:
        """Whether a shuffle or a broadcast is between this node and its children, so that other stages run those."""
        return "Exchange" in self.name


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """The final plan of one SQL execution; `nodes` are from the root down, `placed` are the stages that ran each."""

    execution_id: int
    nodes: Mapping[int, PlanNode]
    placed: Mapping[int, tuple[int, ...]]

    def __iter__(self) -> Iterator[PlanNode]:
        return iter(self.nodes.values())

    def stages_of(self, node: PlanNode) -> tuple[int, ...]:
        """The stages that ran a node; those that write an exchange and those that read it. A node without metrics ran
        where its codegen or its input did."""
        return self.placed.get(node.node_id, ())


def below(node: PlanNode, through_exchanges: bool = True) -> Iterator[PlanNode]:
    """The nodes that a node reads from, directly or not; without those of other stages where that is wanted."""
    pending, seen = list(node.children), set[int]()
    while pending:
        one = pending.pop()
        if one.node_id in seen or (one.is_exchange and not through_exchanges):
            continue
        seen.add(one.node_id)
        yield one
        pending.extend(reversed(one.children))


def rows_of(node: PlanNode) -> int | None:
    """The rows that a node returns; for one that does not count them, those of its only input."""
    while node.rows is None:
        if len(node.children) != 1:
            return None
        node = node.children[0]
    return node.rows


def query_plans(tables: EventLogTables) -> list[QueryPlan]:
    """The plans of all SQL executions that `sql_nodes` holds, by execution."""
    plans: dict[int, dict[int, PlanNode]] = {}
    edges: list[tuple[PlanNode, int]] = []
    table = tables["sql_nodes"]
    for execution_id, node_id, name, description, codegen_id, rows, size, stages, parents in zip(
        *(table[column].to_pylist() for column in _COLUMNS), strict=True
    ):
        nodes = plans.setdefault(execution_id, {})
        nodes[node_id] = PlanNode(
            execution_id, node_id, name or "", description or "", codegen_id, rows, size, tuple(stages or ())
        )
        for parent_id in parents or ():
            edges.append((nodes[node_id], parent_id))
    for node, parent_id in edges:  # in the order of node ids, which is that of the children
        parent = plans[node.execution_id].get(parent_id)
        if parent is not None and parent is not node:
            parent.children.append(node)
            node.parents.append(parent)
    metrics = tables["sql_metrics"]
    metrics = metrics.filter(arrow.from_numpy(arrow.equals(metrics, "name", *USED_METRICS), "bool"))
    columns = (metrics[name].to_pylist() for name in _METRIC_COLUMNS)
    for execution_id, node_id, name, total, median, most, task_id in zip(*columns, strict=True):
        owner = plans.get(execution_id, {}).get(node_id)
        if owner is not None and total is not None:
            owner.metrics[name] = total
            if name == ROWS and task_id is not None:
                owner.spread = RowSpread(median, most, task_id)
    return [QueryPlan(execution_id, nodes, _placed(nodes)) for execution_id, nodes in sorted(plans.items())]


def _placed(nodes: Mapping[int, PlanNode]) -> Mapping[int, tuple[int, ...]]:
    """Node -> the stages that ran it. Children have higher ids, except exchanges that are reused."""
    placed: dict[int, tuple[int, ...]] = {}
    for node_id in sorted(nodes, reverse=True):
        node = nodes[node_id]
        cluster = nodes.get(node.codegen_id) if node.codegen_id is not None else None
        if node.stages:
            placed[node_id] = node.stages
        elif cluster is not None and cluster.stages:
            placed[node_id] = cluster.stages
        else:
            inputs = (placed.get(child.node_id, ()) for child in node.children if not child.is_exchange)
            placed[node_id] = next(filter(None, inputs), ())
    return placed
