"""Stages that wait for a few of their tasks: skew, where those have more data, and stragglers with their cause."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..units import count, seconds, share, size
from .causes import SIZES, cause_of, more_data, waits
from .makespan import makespan
from .ranking import Found
from .work import Array, Work

_TOLD_PER_STAGE = 10


@dataclass(frozen=True, slots=True)
class _Tail:
    """The long tasks of one stage: rows, their durations' median, and which of them have more data."""

    stage: int
    rows: Array
    long: Array
    median: float


def find(of: Work, slow_executors: frozenset[str]) -> Iterator[Found]:
    """`slow_executors` have a finding of their own, which counts what their stragglers cost."""
    for tail in _tails(of):
        data = more_data(of, tail.rows, tail.median)
        skewed = tail.long & data.explained
        if skewed.any():
            yield _skew(of, tail, skewed, data.column, data.ratio)
            for row in _dearest(of, tail.rows[skewed]):
                yield _task(of, tail, row, "more data", "skew", {data.column: float(data.ratio[tail.rows == row][0])})
        yield from _stragglers(of, tail, tail.long & ~data.explained, slow_executors)


def _tails(of: Work) -> Iterator[_Tail]:
    """The stages whose longest tasks stand out."""
    duration, begin, end = of.column("duration_ms"), of.begin, of.end
    factor = min(of.at("skew", "time_ratio"), of.at("straggler", "time_ratio"))
    excess = min(of.at("skew", "excess_s"), of.at("straggler", "excess_s")) * 1e3
    least = min(of.at("skew", "tasks"), of.at("straggler", "tasks"))
    limit = np.maximum(factor * of.medians, of.medians + excess)
    filled = np.flatnonzero((end > begin) & ~np.isnan(of.medians) & (end - begin >= least))
    for stage in filled.tolist():
        rows = of.rows(stage)
        if duration[rows].max() < limit[stage]:
            continue
        rows = rows[of.succeeded[rows]]
        long = duration[rows] >= limit[stage]
        if len(rows) >= least and long.any():
            yield _Tail(stage, rows, long, float(of.medians[stage]))


def _chosen(of: Work, tail: _Tail, which: Array, code: str) -> Array:
    """Of these tasks those that are long by the code's own thresholds; none where they are too many to stand out."""
    took = of.column("duration_ms")[tail.rows]
    far = took >= max(
        of.at(code, "time_ratio") * tail.median,
        tail.median + of.at(code, "excess_s") * 1e3,
    )
    chosen = which & far
    few = chosen.sum() <= max(1, of.at(code, "tasks_ratio") * len(tail.rows))
    return chosen if few and len(tail.rows) >= of.at(code, "tasks") else np.zeros(len(chosen), np.bool_)


def _cost(of: Work, tail: _Tail, instead: Array) -> float:
    took = of.column("duration_ms")[tail.rows]
    slots = int(of.at_once[tail.stage])
    return max(makespan(took.tolist(), slots) - makespan(instead.tolist(), slots), 0.0)


def _dearest(of: Work, rows: Array) -> list[int]:
    order = np.argsort(-of.column("duration_ms")[rows], kind="stable")
    ordered: list[int] = rows[order[:_TOLD_PER_STAGE]].tolist()
    return ordered


def _skew(of: Work, tail: _Tail, skewed: Array, column: str, ratio: Array) -> Found:
    took = of.column("duration_ms")[tail.rows]
    values = of.column(column)[tail.rows]
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
        message += f" {count(number)} tasks are like it."
    cost = _cost(of, tail, np.full(len(took), took.mean()))
    return Found(
        "skew",
        cost,
        message=message,
        cause=_data_cause(column),
        figures={
            "longest_ms": took[worst],
            "median_ms": tail.median,
            "column": column,
            "longest": values[worst],
            "median": typical,
            "ratio": float(ratio[worst]),
            "num_long": number,
            "num_tasks": len(took),
            "task_id": of.column("task_id")[tail.rows[worst]],
        },
        **of.key(tail.stage),
    )


def _data_cause(column: str) -> str:
    if column.startswith("shuffle_read"):
        return "shuffle read"
    return "input" if column.startswith("input") else "written"


