"""SQL executions as cards: the plan as a tree of operators with rows, bytes, time and spill."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...schemas.report import REPORT_QUERIES, REPORT_QUERY_NODES
from ..run_names import plain_text, short_call_site
from ..task_arrays import Row
from ..units import count, seconds, size
from .payload import short_name
from .report_data import ReportData

_TEXT, _INDENT_PX = 200, 360


@dataclass(frozen=True, slots=True)
class QueryNode:
    """One operator of a plan. `depth` is its distance from the root, `reused` that it is shown elsewhere too.

    `expensive` marks the operator that measured the most time of its query.
    """

    depth: int
    name: str
    detail: str
    rows: str
    data: str
    time: str
    spill: str
    expensive: bool
    reused: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One SQL execution. `stages` are id, name and run key of those that its jobs ran. `costly` names the operator with
    the most time. `left` is the number of operators beyond the limit of the card, `indent_px` how far an operator is to
    the right of its parent."""

    number: int
    title: str
    time: str
    failed: str
    stages: Sequence[tuple[str, str, str]]
    nodes: Sequence[QueryNode]
    left: int
    indent_px: int
    costly: str


def queries(data: ReportData) -> list[Query]:
    """The longest SQL executions that have a plan, at most REPORT_QUERIES."""
    nodes: dict[int, list[Row]] = {}
    for row in data.app.tables["sql_nodes"].to_pylist():
        nodes.setdefault(row["execution_id"], []).append(row)
    held = [row for row in data.app.tables["sql_executions"].to_pylist() if row["execution_id"] in nodes]
    held.sort(key=lambda row: (-(row["duration_ms"] or 0), row["execution_id"]))
    stages = _stages(data)
    return [
        _query(row, nodes[row["execution_id"]], stages.get(row["execution_id"], [])) for row in held[:REPORT_QUERIES]
    ]


def number_of_queries(data: ReportData) -> int:
    """The SQL executions of the application."""
    number: int = data.app.tables["sql_executions"].num_rows
    return number


def _query(row: Row, nodes: Sequence[Row], stages: Sequence[tuple[str, str, str]]) -> Query:
    most = max((node["time_ms"] or 0 for node in nodes), default=0)
    shown = list(_tree(nodes, most))
    return Query(
        row["execution_id"],
        short_call_site(plain_text(row["description"]))[:_TEXT] or "no description",
        seconds(row["duration_ms"] / 1e3) if row["duration_ms"] is not None else "no end in the log",
        (row["error_message"] or "failed")[:_TEXT] if row["status"] == "FAILED" else "",
        stages,
        shown[:REPORT_QUERY_NODES],
        max(len(shown) - REPORT_QUERY_NODES, 0),
        min(12, _INDENT_PX // max(*(node.depth for node in shown), 1)) if shown else 12,
        next((f"{node.name} {node.time}" for node in shown if node.expensive), ""),
    )


def _tree(nodes: Sequence[Row], most: int) -> Iterator[QueryNode]:
    """The operators from the root down, children after their parent. A reused one is expanded once."""
    children: dict[int | None, list[Row]] = {}
    for node in nodes:
        for parent in node["parent_ids"] or [None]:
            children.setdefault(parent, []).append(node)
    seen: set[int] = set()
    pending = [(0, node) for node in reversed(children.get(None, []))]
    while pending:
        depth, node = pending.pop()
        again = node["node_id"] in seen
        seen.add(node["node_id"])
        yield _node(depth, node, most, again)
        if not again:
            pending.extend((depth + 1, child) for child in reversed(children.get(node["node_id"], [])))


def _node(depth: int, node: Row, most: int, reused: bool) -> QueryNode:
    figures: Mapping[str, int] = {
        name: node[name] or 0 for name in ("output_rows", "data_bytes", "time_ms", "spill_bytes")
    }
    return QueryNode(
        depth,
        node["name"],
        " ".join((node["description"] or "").removeprefix(node["name"]).split())[:_TEXT],
        count(figures["output_rows"]) if node["output_rows"] is not None else "",
        size(figures["data_bytes"]) if figures["data_bytes"] else "",
        seconds(figures["time_ms"] / 1e3) if figures["time_ms"] else "",
        size(figures["spill_bytes"]) if figures["spill_bytes"] else "",
        bool(most) and figures["time_ms"] == most,
        reused,
    )


def _stages(data: ReportData) -> dict[int, list[tuple[str, str, str]]]:
    """SQL execution -> id, name and run key of the stages that ran for its jobs."""
    names = ((run, short_name(run, 80)) for run in data.stages)
    titles = {run.tags.get("spark.stage.id"): (name.split(" ", 1)[0], name, run.key) for run, name in names}
    found: dict[int, list[tuple[str, str, str]]] = {}
    for job in data.app.jobs:
        execution = job["sql_execution_id"]
        if execution is None:
            continue
        for stage in data.app.stages_of_job.get(job["job_id"], []):
            title = titles.get(data.app.stage_identity(stage))
            if title is not None:
                found.setdefault(execution, []).append(title)
    return found
