"""TaskStart and TaskEnd rows -> the tasks table, and the sums of it that a stage carries. Vectorised: they are many."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas import spark
from ...schemas.issues import ImportIssue
from ...schemas.tables import TASKS
from ...schemas.task_metrics import STAGE_SUMS
from .. import arrow
from ..arrow import Array

_FEW_TASKS = 4096  # threads would take longer to start than to work
_COLUMNS_BETWEEN = 12
StageKey = tuple[int, int]

_SUCCEEDED = (spark.SUCCESS, spark.RESUBMITTED)
# AppStatusListener.onTaskEnd counts both as killed.
_KILLED = (spark.TASK_KILLED, spark.TASK_COMMIT_DENIED)


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks table, sorted by key; per stage attempt the Resubmitted events; issues."""

    table: pa.Table
    resubmitted: Mapping[StageKey, int]
    issues: tuple[ImportIssue, ...]


def assemble_tasks(starts: pa.Table, ends: pa.Table) -> Tasks:
    """One row per task attempt, sorted by stage, attempt and task id.

    Of several TaskEnds with one key the first counts, before any with reason Resubmitted; a TaskStart without a
    TaskEnd is a RUNNING task. Events without a key are reported.
    """
    count = len(ends)
    keys = [
        np.concatenate([arrow.numbers(table, name) for table in (ends, starts)])
        for name in ("task_id", "stage_attempt", "stage_id")
    ]
    known = np.concatenate([arrow.valid(t, "task_id") & arrow.valid(t, "stage_id") for t in (ends, starts)])
    codes, reasons = arrow.codes(ends, "reason")
    again = np.concatenate([_coded(codes, reasons, (spark.RESUBMITTED,)), np.zeros(len(starts), np.bool_)])
    started = np.arange(len(known)) >= count
    order = np.lexsort((started * 2 + again, *keys))
    order = order[known[order]]
    ordered = [key[order] for key in keys]
    first = np.ones(len(order), np.bool_)
    if len(order):
        first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in ordered])
    # What is left over: the start of a task that ended, which is as it should be; a Resubmitted; a duplicate.
    extra = order[~first & ~started[order]]
    issues = _issues(keys[0], extra[~again[extra]], np.flatnonzero(~known))
    resubmitted = _count(keys[2], keys[1], np.flatnonzero(again & known))
    columns = {name: ends[name] for name in ends.column_names}
    del ends
    chosen = _chosen(columns, count, starts, order[first])
    return Tasks(_with_derived(chosen, started[order[first]]), resubmitted, issues)


def _chosen(ends: dict[str, pa.Array], count: int, starts: pa.Table, order: Array) -> Any:
    """The rows at `order`, which counts through the `count` rows of `ends` and then `starts`.

    What only ends have is null for starts. Columns are taken out of `ends` some at a time, by two threads, so that it
    is never held whole beside the chosen rows.
    """
    unfinished = order >= count
    left = starts.take(arrow.from_numpy(order[unfinished] - count, "int64"))
    at = order.copy()
    at[unfinished] = count + np.arange(len(left))
    index = arrow.from_numpy(at, "int64")

    if len(index) < _FEW_TASKS and not len(left):
        return arrow.take(pa.table(ends), at)

    def chosen(name: str) -> pa.Array:
        column = ends.pop(name)
        if len(left):
            more = left[name].chunks if name in left.column_names else [pa.nulls(len(left), column.type)]
            column = pa.chunked_array([*column.chunks, *more], type=column.type)
        return column.take(index).combine_chunks()

    names = tuple(ends)
    if len(index) < _FEW_TASKS:
        return pa.table({name: chosen(name) for name in names})
    columns: dict[str, pa.Array] = {}
    with ThreadPoolExecutor(2, "afterglow-take") as pool:
        for begin in range(0, len(names), _COLUMNS_BETWEEN):
            pa.default_memory_pool().release_unused()  # Arrow keeps the memory of the earlier columns
            some = names[begin : begin + _COLUMNS_BETWEEN]
            columns.update(zip(some, pool.map(chosen, some), strict=True))
    return pa.table(columns)


def _issues(task_ids: Array, duplicates: Array, unknown: Array) -> tuple[ImportIssue, ...]:
    issues = []
    if len(duplicates):
        example = int(task_ids[duplicates[0]])
        message = f"{len(duplicates):,} TaskEnd events are in the log twice, e.g. of task {example}; the first counts"
        issues.append(ImportIssue("event_duplicate", message, count=len(duplicates)))
    if len(unknown):
        message = f"{len(unknown):,} task events name no task or stage; they were left out"
        issues.append(ImportIssue("field_unusable", message, count=len(unknown)))
    return tuple(issues)


def _coded(codes: Array, values: list[str | None], wanted: tuple[str, ...]) -> Array:
    return np.isin(codes, [code for code, value in enumerate(values) if value in wanted])


