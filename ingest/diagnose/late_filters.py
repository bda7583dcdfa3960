"""Find scans of files of which a filter right above keeps few rows."""

from collections.abc import Iterator

from ...schemas import spark
from ..application_view import ApplicationView
from ..query_plans import PlanNode, QueryPlan
from ..units import count, seconds, share
from .ranking import Candidate, about_stage

# Operators between a scan and its filter that change no row: org.apache.spark.sql.execution.ColumnarToRowExec
_BETWEEN = ("Project", "ColumnarToRow", "InputAdapter")


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding per source, about all scans of it whose rows a filter drops."""
    found: dict[str, list[tuple[QueryPlan, PlanNode, PlanNode]]] = {}
    for plan in app.plans:
        for node in plan:
            scan = _scan(node) if node.name == "Filter" else None
            if scan is not None and _drops(app, node, scan):
                found.setdefault(source(scan), []).append((plan, node, scan))
    for scans in found.values():
        yield from _of_source(app, scans)


def source(node: PlanNode) -> str:
    """The format and the location of a scan, without its columns."""
    _, _, location = node.description.partition("Location: ")
    return f"{node.name} {location.split(', Partition')[0]}" if location else node.name


def _scan(node: PlanNode) -> PlanNode | None:
    """The scan of files that a filter reads, without a node between that changes the number of rows."""
    while len(node.children) == 1:
        (node,) = node.children
        if node.name.startswith(spark.SCAN_NODES):
            return node if "Location: " in node.description else None
        if node.name not in _BETWEEN:
            return None
    return None


def _drops(app: ApplicationView, node: PlanNode, scan: PlanNode) -> bool:
    rows, kept = scan.rows or 0, node.rows
    if kept is None or rows < app.threshold("late_filter", "rows"):
        return False
    return kept * app.threshold("late_filter", "rows_ratio") <= rows


def _of_source(app: ApplicationView, scans: list[tuple[QueryPlan, PlanNode, PlanNode]]) -> Iterator[Candidate]:
    spent: dict[int, float] = {}
    for plan, node, scan in scans:
        for stage_id in plan.stages_of(scan):
            for stage in app.stages_by_id.get(stage_id, ()):
                start, end = app.span(stage)
                spent[stage] = max(spent.get(stage, 0.0), (end - start) * (1 - (node.rows or 0) / (scan.rows or 1)))
    if not spent:
        return
    worst = max(spent, key=lambda stage: spent[stage])
    _, node, scan = max(scans, key=lambda one: one[2].rows or 0)
    total = sum(app.span(stage)[1] - app.span(stage)[0] for stage in spent)
    more = "" if len(scans) == 1 else f" in each of {count(len(scans))} scans"
    yield Candidate(
        "late_filter",
        sum(spent.values()),
        message=f"It read {count(scan.rows or 0)} rows{more}, of which a filter kept "
        f"{share((node.rows or 0) / (scan.rows or 1))}. The stage{'' if len(spent) == 1 else 's'} took "
        f"{seconds(total / 1e3)}. {node.description[:200]}",
        figures={"rows": scan.rows, "kept_rows": node.rows, "num_scans": len(scans), "node_id": scan.node_id}
        | {
            "sql_execution_id": scan.execution_id,
            "stages": [app.stage_identity(stage) for stage in sorted(spent)][:50],
        },
        stages=tuple(sorted(spent)),
        **{**about_stage(app, worst), "group": None},
    )
