"""The plans of an application's SQL executions, with the figures of their nodes and the stages that ran them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..schemas.logs import EventLogTables

# org.apache.spark.sql.execution.exchange.Exchange: `[plan_id=84]`; the number of a WholeStageCodegen
_CHANGING = re.compile(r",? ?\[plan_id=\d+\]|,? ?\[id=#\d+\]")


@dataclass(slots=True)
class PlanNode:
    """One node of a plan. `children` are in the order of the plan, `metrics` are totals by name, and `stages` are the
    ids of the stages whose tasks measured it."""

    execution_id: int
    node_id: int
    name: str
    description: str
    codegen_id: int | None
    rows: int | None
    bytes: int | None
    time_ms: int | None
    stages: tuple[int, ...]
    children: list["PlanNode"] = field(default_factory=list)
    parents: list["PlanNode"] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)

    @property
    def is_exchange(self) -> bool:
        """Whether a shuffle or a broadcast is between this node and its children, so that other stages run those."""
        return "Exchange" in self.name

    @property
    def signature(self) -> str:
        """The description without the ids that differ between two plans of the same data frame."""
        return _CHANGING.sub("", self.description)


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """The final plan of one SQL execution; `nodes` are from the root down."""

    execution_id: int
    nodes: Mapping[int, PlanNode]

    def __iter__(self) -> Iterator[PlanNode]:
        return iter(self.nodes.values())

    def stages_of(self, node: PlanNode) -> tuple[int, ...]:
        """The stages that ran a node. One without metrics ran where its codegen or its input did."""
        if node.stages and not node.is_exchange:
            return node.stages
        if node.codegen_id is not None and self.nodes[node.codegen_id].stages:
            return self.nodes[node.codegen_id].stages
        for child in node.children:
            if not child.is_exchange and (found := self.stages_of(child)):
                return found
        return node.stages


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


def query_plans(tables: EventLogTables) -> list[QueryPlan]:
    """The plans of all SQL executions that `sql_nodes` holds, by execution."""
    plans: dict[int, dict[int, PlanNode]] = {}
    rows = tables["sql_nodes"].to_pylist()
    for row in rows:
        node = PlanNode(
            row["execution_id"],
            row["node_id"],
            row["name"] or "",
            row["description"] or "",
            row["codegen_id"],
            row["output_rows"],
            row["data_bytes"],
            row["time_ms"],
            tuple(row["stage_ids"] or ()),
        )
        plans.setdefault(node.execution_id, {})[node.node_id] = node
    for row in rows:  # in the order of node ids, which is that of the children
        node = plans[row["execution_id"]][row["node_id"]]
        for parent_id in row["parent_ids"] or ():
            parent = plans[row["execution_id"]].get(parent_id)
            if parent is not None and parent is not node:
                parent.children.append(node)
                node.parents.append(parent)
    metrics = tables["sql_metrics"]
    columns = (metrics[name].to_pylist() for name in ("execution_id", "node_id", "name", "total"))
    for execution_id, node_id, name, total in zip(*columns, strict=True):
        owner = plans.get(execution_id, {}).get(node_id)
        if owner is not None and total is not None:
            owner.metrics[name] = total
    return [QueryPlan(execution_id, nodes) for execution_id, nodes in sorted(plans.items())]
