"""Find data frames and RDDs that several actions compute from their source again."""

import re
from collections.abc import Iterator, Mapping

from ..application_view import ApplicationView
from ..query_plans import QueryPlan, below
from ..units import count, seconds
from .ranking import Candidate, about_stage

# An alias keeps its expression id in every plan of the same data frame (org.apache.spark.sql.catalyst.NamedExpression)
_ALIAS = re.compile(r"\bAS ([^\s,\]()]+#\d+)")
# Python functions get a column of their own in each plan: pythonUDF0#12
_GENERATED = re.compile(r"pythonUDF\d+#|_w\d+#|_gen_alias|_rand#|_groupingexpression#|_common_expr")


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return one finding per data frame or RDD. Searches have a rule of their own."""
    found: dict[tuple[int, ...], tuple[str, int]] = {}
    searching = {job["job_id"] for job in app.jobs if job["tuning_uid"] or app.is_batch(job)}
    least = max(int(app.threshold("recomputed", "times")), 2)
    for what, of_action in {**_columns(app), **_sources(app)}.items():
        own = {action: stages for action, stages in of_action.items() if stages}
        stages = tuple(sorted({stage for stages in own.values() for stage in stages}))
        if len(own) < least or any(app.stages[stage]["job_id"] in searching for stage in stages):
            continue
        if stages not in found or what < found[stages][0]:
            found[stages] = (what, len(own))
    covered: set[int] = set()
    for stages in sorted(found, key=lambda stages: -_cost(app, stages)):
        if covered.isdisjoint(stages):
            covered.update(stages)
            what, times = found[stages]
            yield _candidate(app, stages, what, times)


def _columns(app: ApplicationView) -> Mapping[str, dict[int, list[int]]]:
    """Column with its expression id -> execution -> the stages that computed it."""
    found: dict[str, dict[int, list[int]]] = {}
    for plan in app.plans:
        cached = _cached(plan)
        for node in plan:
            if node.node_id in cached or node.name != "Project":
                continue
            stages = [at for stage in plan.stages_of(node) for at in app.stages_by_id.get(stage, ())]
            for column in set(_ALIAS.findall(node.description)) if stages else ():
                if not _GENERATED.search(column):
                    found.setdefault(f"column {column}", {}).setdefault(plan.execution_id, []).extend(stages)
    return found


def _cached(plan: QueryPlan) -> set[int]:
    """The nodes below the scan of a cached data frame. They ran, if at all, in the execution that filled the cache."""
    return {child.node_id for node in plan if node.name == "InMemoryTableScan" for child in below(node)}


def _sources(app: ApplicationView) -> Mapping[str, dict[int, list[int]]]:
    """RDD without a parent -> job -> the stages that read it. Each action on a data frame has RDDs of its own."""
    found: dict[str, dict[int, list[int]]] = {}
    for stage, row in enumerate(app.stages):
        if row["source_rdd_ids"] and not row["persisted_rdd_ids"] and not row["stage_attempt"]:
            for rdd in row["source_rdd_ids"]:
                found.setdefault(f"RDD {rdd}", {}).setdefault(row["job_id"], []).append(stage)
    return found


def _took(app: ApplicationView, stage: int) -> float:
    start, end = app.span(stage)
    return float(end - start)


def _cost(app: ApplicationView, stages: tuple[int, ...]) -> float:
    """Every stage but the longest took at least as long as the data; the shortest that is no exception bounds it.

    A stage that takes less than `part_ratio` of the longest computed only a part of the data, for example after a
    filter, and is left out."""
    took = sorted((_took(app, stage) for stage in stages), reverse=True)
    whole = [ms for ms in took if ms >= app.threshold("recomputed", "part_ratio") * took[0]]
    if len(whole) < max(int(app.threshold("recomputed", "times")), 2):
        return 0.0
    return (len(whole) - 1) * whole[-1] * app.threshold("recomputed", "saved_ratio")


def _candidate(app: ApplicationView, stages: tuple[int, ...], what: str, times: int) -> Candidate:
    worst = max(stages, key=lambda stage: _took(app, stage))
    total = sum(_took(app, stage) for stage in stages)
    named = ", ".join(app.stage_identity(stage) for stage in stages[:8]) + (", …" if len(stages) > 8 else "")
    return Candidate(
        "recomputed",
        _cost(app, stages),
        message=f"{count(times)} actions computed {what} again, in the stages {named}; they took "
        f"{seconds(total / 1e3)} together.",
        figures={"num_actions": times, "total_ms": total, "stages": [app.stage_identity(s) for s in stages[:50]]},
        stages=stages,
        **{**about_stage(app, worst), "group": None},
    )
