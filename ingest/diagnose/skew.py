"""Find stages that wait for a few tasks: skew if those have more data, otherwise stragglers and their causes."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...schemas import spark
from ..application_view import ApplicationView
from ..arrow import Array
from ..units import count, seconds, share, size
from .causes import SIZES, cause_of, more_data, waits
from .makespan import makespan
from .ranking import Candidate, about_stage

_TASKS_PER_STAGE = 10


@dataclass(frozen=True, slots=True)
class Tail:
    """The tasks of one stage: their rows, which of them are long, and the stage's median duration in ms."""

    stage: int
    rows: Array
    long: Array
    median: float


def find(app: ApplicationView, slow_executors: frozenset[str]) -> Iterator[Candidate]:
    """Stragglers on `slow_executors` are covered by the finding about their executor."""
    for tail in _tails(app):
        data = more_data(app, tail.rows, tail.median)
        skewed = tail.long & data.explained
        if skewed.any():
            yield _skew(app, tail, skewed, data.column, data.ratio)
            for row in _longest(app, tail.rows[skewed]):
                yield straggler(
                    app, tail, row, "more data", "skew", {data.column: float(data.ratio[tail.rows == row][0])}
                )
        left = tail.long & ~data.explained
        by_rows = _rows_of_node(app, tail, left)
        if by_rows is not None:
            yield by_rows
            left = left & (app.column("task_id")[tail.rows] != by_rows.figures["task_id"])
        yield from _stragglers(app, tail, left, slow_executors)


def _tails(app: ApplicationView) -> Iterator[Tail]:
    """The stages whose longest tasks are far longer than the median."""
    duration, begin, end = app.column("duration_ms"), app.begin, app.end
    factor = min(app.threshold("skew", "time_ratio"), app.threshold("straggler", "time_ratio"))
    excess = min(app.threshold("skew", "excess_s"), app.threshold("straggler", "excess_s")) * 1e3
    least = min(app.threshold("skew", "tasks"), app.threshold("straggler", "tasks"))
    limit = np.maximum(factor * app.medians, app.medians + excess)
    filled = np.flatnonzero((end > begin) & ~np.isnan(app.medians) & (end - begin >= least))
    for stage in filled.tolist():
        rows = app.rows(stage)
        if duration[rows].max() < limit[stage]:
            continue
        rows = rows[app.succeeded[rows]]
        long = duration[rows] >= limit[stage]
        if len(rows) >= least and long.any():
            yield Tail(stage, rows, long, float(app.medians[stage]))


def _cost(app: ApplicationView, tail: Tail, instead: Array) -> float:
    took = app.column("duration_ms")[tail.rows]
    slots = int(app.at_once[tail.stage])
    return max(makespan(took.tolist(), slots) - makespan(instead.tolist(), slots), 0.0)


def _longest(app: ApplicationView, rows: Array) -> list[int]:
    order = np.argsort(-app.column("duration_ms")[rows], kind="stable")
    ordered: list[int] = rows[order[:_TASKS_PER_STAGE]].tolist()
    return ordered


def _skew(app: ApplicationView, tail: Tail, skewed: Array, column: str, ratio: Array) -> Candidate:
    took = app.column("duration_ms")[tail.rows]
    values = app.column(column)[tail.rows]
    worst = int(np.argmax(np.where(skewed, took, -1)))
    typical = float(np.median(values))
    amount = size if column.endswith("_bytes") else count
    unit = "" if column.endswith("_bytes") else " records"
    verb, what = SIZES[column]
    number = int(skewed.sum())
    message = (
        f"The longest of {count(len(took))} tasks took {seconds(took[worst] / 1e3)}, the median "
        f"{seconds(tail.median / 1e3)}: it {verb} {amount(values[worst])}{unit}{what}, the median task "
        f"{amount(typical)}{unit}."
    )
    if number > 1:
        message += f" In all, {count(number)} tasks are skewed."
    even = took.astype(np.float64)
    even[skewed] = np.minimum(took[skewed], values[skewed] * _normal_rate(took, values, skewed))
    return Candidate(
        "skew",
        _cost(app, tail, np.full(len(took), even.mean())),
        message=message,
        cause=_data_cause(app, tail.stage, column),
        figures={
            "longest_ms": took[worst],
            "median_ms": tail.median,
            "column": column,
            "longest": values[worst],
            "median": typical,
            "ratio": float(ratio[worst]),
            "num_long": number,
            "num_tasks": len(took),
            "task_id": app.column("task_id")[tail.rows[worst]],
        },
        **about_stage(app, tail.stage),
    )


def _normal_rate(took: Array, values: Array, skewed: Array) -> float:
    """The median time per byte or record of the other tasks: one large sort or hash table takes longer than many small
    ones. Infinite where they have no data."""
    others = ~skewed & (values > 0)
    return float(np.median(took[others] / values[others])) if others.any() else math.inf


