"""Takes impossible figures out of the tables: they become null and are counted in issues, before anything uses them.

A log may hold a negative figure (a clock that was set back, a sentinel of -1), an end before its start, or a time that
is years away from all others.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ...schemas.columns import Table
from ...schemas.issues import ImportIssue
from ...schemas.tables import EXECUTORS, STAGES, TABLES, TASKS
from .. import arrow
from ..arrow import Array

_SPANS = {
    "tasks": ("launch_time_ms", "finish_time_ms", ("duration_ms", "scheduler_delay_ms", "getting_result_time_ms")),
    "stages": ("submission_time_ms", "completion_time_ms", ("duration_ms",)),
    "jobs": ("submission_time_ms", "completion_time_ms", ("duration_ms",)),
    "sql_executions": ("submission_time_ms", "completion_time_ms", ("duration_ms",)),
    "executors": ("add_time_ms", "remove_time_ms", ()),
}
"""Table -> the columns of its start and its end, and those computed from them."""

_PARTS_OF_A_TASK = (
    "executor_cpu_time_ns",
    "jvm_gc_time_ms",
    "shuffle_fetch_wait_ms",
    "shuffle_write_time_ns",
    "executor_deserialize_time_ms",
    "result_serialization_time_ms",
)
_TASK_FIGURES = tuple(column.name for column in TASKS if column.unit in ("ms", "ns", "bytes", "records"))
_COUNTS = {
    table.name: tuple(
        column.name
        for column in table
        if column.type in ("int64", "int32")
        and (column.unit or column.name == "cores" or column.name.startswith("num_"))
    )
    for table in TABLES
}
"""Table -> its integer columns that are never negative."""
_FEW_ROWS = 256
_YEAR_MS = 365 * 24 * 3600 * 1000
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, beyond which neither Python nor MLflow has a date
_FEW = 0.1  # of all times; where more are far from the others, none of them is a mistake
# No task reads more (1 EiB) or computes for longer (36 years in ns). Where the sum of all tasks would not fit an int64,
# the figures to blame are those from 1 TiB on.
_MOST, _LARGE = 2**60, 2**40
# No machine has more cores than a task could keep busy in its run time.
_MOST_CORES = 1024
# An executor may have more: local[N] takes any number. Beyond this, a number of cores is a mistake.
_MOST_OF_AN_EXECUTOR = 2**16


class TimeWindow(NamedTuple):
    """The first and the last plausible moment of an application, epoch ms."""

    first: int
    last: int

    def holds(self, values: Array) -> Array:
        """Which times lie in it."""
        return (values >= self.first) & (values <= self.last)


def time_window(tables: Mapping[str, pa.Table], others: Iterable[int | None]) -> TimeWindow:
    """The window of the times of an application: of its tables, and `others`, its start and end.

    Times are split where a year or more lies between one and the next. If one part holds nearly all of them, it is the
    window; else every time of the years 1970 to 9999 is plausible.
    """
    parts = [np.array([time for time in others if time is not None], np.int64)]
    for name, (start, end, _) in _SPANS.items():
        parts += [arrow.numbers(tables[name], c)[arrow.valid(tables[name], c)] for c in (start, end)]
    times = np.sort(np.concatenate(parts))
    times = times[(times > 0) & (times <= _LAST_MS)]
    edges = np.flatnonzero(np.diff(times) >= _YEAR_MS) + 1
    if len(edges):
        begins, ends = np.append(0, edges), np.append(edges, len(times))
        most = int(np.argmax(ends - begins))
        if ends[most] - begins[most] >= (1 - _FEW) * len(times):
            return TimeWindow(int(times[begins[most]]), int(times[ends[most] - 1]))
    return TimeWindow(1, _LAST_MS)


def check_tasks(tasks: pa.Table) -> tuple[pa.Table, list[ImportIssue]]:
    """The tasks table without impossible figures, and an issue for each kind that was removed."""
    tasks, issues = _check_span("tasks", tasks, TimeWindow(1, _LAST_MS))
    for name in ("executor_run_time_ms", *_PARTS_OF_A_TASK):
        spent = arrow.numbers(tasks, name) / (1e6 if name.endswith("_ns") else 1)
        if spent.max(initial=0) <= _MOST_CORES * 1000:
            continue
        took = arrow.numbers(tasks, "duration_ms").astype(np.float64)
        if name in _PARTS_OF_A_TASK:
            took = np.maximum(took, arrow.numbers(tasks, "executor_run_time_ms"))
        endless = arrow.valid(tasks, name) & (took > 0) & (spent > _MOST_CORES * np.maximum(took, 1000))
        if endless.any():
            tasks = _without(tasks, TASKS, name, endless)
            issues.append(_issue(endless, f"tasks: more {name} than the task can hold", tasks, TASKS))
    if _are_plausible(tasks, _TASK_FIGURES, min(_MOST, 2**63 // max(len(tasks), 1))):
        return tasks, issues
    for name in _TASK_FIGURES:
        values = arrow.numbers(tasks, name)
        most = _MOST if values.sum(dtype=np.float64) < 2**63 or name in _SPANS["tasks"][:2] else _LARGE
        if len(values) and (values.min() < 0 or values.max() >= most):
            bad = arrow.valid(tasks, name) & ((values < 0) | (values >= most))
            tasks = _without(tasks, TASKS, name, bad)
            issues.append(_issue(bad, f"tasks: a negative or endless {name}", tasks, TASKS))
    return tasks, issues


def check_spans(tables: Mapping[str, pa.Table], window: TimeWindow) -> tuple[dict[str, pa.Table], list[ImportIssue]]:
    """The tables of an application without times outside its window, ends before their starts, negative figures, and
    numbers of cores that no executor has."""
    checked, issues = dict(tables), list[ImportIssue]()
    for name in _SPANS:
        checked[name], more = _check_span(name, tables[name], window)
        issues += more
    for table in TABLES:
        if table.name in checked and table.name != "tasks" and checked[table.name].num_rows:
            checked[table.name], more = _check_signs(table, checked[table.name])
            issues += more
    for check in (_check_cores, _check_task_cpus):
        checked, more = check(checked)
        issues += more
    return checked, issues


def _check_signs(declared: Table, table: pa.Table) -> tuple[pa.Table, list[ImportIssue]]:
    issues: list[ImportIssue] = []
    if _are_plausible(table, _COUNTS[declared.name], 2**63):
        return table, issues
    for name in _COUNTS[declared.name]:
        negative = arrow.valid(table, name) & (arrow.numbers(table, name) < 0)
        if negative.any():
            table = _without(table, declared, name, negative)
            issues.append(_issue(negative, f"{declared.name}: a negative {name}", table, declared))
    return table, issues


def _are_plausible(table: pa.Table, names: Sequence[str], most: int) -> bool:
    """Whether all figures of a small table are at least 0 and below `most`. One look at all columns is far faster than
    one at each."""
    if not names or not len(table):
        return True
    if len(table) > _FEW_ROWS:
        return False
    values = np.concatenate([arrow.numbers(table, name) for name in names])
    return bool(values.min() >= 0) and int(values.max()) < most


def _check_cores(tables: dict[str, pa.Table]) -> tuple[dict[str, pa.Table], list[ImportIssue]]:
    executors = tables["executors"]
    bad = arrow.valid(executors, "cores") & (arrow.numbers(executors, "cores") > _MOST_OF_AN_EXECUTOR)
    if not bad.any():
        return tables, []
    executors = _without(executors, EXECUTORS, "cores", bad)
    return {**tables, "executors": executors}, [_issue(bad, "executors: impossible cores", executors, EXECUTORS)]


def _check_task_cpus(tables: dict[str, pa.Table]) -> tuple[dict[str, pa.Table], list[ImportIssue]]:
    """Spark schedules no task on an executor that has fewer cores than the task takes."""
    stages, cores = tables["stages"], arrow.numbers(tables["executors"], "cores")
    most = int(cores.max(initial=0)) or _MOST_OF_AN_EXECUTOR
    bad = arrow.valid(stages, "task_cpus") & (arrow.numbers(stages, "task_cpus") > most)
    if not bad.any():
        return tables, []
    stages = _without(stages, STAGES, "task_cpus", bad)
    return {**tables, "stages": stages}, [_issue(bad, "stages: more task_cpus than cores", stages, STAGES)]


def check_application_times(
    start_ms: int | None, end_ms: int | None, window: TimeWindow, first_ms: int | None
) -> tuple[int | None, int | None, list[ImportIssue]]:
    """Start and end of the application; null with an issue where one is outside the window or the end is before the
    start. A start that is not known is `first_ms`, the first time of the tables."""
    issues = []
    for name, time in (("start", start_ms), ("end", end_ms)):
        is_known = time is not None and (window.first <= time <= window.last)
        if time is not None and (not is_known or (name == "end" and time < (start_ms or first_ms or 0))):
            message = f"the application's {name} ({time}) contradicts its other times; it counts as missing"
            issues.append(ImportIssue("figure_impossible", message))
            start_ms, end_ms = (None, end_ms) if name == "start" else (start_ms, None)
    return start_ms or first_ms, end_ms, issues


def _check_span(name: str, table: pa.Table, window: TimeWindow) -> tuple[pa.Table, list[ImportIssue]]:
    start, end, derived = _SPANS[name]
    declared = next(one for one in TABLES if one.name == name)
    issues = []
    for column in (start, end):
        values, known = arrow.numbers(table, column), arrow.valid(table, column)
        stray = known & ~window.holds(values)
        if stray.any():
            for lost in (column, *derived):
                table = _without(table, declared, lost, stray)
            issues.append(_issue(stray, f"{name}: an impossible {column}", table, declared))
    known = arrow.valid(table, start) & arrow.valid(table, end)
    back = known & (arrow.numbers(table, end) < arrow.numbers(table, start))
    if back.any():
        for lost in (end, *derived):
            table = _without(table, declared, lost, back)
        issues.append(_issue(back, f"{name}: an end before the start (a clock was set back?)", table, declared))
    return table, issues


def _issue(bad: Array, what: str, table: pa.Table, declared: Table) -> ImportIssue:
    number, first = int(bad.sum()), int(np.argmax(bad))
    named = ", ".join(f"{key} {table[key][first].as_py()}" for key in declared.key)
    message = f"{what}; {number:,} count as missing, the first of {named}"
    return ImportIssue("figure_impossible", message, count=number)


def _without(table: pa.Table, declared: Table, name: str, bad: Array) -> pa.Table:
    """The table with null at these rows of a column."""
    type = next(column.type for column in declared if column.name == name)
    values, known = arrow.numbers(table, name), arrow.valid(table, name)
    array = arrow.from_numpy(np.where(bad, 0, values), type, known & ~bad)
    return table.set_column(table.column_names.index(name), table.schema.field(name), array)