def _stragglers(of: Work, tail: _Tail, which: Array, slow_executors: frozenset[str]) -> Iterator[Found]:
    chosen = _chosen(of, tail, which & ~of.first_ones[tail.rows] & ~_warming(of, tail), "straggler")
    if not chosen.any():
        return
    _, names = of.executors
    codes = of.executors[0]
    by_cause: dict[str, list[int]] = {}
    why: dict[int, tuple[str, Mapping[str, float]]] = {}
    for row in tail.rows[chosen].tolist():
        why[row] = cause_of(of, tail.stage, tail.rows, row, tail.median)
        by_cause.setdefault(why[row][0], []).append(row)
    took = of.column("duration_ms")[tail.rows]
    for cause, rows in by_cause.items():
        ordered = _dearest(of, np.array(rows))
        known = cause == "slow machine" and all(codes[r] >= 0 and names[codes[r]] in slow_executors for r in rows)
        instead = np.where(np.isin(tail.rows, rows), tail.median, took)
        cost = _cost(of, tail, instead)
        for number, row in enumerate(ordered):
            covered_by = "slow_executor" if known else "straggler" if number else None
            more = len(rows) - 1 if number == 0 else 0
            yield _task(of, tail, row, cause, covered_by, why[row][1], cost if number == 0 else None, more)


def _warming(of: Work, tail: _Tail) -> Array:
    """The stage's first tasks on their executors, where these are all alike: not one of them is the exception."""
    first = of.first_of_stage[tail.rows]
    took = of.column("duration_ms")[tail.rows]
    if not first.any():
        return first
    usual = max(float(np.median(took[first])), tail.median)
    far = max(of.at("straggler", "time_ratio") * usual, usual + of.at("straggler", "excess_s") * 1e3)
    alike: Array = first & (took < far)
    return alike


def _task(
    of: Work,
    tail: _Tail,
    row: int,
    cause: str,
    covered_by: str | None,
    figures: Mapping[str, float],
    cost: float | None = None,
    more: int = 0,
) -> Found:
    took = float(of.column("duration_ms")[row])
    code, (hosts, host_names) = of.executors[0][row], of.hosts
    executor = of.executors[1][code] if code >= 0 else None
    where = f" on executor {executor}" if executor else ""
    index = of.column("index")[row]
    message = (
        f"Task {index}{where} took {seconds(took / 1e3)}, the median of its stage {seconds(tail.median / 1e3)}: "
        f"{_told(cause, figures, took - tail.median)}."
    )
    if more:
        message += f" {count(more)} more task{'' if more == 1 else 's'} of the stage for the same cause."
    key = {**of.key(tail.stage), "group": of.stages[tail.stage]["name"]}
    return Found(
        "straggler",
        took - tail.median if cost is None else cost,
        message=message,
        cause=cause,
        covered_by=covered_by,
        executor_id=executor,
        host=host_names[hosts[row]] if hosts[row] >= 0 else None,
        task_id=int(of.column("task_id")[row]),
        figures={
            "duration_ms": took,
            "median_ms": tail.median,
            "num_tasks": len(tail.rows),
            "num_like": more,
            **figures,
        },
        **key,
    )


def _told(cause: str, figures: Mapping[str, float], excess: float) -> str:
    """The cause in words, with its figure."""
    if cause == "more data":
        name, ratio = next(iter(figures.items()))
        verb, what = SIZES[name]
        unit = "bytes" if name.endswith("_bytes") else "records"
        times = count(ratio) if ratio >= 10 else f"{ratio:.1f}"
        return f"it {verb} {times} times the {unit}{what} of the median task, at a normal speed"
    if cause in waits():
        return f"{seconds(figures['part_ms'] / 1e3)} of the excess are {cause}"
    if cause == "slow machine":
        return f"the executor's other tasks take {figures['others_ratio']:.1f} times as long as elsewhere"
    if cause == "spill":
        return f"it spilled {size(figures['spilled_bytes'])} to disk, the median task nothing"
    if cause == "locality":
        return "it ran far from its data, most others did not"
    doing = figures.get("cpu_ratio")
    if doing is None:
        return "nothing that Spark measures explains it"
    if doing >= 0.7:
        return f"nothing that Spark measures explains it; it computed ({share(doing)} of the time on a CPU)"
    return f"nothing that Spark measures explains it; it mostly waited ({share(doing)} of the time on a CPU)"
