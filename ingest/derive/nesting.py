"""Nest the times of runs: no run starts before its parent or ends after it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...schemas.runs.tree import Run


def nest(runs: Sequence[Run], tasks_end: Mapping[str, int]) -> list[Run]:
    """Return the runs, parents before children, with nested times.

    A run without an end in the log ends with its parent at the latest. A run with an end is not cut; its parent is
    extended instead. `tasks_end` is when the last task of a stage run ended, by key.
    """
    by_key: dict[str, Run] = {}
    for run in runs:
        parent = None if run.parent is None else by_key[run.parent]
        by_key[run.key] = run if parent is None else _end_with(run, parent, tasks_end.get(run.key, 0))
    for key in reversed(list(by_key)):
        run = by_key[key]
        if run.parent is not None:
            by_key[run.parent] = _widen(by_key[run.parent], run)
    return list(by_key.values())


def _end_with(run: Run, parent: Run, at_least: int) -> Run:
    if parent.end_ms is None or run.status not in ("RUNNING", "KILLED"):
        return run
    end = max(parent.end_ms, run.start_ms, at_least)
    return run if run.end_ms is not None and run.end_ms <= end else replace(run, status="KILLED", end_ms=end)


def _widen(parent: Run, child: Run) -> Run:
    start = min(parent.start_ms, child.start_ms)
    end = parent.end_ms if parent.end_ms is None or child.end_ms is None else max(parent.end_ms, child.end_ms)
    if (start, end) == (parent.start_ms, parent.end_ms):
        return parent
    metrics = dict(parent.metrics)
    if end is not None and "time/duration_s" in metrics:
        metrics["time/duration_s"] = round((end - start) / 1e3, 3)
    return replace(parent, start_ms=start, end_ms=end, metrics=metrics)
