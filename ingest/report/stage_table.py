"""Every stage as a row of figures, longest first, for the report's sortable table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...schemas.report import REPORT_TABLE_STAGES
from ..units import count, seconds, size
from .payload import short_name
from .report_data import ReportData

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
    """One stage: its name, whether it failed, and per column the value to sort by and the text to show."""

    name: str
    failed: bool
    cells: Sequence[tuple[float, str]]


def stage_rows(data: ReportData) -> list[StageRow]:
    """The longest stages, at most REPORT_TABLE_STAGES. A figure that did not occur is empty."""
    longest = sorted(data.stages, key=lambda run: (-(run.duration_s or 0.0), run.start_ms, run.key))
    rows = []
    for run in longest[:REPORT_TABLE_STAGES]:
        values = [(run.metrics.get(metric, 0.0), form) for _, metric, form in _COLUMNS]
        cells = [(value, form(value) if value else "") for value, form in values]
        rows.append(StageRow(short_name(run), run.status == "FAILED", cells))
    return rows