def _rows_of_node(app: ApplicationView, tail: Tail, left: Array) -> Candidate | None:
    """The longest of the tasks that are `left`, if a node of the plan returned far more rows in it than in others."""
    if not left.any():
        return None
    took = app.column("duration_ms")[tail.rows]
    worst = int(np.argmax(np.where(left, took, -1)))
    task_id = int(app.column("task_id")[tail.rows[worst]])
    nodes = app.nodes_of_stage.get(app.stages[tail.stage]["stage_id"], ())
    uneven = [
        (node, node.spread.most / max(node.spread.median, 1))
        for node in nodes
        if node.spread and node.spread.task_id == task_id and node.spread.most >= app.threshold("skew", "rows")
    ]
    node, ratio = max(uneven, key=lambda one: one[1], default=(None, 0.0))
    if node is None or node.spread is None or ratio < app.threshold("skew", "data_ratio"):
        return None
    if took[worst] > app.threshold("skew", "normal_ratio") * ratio * max(tail.median, 1.0):
        return None
    return Candidate(
        "skew",
        _cost(app, tail, np.full(len(took), took.mean())),
        message=f"The longest of {count(len(took))} tasks took {seconds(took[worst] / 1e3)}, the median "
        f"{seconds(tail.median / 1e3)}: the node {node.name} returned {count(node.spread.most)} rows in it, and "
        f"{count(node.spread.median)} in the median task.",
        cause="rows",
        figures={"longest_ms": took[worst], "median_ms": tail.median, "task_id": task_id, "ratio": ratio}
        | {"node_id": node.node_id, "sql_execution_id": node.execution_id, "num_tasks": len(took)}
        | {"longest": node.spread.most, "median": node.spread.median},
        **about_stage(app, tail.stage),
    )


def _data_cause(app: ApplicationView, stage: int, column: str) -> str:
    if column.startswith("shuffle_read"):
        names = [node.name for node in app.nodes_of_stage.get(app.stages[stage]["stage_id"], ())]
        if any(map(spark.JOIN_NODE.search, names)):
            return "join"
        return "window" if any(map(spark.WINDOW_NODE.match, names)) else "shuffle read"
    return "input" if column.startswith("input") else "written"


def _stragglers(app: ApplicationView, tail: Tail, which: Array, slow_executors: frozenset[str]) -> Iterator[Candidate]:
    chosen = which & app.stragglers[tail.rows]
    if not chosen.any():
        return
    _, names = app.executors
    codes = app.executors[0]
    by_cause: dict[str, list[int]] = {}
    why: dict[int, tuple[str, Mapping[str, float]]] = {}
    for row in tail.rows[chosen].tolist():
        why[row] = cause_of(app, tail.stage, tail.rows, row, tail.median)
        by_cause.setdefault(why[row][0], []).append(row)
    took = app.column("duration_ms")[tail.rows]
    for cause, rows in by_cause.items():
        ordered = _longest(app, np.array(rows))
        known = cause == "slow machine" and all(codes[r] >= 0 and names[codes[r]] in slow_executors for r in rows)
        slow = np.isin(tail.rows, rows)
        # who waits may stop waiting, but what is computed must be computed by others
        instead = np.full(len(took), took.mean()) if cause == "computing" else np.where(slow, tail.median, took)
        cost = _cost(app, tail, instead)
        for number, row in enumerate(ordered):
            covered_by = "slow_executor" if known else "straggler" if number else None
            more = len(rows) - 1 if number == 0 else 0
            yield straggler(app, tail, row, cause, covered_by, why[row][1], cost if number == 0 else None, more)


def straggler(
    app: ApplicationView,
    tail: Tail,
    row: int,
    cause: str,
    covered_by: str | None,
    figures: Mapping[str, float],
    cost: float | None = None,
    more: int = 0,
) -> Candidate:
    """The finding about one task of a stage; `more` others have the same cause. Without `cost`, its excess over the
    median."""
    took = float(app.column("duration_ms")[row])
    code, (hosts, host_names) = app.executors[0][row], app.hosts
    executor = app.executors[1][code] if code >= 0 else None
    where = f" on executor {executor}" if executor else ""
    index = app.column("index")[row]
    message = (
        f"Task {index}{where} took {seconds(took / 1e3)}; the median of its stage is {seconds(tail.median / 1e3)}. "
        f"{_explanation(cause, figures)}."
    )
    if more:
        message += f" {count(more)} more task{' has' if more == 1 else 's have'} the same cause in this stage."
    key = {**about_stage(app, tail.stage), "group": app.stages[tail.stage]["name"]}
    return Candidate(
        "straggler",
        took - tail.median if cost is None else cost,
        message=message,
        cause=cause,
        covered_by=covered_by,
        executor_id=executor,
        host=host_names[hosts[row]] if hosts[row] >= 0 else None,
        task_id=int(app.column("task_id")[row]),
        figures={
            "duration_ms": took,
            "median_ms": tail.median,
            "num_tasks": len(tail.rows),
            "num_like": more,
            **figures,
        },
        **key,
    )


def _explanation(cause: str, figures: Mapping[str, float]) -> str:
    """The cause in words, with the figure that shows it."""
    if cause == "more data":
        name, ratio = next(iter(figures.items()))
        verb, what = SIZES[name]
        unit = "bytes" if name.endswith("_bytes") else "records"
        times = count(ratio) if ratio >= 10 else f"{ratio:.1f}"
        return f"It {verb} {times} times the {unit}{what} of the median task, at a normal speed"
    if cause in waits():
        return f"{seconds(figures['part_ms'] / 1e3)} of the excess is {cause}"
    if cause == "slow machine":
        return f"The executor's other tasks take {figures['others_ratio']:.1f} times as long as elsewhere"
    if cause == "spill":
        return f"It spilled {size(figures['spilled_bytes'])} to disk; the median task spilled nothing"
    if cause == "locality":
        return "It did not run close to its data; most other tasks did"
    doing = figures.get("cpu_ratio")
    if doing is None:
        return "No Spark metric explains it"
    where = f"{share(doing)} of its time on a CPU of the JVM"
    if cause == "computing":
        return f"It was mostly computing ({where}), with no more data than others"
    if cause == "waiting":
        return f"It was mostly waiting ({where})"
    return f"No Spark metric explains it ({where})"
