"""Find partitioning that does not fit the cores: tiny tasks, too few partitions, idle cores."""

from collections.abc import Iterator, Set

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..query_plans import PlanNode
from ..units import count, seconds, share
from .batches import in_batches_on_time
from .intervals import spans
from .ranking import Candidate, about_stage
from .speculation import end_of_others, replaced
from .usable_cores import least_ms, usable_cores


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings about stages with tiny tasks or too few tasks."""
    if not len(app):
        return
    yield from _tiny(app)
    yield from _few(app)


def _tiny(app: ApplicationView) -> Iterator[Candidate]:
    run, medians = app.sums(app.column("executor_run_time_ms")), app.median_of("executor_run_time_ms")
    number = app.end - app.begin
    many = number >= app.threshold("tiny_tasks", "tasks_per_core") * app.at_once
    for stage in np.flatnonzero(many & (medians < app.threshold("tiny_tasks", "task_s") * 1e3)).tolist():
        start, end = app.span(stage)
        overhead = end - start - run[stage] / app.at_once[stage]
        if overhead < app.threshold("tiny_tasks", "overhead_ratio") * max(end - start, 1):
            continue
        yield Candidate(
            "tiny_tasks",
            float(overhead),
            message=f"{count(number[stage])} tasks of {seconds(medians[stage] / 1e3)} each: "
            f"{share(overhead / (end - start))} of the stage's {seconds((end - start) / 1e3)} was spent starting them.",
            figures={"num_tasks": number[stage], "median_run_ms": medians[stage], "overhead_ms": overhead},
            **about_stage(app, stage),
        )


def _few(app: ApplicationView) -> Iterator[Candidate]:
    least = app.threshold("few_partitions", "stage_s") * 1e3
    for stage in range(len(app.stages)):
        start, end = app.span(stage)
        end = end_of_others(app, stage, start, end)  # the wait for a slow machine needs no partitions
        planned = app.stages[stage]["num_tasks"] or int(app.end[stage] - app.begin[stage])
        if end - start < least or not planned or stage in app.receivers:
            continue
        capacity = app.timeline.capacity_ms(start, end)
        cores = app.timeline.most_cores(start, end)
        few = planned <= app.threshold("few_partitions", "partitions_ratio") * cores
        if not few or cores < app.threshold("few_partitions", "cores"):
            continue
        idle = max(capacity - app.timeline.busy_ms(start, end), 0.0)
        cause, why = _cause(app, stage, planned)
        if idle < app.threshold("few_partitions", "idle_ratio") * capacity or cause is None:
            continue
        # only computing is spread over more tasks; a task that waits, or starts late, takes as long among more of them
        working = app.working_ms[app.rows(stage)]
        longest = float(working.max(initial=0.0))
        most = max(min(longest - float(working.sum()) / cores, idle / cores), 0.0)
        saved = max(min(longest - least_ms(app, app.rows(stage), cores), most), 0.0)
        yield Candidate(
            "few_partitions",
            saved,
            message=f"{count(planned)} task{'' if planned == 1 else 's'} for {count(cores)} cores{why}: "
            f"{share(idle / capacity)} of the core time was idle during the stage's {seconds((end - start) / 1e3)}. "
            f"More tasks save at most {seconds(most / 1e3)}, if the cores are free."
            + ("" if saved > most / 2 else f" The log shows {count(usable_cores(app, cores))} of them at work."),
            cause=cause,
            figures={"num_tasks": planned, "cores": cores, "idle_core_ms": idle, "stage_ms": end - start}
            | {"at_most_ms": most},
            possible_ms=most,
            **about_stage(app, stage),
        )


def _cause(app: ApplicationView, stage: int, tasks: int) -> tuple[str | None, str]:
    """Why a stage has few tasks, and words about the node of its plan; None if more tasks cannot compute it."""
    row = app.stages[stage]
    nodes = app.nodes_of_stage.get(row["stage_id"], [])
    for node in nodes:
        if node.name == spark.COALESCE_NODE and node.description == f"{spark.COALESCE_NODE} {tasks}":
            return "coalesce", f", from the node {node.description} of the plan"
    of_stage = {(node.execution_id, node.node_id) for node in nodes}
    if tasks == 1 and any(_is_single(node) and not _is_written(node, of_stage) for node in nodes):
        if any(spark.WINDOW_NODE.match(node.name) for node in nodes):
            return "window", ", from a window without a partition"
        return None, ""  # a total, a limit, or an order of few rows
    return ("input" if row["source_rdd_ids"] else "shuffle"), ""


def _is_single(node: PlanNode) -> bool:
    return node.is_exchange and "SinglePartition" in node.description


def _is_written(node: PlanNode, of_stage: Set[tuple[int, int]]) -> bool:
    """Whether a stage of these nodes writes an exchange, and another one reads it."""
    return any((child.execution_id, child.node_id) in of_stage for child in node.children)


def find_idle(app: ApplicationView, explained_ms: float) -> Iterator[Candidate]:
    """Find cores that were idle over the whole application. Other findings explain `explained_ms` of the wall time.

    Not counted are receivers, batches of a stream that waits for the next one, and the wait for a speculative copy.
    """
    if not len(app):
        return
    capacity = busy = 0.0
    working = ~np.isin(app.stage_of, list(app.receivers))  # a receiver runs as long as its application
    working &= ~replaced(app) & ~in_batches_on_time(app)
    for start, end in spans(app.column("launch_time_ms")[working], app.ended[working]):
        capacity += app.timeline.capacity_ms(start, end)
        busy += app.timeline.busy_ms(start, end)
    cores = app.timeline.most_cores(app.start_ms, app.end_ms)
    usable = usable_cores(app, cores)
    capacity *= usable / max(cores, 1)
    whole = app.timeline.capacity_ms(app.start_ms, app.end_ms) * usable / max(cores, 1)
    idle = max(capacity - busy - explained_ms * whole / max(app.duration_ms, 1), 0.0)
    if not capacity or idle < app.threshold("idle_cores", "idle_ratio") * capacity:
        return
    beyond = ", beyond the other findings" if explained_ms else ""
    yield Candidate(
        "idle_cores",
        idle / usable,
        f"application {app.title}",
        f"{share(idle / capacity)} of the core time was idle while tasks ran{beyond}: {seconds(idle / 1e3)} of "
        f"{seconds(capacity / 1e3)} on {count(usable)} cores.",
        figures={"idle_core_ms": idle, "core_ms": capacity, "ratio": idle / capacity, "cores": usable},
        at_most="note" if app.is_interactive else None,  # a shell has the cores for all that its user may type
    )
