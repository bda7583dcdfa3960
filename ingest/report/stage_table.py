"""Every stage as a row of figures, longest first, for the report's sortable table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...schemas.report import REPORT_TABLE_STAGES
from ..units import count, seconds, size
from .payload import short_name
from .report_data import ReportData
from .time_breakdown import PARTS, PYTHON, parts

_NAMED, _WORTH_S = 5, 0.1

# heading, metric, how it is shown
_COLUMNS: Sequence[tuple[str, str, Callable[[float], str]]] = (
    ("time", "time/duration_s", seconds),
    ("tasks", "tasks/total", count),
    ("failed", "tasks/failed", count),
    ("p50", "task_duration_s/p50", seconds),
    ("p95", "task_duration_s/p95", seconds),
    ("max", "task_duration_s/max", seconds),
    ("input", "io/input_bytes", size),
    ("shuffle", "shuffle/read_bytes", size),
    ("spill", "spill/disk_bytes", size),
    ("GC", "time/gc_s", seconds),
)
STAGE_COLUMNS = tuple(heading for heading, _, _ in _COLUMNS)


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage: its name, the key of its run, whether it failed, what runs Python functions in it, and per column the
    value to sort by and the text to show."""

    name: str
    key: str
    failed: bool
    python: str
    cells: Sequence[tuple[float, str]]


def stage_rows(data: ReportData) -> list[StageRow]:
    """The longest stages, at most REPORT_TABLE_STAGES. A figure that did not occur is empty."""
    longest = sorted(data.stages, key=lambda run: (-(run.duration_s or 0.0), run.start_ms, run.key))
    operators = python_of_stages(data)
    rows = []
    for run in longest[:REPORT_TABLE_STAGES]:
        values = [(run.metrics.get(metric, 0.0), form) for _, metric, form in _COLUMNS]
        cells = [(value, form(value) if value else "") for value, form in values]
        python = ", ".join(operators.get(run.tags["spark.stage.id"], ()))
        rows.append(StageRow(short_name(run), run.key, run.status == "FAILED", python, cells))
    return rows


def python_of_stages(data: ReportData) -> dict[str, list[str]]:
    """`<stage>.<attempt>` -> what runs Python functions in it."""
    return {data.app.stage_identity(stage): names for stage, names in data.app.python_operators.items()}


def python_time(data: ReportData) -> list[tuple[str, str]]:
    """What runs Python functions, and the time that tasks spent in Python workers for it, most first."""
    app = data.app
    everything = np.arange(len(app))
    spent = parts(app, everything)[:, PARTS.index(PYTHON)]
    totals: dict[str, float] = {}
    for stage, names in app.python_operators.items():
        name = ", ".join(names)
        totals[name] = totals.get(name, 0.0) + float(spent[app.rows(stage)].sum()) / 1e3
    most = sorted(totals.items(), key=lambda one: -one[1])
    return [(name, seconds(time)) for name, time in most[:_NAMED] if time >= _WORTH_S]
