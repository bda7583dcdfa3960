"""Find joins that shuffle a large side beside a small one, and broadcasts of much data."""

import re
from collections.abc import Iterator

from ...schemas import spark
from ..application_view import ApplicationView
from ..query_plans import BROADCAST_TIMES, DATA_SIZE, SORT_TIME, PlanNode, QueryPlan, rows_of
from ..units import seconds, size
from .ranking import Candidate, about_stage

# org.apache.spark.sql.catalyst.optimizer.JoinSelectionHelper.canBuildBroadcastLeft, canBuildBroadcastRight
_LEFT = re.compile(r"\b(Inner|Cross|RightOuter)\b")
_RIGHT = re.compile(r"\b(Inner|Cross|LeftOuter|LeftSemi|LeftAnti|ExistenceJoin)\b")


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings about joins and broadcasts of SQL plans."""
    for plan in app.plans:
        for node in plan:
            if node.name in ("SortMergeJoin", "ShuffledHashJoin") and len(node.children) == 2:
                yield from _missed(app, plan, node)
            elif node.name == spark.BROADCAST_NODE:
                yield from _large(app, plan, node)


def _exchange(node: PlanNode) -> PlanNode | None:
    """The shuffle of one side of a join, below its sort."""
    while node.name != "Exchange":
        if len(node.children) != 1:
            return None
        node = node.children[0]
    return node


def _missed(app: ApplicationView, plan: QueryPlan, node: PlanNode) -> Iterator[Candidate]:
    left, right = (_exchange(child) for child in node.children)
    if left is None or right is None:
        return
    small, large, may = (left, right, _LEFT) if (left.bytes or 0) < (right.bytes or 0) else (right, left, _RIGHT)
    if (
        not may.search(node.description)
        or not small.bytes
        or small.bytes > app.threshold("broadcast_missed", "small_bytes")
        or (large.bytes or 0) < app.threshold("broadcast_missed", "large_bytes")
    ):
        return
    writing = [at for stage in large.stages for at in app.stages_by_id.get(stage, ())]
    joining = [at for stage in plan.stages_of(node) for at in app.stages_by_id.get(stage, ())]
    if not writing or not joining:
        return
    fetched = app.sums(app.within_run_time("shuffle_fetch_wait_ms"))
    written = app.sums(app.column("shuffle_write_time_ns")) / 1e6
    sorting = node.children[0 if large is left else 1].metrics.get(SORT_TIME, 0)
    cost = sum(float(written[at] / app.at_once[at]) for at in writing)
    read, joined = rows_of(large) or 0, rows_of(node) or 0
    run = app.sums(app.column("executor_run_time_ms"))
    for at in joining:
        # a row that is read from the shuffle, sorted and merged costs its stage what a row of the result costs
        through_shuffle = run[at] * read / max(read + joined, 1)
        cost += float(max(fetched[at] + sorting / len(joining), through_shuffle) / app.at_once[at])
    worst = max(joining, key=lambda at: app.span(at)[1] - app.span(at)[0])
    yield Candidate(
        "broadcast_missed",
        cost,
        message=f"{node.name} shuffled {size(large.bytes or 0)} to join them with {size(small.bytes)}, which fit into "
        f"a broadcast. {node.description[:200]}",
        figures={"sql_execution_id": node.execution_id, "node_id": node.node_id}
        | {"small_bytes": small.bytes, "large_bytes": large.bytes},
        stages=tuple(sorted({*writing, *joining})),
        **{**about_stage(app, worst), "group": None},
    )


def _large(app: ApplicationView, plan: QueryPlan, node: PlanNode) -> Iterator[Candidate]:
    sent = node.metrics.get(DATA_SIZE, 0)
    if sent < app.threshold("large_broadcast", "broadcast_bytes"):
        return
    took = sum(node.metrics.get(name, 0) for name in BROADCAST_TIMES)
    stages = [
        at for child in node.children for stage in plan.stages_of(child) for at in app.stages_by_id.get(stage, ())
    ]
    if not stages:
        return
    worst = max(stages, key=lambda at: app.span(at)[1] - app.span(at)[0])
    yield Candidate(
        "large_broadcast",
        float(took),
        message=f"The driver collected and broadcast {size(sent)} in {seconds(took / 1e3)}. {node.description[:200]}",
        figures={"sql_execution_id": node.execution_id, "node_id": node.node_id, "bytes": sent, "took_ms": took},
        stages=tuple(stages),
        driver_ms=float(took),
        **{**about_stage(app, worst), "group": None},
    )
