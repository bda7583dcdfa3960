"""Find joins and explodes that multiply rows, and joins that compare every pair of rows."""

from collections.abc import Iterator

from ...schemas import spark
from ..application_view import ApplicationView
from ..query_plans import PlanNode, QueryPlan, rows_of
from ..units import count
from .ranking import Candidate, about_stage


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings about the nodes of SQL plans that output many more rows than they read."""
    for plan in app.plans:
        for node in plan:
            if node.name != spark.GENERATE_NODE and not spark.JOIN_NODE.search(node.name):
                continue
            sides = [rows_of(child) for child in node.children]
            if any(rows is None for rows in sides) or not sides:
                continue
            inputs = [rows for rows in sides if rows is not None]
            if node.name in spark.PAIRING_NODES and len(inputs) == 2:
                yield from _pairs(app, plan, node, inputs)
            else:
                yield from _multiplied(app, plan, node, max(inputs))


def _pairs(app: ApplicationView, plan: QueryPlan, node: PlanNode, inputs: list[int]) -> Iterator[Candidate]:
    few, many = sorted(inputs)
    if few < app.threshold("cartesian_product", "rows") or few * many < app.threshold("cartesian_product", "pairs"):
        return
    yield from _about(
        app,
        plan,
        node,
        "cartesian_product",
        1 - (few + many) / (few * many),
        f"The node {node.name} compared {count(many)} rows with {count(few)} rows each.",
    )


def _multiplied(app: ApplicationView, plan: QueryPlan, node: PlanNode, read: int) -> Iterator[Candidate]:
    returned = node.rows or 0
    ratio = app.threshold("multiplied_rows", "rows_ratio")
    if returned < app.threshold("multiplied_rows", "rows") or returned < ratio * max(read, 1):
        return
    if not any((rows := above.rows) is not None and rows * ratio <= returned for above in _above(node)):
        return  # the rows are the result
    yield from _about(
        app,
        plan,
        node,
        "multiplied_rows",
        1 - read / returned,
        f"The node {node.name} made {count(returned)} rows of {count(read)}, which a later node reduces again.",
    )


def _above(node: PlanNode) -> Iterator[PlanNode]:
    pending, seen = list(node.parents), set[int]()
    while pending:
        one = pending.pop()
        if one.node_id not in seen:
            seen.add(one.node_id)
            yield one
            pending.extend(one.parents)


def _about(
    app: ApplicationView, plan: QueryPlan, node: PlanNode, code: str, share: float, message: str
) -> Iterator[Candidate]:
    """One candidate for the stages that ran the node, whose time depends on the rows."""
    stages = [at for stage in plan.stages_of(node) for at in app.stages_by_id.get(stage, ())]
    if not stages:
        return
    took = {stage: app.span(stage)[1] - app.span(stage)[0] for stage in stages}
    worst = max(took, key=lambda stage: took[stage])
    yield Candidate(
        code,
        sum(took.values()) * share,
        message=f"{message} {node.description[:200]}",
        figures={"sql_execution_id": node.execution_id, "node_id": node.node_id, "rows": node.rows}
        | {"input_rows": [rows_of(child) for child in node.children]},
        stages=tuple(stages),
        **{**about_stage(app, worst), "group": None},
    )
