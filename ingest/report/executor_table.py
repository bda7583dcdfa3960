"""The executors and what they cached, as rows of the report."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...schemas.report import REPORT_CACHED, REPORT_EXECUTORS
from ..run_names import plain_text
from ..units import count, seconds, share, size
from .report_data import ReportData

_NAME = 100


@dataclass(frozen=True, slots=True)
class ExecutorRow:
    """One executor. `cells` are cores, added, memory, most storage, tasks, failed, task time and its share of GC;
    `removed` says when it left and why, and is empty for one that stayed."""

    name: str
    cells: Sequence[tuple[float, str]]
    removed: str


EXECUTOR_COLUMNS = ("cores", "added", "memory", "cached at most", "tasks", "failed", "task time", "GC")


def executor_rows(data: ReportData) -> list[ExecutorRow]:
    """The executors, those that were removed first, then by task time; at most REPORT_EXECUTORS."""
    app = data.app
    codes, names = app.executors
    number = len(names)
    failed = np.bincount(np.where(codes < 0, number, codes)[app.with_status("FAILED")], minlength=number + 1)
    gc = np.bincount(np.where(codes < 0, number, codes), weights=app.column("jvm_gc_time_ms"), minlength=number + 1)
    position = {name: i for i, name in enumerate(names)}
    cached: dict[str, int] = {}
    for row in app.tables["executor_metrics"].to_pylist():
        cached[row["executor_id"]] = max(cached.get(row["executor_id"], 0), row["storage_bytes"] or 0)
    executors = sorted(
        app.tables["executors"].to_pylist(),
        key=lambda row: (row["remove_time_ms"] is None, -(row["task_time_ms"] or 0)),
    )
    rows = []
    for row in executors[:REPORT_EXECUTORS]:
        at = position.get(row["executor_id"], number)
        since = max((row["add_time_ms"] or data.start) - data.start, 0) / 1e3
        spent = (row["task_time_ms"] or 0) / 1e3
        used = cached.get(row["executor_id"], 0)
        memory, tasks, lost = row["max_memory_bytes"] or 0, row["num_tasks"] or 0, int(failed[at])
        collected = float(gc[at]) / 1e3 / spent if spent else 0.0
        cells = [
            (row["cores"] or 0, count(row["cores"]) if row["cores"] else ""),
            (since, f"after {seconds(since)}" if since >= 1 else "at the start"),
            (memory, size(memory) if memory else ""),
            (used, size(used) if used else ""),
            (tasks, count(tasks) if tasks else ""),
            (lost, count(lost) if lost else ""),
            (spent, seconds(spent) if spent else ""),
            (collected, share(collected) if collected >= 0.005 else ""),
        ]
        host = f" on {row['host']}" if row["host"] else ""
        rows.append(ExecutorRow(f"{row['executor_id']}{host}", cells, _removed(row, data)))
    return rows


def _removed(row: dict[str, object], data: ReportData) -> str:
    at = row["remove_time_ms"]
    if not isinstance(at, int):
        return ""
    reason = plain_text(str(row["remove_reason"] or "")) or "the log has no reason"
    return f"after {seconds(max(at - data.start, 0) / 1e3)}: {reason[:200]}"


@dataclass(frozen=True, slots=True)
class CachedRow:
    """One persisted RDD: what it is, where it is stored, its partitions, and how many stages used it, when."""

    name: str
    storage: str
    partitions: str
    stages: str
    used: str


def cached_rows(data: ReportData) -> list[CachedRow]:
    """The persisted RDDs that most stages used, at most REPORT_CACHED."""
    app = data.app
    found = []
    for row in app.tables["cached_rdds"].to_pylist():
        spans = [app.span(stage) for used in row["stage_ids"] for stage in app.stages_by_id.get(used, ())]
        if spans:
            found.append((len(spans), min(begin for begin, _ in spans), max(end for _, end in spans), row))
    found.sort(key=lambda one: (-one[0], one[1]))
    return [
        CachedRow(
            f"RDD {row['rdd_id']} {' '.join((row['name'] or row['call_site'] or '').split())}"[:_NAME],
            row["storage_level"] or "",
            count(row["num_partitions"]) if row["num_partitions"] else "",
            count(number),
            f"{seconds(max(first - data.start, 0) / 1e3)} to {seconds(max(last - data.start, 0) / 1e3)}",
        )
        for number, first, last, row in found[:REPORT_CACHED]
    ]