def _with_derived(rows: pa.Table, running: Array) -> Any:
    codes, reasons = arrow.codes(rows, "reason")
    succeeded = _coded(codes, reasons, _SUCCEEDED)
    killed = _coded(codes, reasons, _KILLED)
    status = np.select([running, succeeded, killed], [0, 1, 2], 3)
    names = ("RUNNING", "SUCCESS", "KILLED", "FAILED")
    launch, finish = (arrow.numbers(rows, name) for name in ("launch_time_ms", "finish_time_ms"))
    ended = arrow.valid(rows, "launch_time_ms") & arrow.valid(rows, "finish_time_ms") & (finish > 0) & ~running
    duration = np.where(ended, finish - launch, 0)
    fetched_at = arrow.numbers(rows, "getting_result_at_ms")
    fetching = ended & (fetched_at > 0)
    getting_result = np.where(fetching, finish - fetched_at, 0)
    work = sum(
        arrow.numbers(rows, name)
        for name in ("executor_run_time_ms", "executor_deserialize_time_ms", "result_serialization_time_ms")
    )
    # AppStatusUtils.schedulerDelay
    delay = np.maximum(0, duration - work - getting_result)
    remote, local = "shuffle_remote_read_bytes", "shuffle_local_read_bytes"
    derived = {
        "status": arrow.picked(names, status),
        "failure_reason": _failure_reasons(rows, status >= 2),
        "finish_time_ms": arrow.from_numpy(finish, "int64", ended),
        "duration_ms": arrow.from_numpy(duration, "int64", ended),
        "scheduler_delay_ms": arrow.from_numpy(delay, "int64", ended & arrow.valid(rows, "executor_run_time_ms")),
        "getting_result_time_ms": arrow.from_numpy(getting_result, "int64", fetching),
        "shuffle_read_bytes": arrow.from_numpy(
            arrow.numbers(rows, remote) + arrow.numbers(rows, local),
            "int64",
            arrow.valid(rows, remote) | arrow.valid(rows, local),
        ),
    }
    arrays = [derived[column.name] if column.name in derived else rows[column.name] for column in TASKS]
    return pa.Table.from_arrays(arrays, schema=arrow.schema(TASKS))


def _failure_reasons(rows: pa.Table, wanted: Array) -> Any:
    names = ["reason", "class_name", "description", "message", "kill_reason", "loss_reason", "executor_id"]
    failed = arrow.take(rows.select(names), np.flatnonzero(wanted))
    texts = [_failure_reason(row) for row in failed.to_pylist()]
    return arrow.picked(texts, np.where(wanted, np.cumsum(wanted) - 1, -1))


def _failure_reason(row: Mapping[str, Any]) -> str:
    """In the words of TaskEndReason.toErrorString, without the stack."""
    reason = row["reason"] or "UnknownReason"
    if reason == spark.EXCEPTION_FAILURE:
        return f"{row['class_name']}: {row['description']}"
    if reason == spark.EXECUTOR_LOST:
        return f"{reason} (executor {row['executor_id']}): {row['loss_reason'] or 'unknown'}"
    detail = row["kill_reason"] or row["message"] or row["loss_reason"]
    return f"{reason}: {detail.splitlines()[0] if reason == spark.FETCH_FAILED else detail}" if detail else reason


def _count(stage: Array, attempt: Array, at: Array) -> dict[StageKey, int]:
    counted: dict[StageKey, int] = {}
    for key in zip(stage[at].tolist(), attempt[at].tolist(), strict=True):
        counted[key] = counted.get(key, 0) + 1
    return counted


def stage_figures(tasks: pa.Table) -> dict[StageKey, dict[str, Any]]:
    """Per stage attempt: how many task attempts ended how, and the declared sums (null where no task has any)."""
    if not len(tasks):
        return {}
    stage, attempt = arrow.numbers(tasks, "stage_id"), arrow.numbers(tasks, "stage_attempt")
    begins = np.flatnonzero(np.concatenate(([True], (stage[1:] != stage[:-1]) | (attempt[1:] != attempt[:-1]))))
    codes, statuses = arrow.codes(tasks, "status")
    counts = {
        name: np.add.reduceat(_coded(codes, statuses, (status,)).astype(np.int64), begins)
        for name, status in (
            ("num_complete_tasks", "SUCCESS"),
            ("num_failed_tasks", "FAILED"),
            ("num_killed_tasks", "KILLED"),
        )
    }
    speculative = arrow.numbers(tasks, "speculative") & arrow.valid(tasks, "speculative")
    counts["num_speculative_tasks"] = np.add.reduceat(speculative.astype(np.int64), begins)
    counts["num_attempts"] = np.diff(np.append(begins, len(stage)))
    figures: list[dict[str, Any]] = [
        {name: int(values[at]) for name, values in counts.items()} for at in range(len(begins))
    ]
    for column in STAGE_SUMS:
        reduce = np.add if column.metric and column.metric.aggregate == "sum" else np.maximum
        held = arrow.valid(tasks, column.name)
        present = np.logical_or.reduceat(held, begins)
        totals = reduce.reduceat(np.where(held, arrow.numbers(tasks, column.name), 0), begins)
        for at, row in enumerate(figures):
            row[column.name] = int(totals[at]) if present[at] else None
    keys = zip(stage[begins].tolist(), attempt[begins].tolist(), strict=True)
    return dict(zip(keys, figures, strict=True))
