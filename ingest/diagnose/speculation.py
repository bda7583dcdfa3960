"""Tasks that a speculative copy replaced: the first attempt was slow, and the copy finished before it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..application_view import ApplicationView
from ..arrow import Array
from .causes import cause_of
from .ranking import Candidate
from .skew import Tail, straggler


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return the slow attempts that a copy replaced as stragglers. Their cost is the time that the stage still lost."""
    slow = replaced(app) & (app.column("speculative") == 0)
    for row in np.flatnonzero(slow).tolist():
        stage, took = int(app.stage_of[row]), float(app.column("duration_ms")[row])
        rows, median = app.rows(stage), float(app.medians[stage])
        rows = rows[app.succeeded[rows]]
        excess = app.threshold("straggler", "excess_s") * 1e3
        limit = max(app.threshold("straggler", "time_ratio") * median, median + excess)
        if len(rows) < app.threshold("straggler", "tasks") or took < limit:
            continue
        cause, figures = cause_of(app, stage, rows, row, median)
        start, end = app.span(stage)
        cost = float(end - end_of_others(app, stage, start, end))
        found = straggler(app, Tail(stage, rows, rows == row, median), row, cause, None, figures, cost)
        yield replace(found, message=f"{found.message} A speculative copy finished before it.")


def end_of_others(app: ApplicationView, stage: int, start: int, end: int) -> int:
    """When a stage from `start` to `end` would have ended without the tasks that a copy replaced."""
    rows = app.rows(stage)
    late = replaced(app)[rows]
    return min(int(app.ended[rows][~late].max(initial=start)), end) if late.any() else end


def replaced(app: ApplicationView) -> Array:
    """Which attempts were killed because a speculative copy finished first, and which are these copies."""
    if not app.column("speculative").any():
        return np.zeros(len(app), np.bool_)
    copies: Array = app.succeeded & (app.column("speculative") != 0) & (app.stage_of >= 0)
    keys = app.stage_of << 32 | app.column("index").astype(np.int64)
    beaten = app.with_status("KILLED") & (app.column("speculative") == 0) & np.isin(keys, keys[copies])
    found: Array = beaten | (copies & np.isin(keys, keys[beaten]))
    return found
