"""What no log can make Afterglow state: negative metrics, shares above 1, runs outside their parents."""

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_view
from afterglow.ingest.report import draw_report
from afterglow.schemas.runs.tree import Run
from afterglow.schemas.tables import TABLES

from .event_strategies import small_lines

_PERCENT = re.compile(r"(\d[\d,]*) %")
_TIMES = re.compile(r"Time|Timestamp|time")
_CLOCKS: tuple[Callable[[int], int], ...] = (
    lambda ms: ms * 1000,
    lambda ms: ms * 1_000_000,
    lambda ms: ms + 2**60,
    lambda ms: ms + 2**47,
    lambda ms: ms // 1000,
    lambda ms: ms - ms % 1000 + ms % 2,
)
"""Microseconds, nanoseconds, far futures, seconds, and hardly any time between two events."""


def impossible(app: ApplicationView, report: bool = True) -> Iterator[str]:
    """Every impossible figure of an application, in words. `report` also draws the report, which divides by times."""
    yield from _in_tables(app)
    yield from _in_findings(app)
    tree = derive(app)
    if report:
        draw_report(tree, app)
    runs = list(tree.all())
    by_key = {run.key: run for run in runs}
    for run in runs:
        yield from _in_run(run, by_key.get(run.parent or ""))


def _in_tables(app: ApplicationView) -> Iterator[str]:
    for table in TABLES:
        for column in table:
            if column.type in ("int64", "int32", "double") and column.unit in ("ms", "ns", "bytes", "records"):
                low = min((v for v in app.tables[table.name][column.name].to_pylist() if v is not None), default=0)
                if low < 0:
                    yield f"{table.name}.{column.name} is {low}"


def _in_findings(app: ApplicationView) -> Iterator[str]:
    for row in app.tables["findings"].to_pylist():
        if row["cost_ms"] is not None and not 0 <= row["cost_ms"] <= app.duration_ms:
            yield f"{row['code']} costs {row['cost_ms']} of {app.duration_ms} ms"
        if any(float(number.replace(",", "")) > 100 for number in _PERCENT.findall(row["message"])):
            yield f"{row['code']}: {row['message']}"
        figures = json.loads(row["figures"])
        if row["code"] == "core_hours":
            total = figures.pop("core_ms")
            if min(figures.values()) < 0 or not math.isclose(sum(figures.values()), total, rel_tol=1e-4, abs_tol=1):
                yield f"core hours {figures} of {total}"
            percents = sum(map(int, _PERCENT.findall(row["message"])))
            if percents != 100:
                yield f"{percents} % in all: {row['message']}"


def _in_run(run: Run, parent: Run | None) -> Iterator[str]:
    history = [(name, value) for name, points in run.history.items() for _, _, value in points]
    for name, value in [*run.metrics.items(), *history]:
        if name.startswith("user/"):  # a user's accumulator may be anything
            continue
        if not math.isfinite(value) or value < 0 or (name.endswith("_ratio") and value > 1):
            yield f"{run.key}: {name} is {value}"
    if run.end_ms is not None and run.end_ms < run.start_ms:
        yield f"{run.key} ends {run.start_ms - run.end_ms} ms before it starts"
    if parent is None:
        return
    if run.start_ms < parent.start_ms:
        yield f"{run.key} starts {parent.start_ms - run.start_ms} ms before {parent.key}"
    if parent.end_ms is not None and (run.end_ms is None or run.end_ms > parent.end_ms):
        yield f"{run.key} ends at {run.end_ms}, {parent.key} at {parent.end_ms}"


def made_log(seed: int) -> bytes:
    """A log with a few contradictions: events dropped, repeated, moved; figures and times replaced."""
    chance = random.Random(seed)
    events = [json.loads(line) for line in small_lines(chance.choice((1, 3)), chance.choice((1, 3, 8)))]
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(events))
        match chance.randrange(8):
            case 0:
                del events[at]
            case 1:
                events.insert(chance.randrange(len(events)), json.loads(json.dumps(events[at])))
            case 2:
                events.insert(chance.randrange(len(events)), events.pop(at))
            case _:
                _contradict(events[at], chance)
    if not chance.randrange(8):
        _move_times(events, chance.choice(_CLOCKS))
    return b"\n".join(json.dumps(event).encode() for event in events)


def _move_times(events: list[dict[str, Any]], clock: Callable[[int], int]) -> None:
    """All moments of a log by another clock, which a check of one moment against the others does not notice."""
    for event in events:
        for inside, key in _numbers(event):
            if inside[key] > 10**12 and _TIMES.search(key):
                inside[key] = clock(inside[key])


def _contradict(event: dict[str, Any], chance: random.Random) -> None:
    places = list(_numbers(event))
    if not places:
        return
    inside, key = chance.choice(places)
    value = inside[key]
    times = [value - 520, value + 400, value - 2**35, value + 2**40, 0, -1, value // 1000, value * 1000]
    others = [-1, 0, value * 1000 + 1, 10**13, 2**53, 2**62, 2**63 - 1, -(2**40)]
    inside[key] = chance.choice(times if _TIMES.search(key) and "Run" not in key and "CPU" not in key else others)


def _numbers(node: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every number in an event that is no id."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, int) and not isinstance(value, bool) and "ID" not in key and "Index" not in key:
                yield node, key
            yield from _numbers(value)
    elif isinstance(node, list):
        for value in node:
            yield from _numbers(value)


def view_of(path: Path) -> ApplicationView:
    """The application whose log is at this path."""
    return read_view(*find_logs([str(path)]))
