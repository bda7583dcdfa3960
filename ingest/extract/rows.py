"""One batch of decoded events -> one record batch per declared event table."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from msgspec.structs import astuple

from ...schemas.events import EVENT_TABLES, TASK_END, TASK_START
from .. import arrow
from .nested import NESTED_ROWS

EventRows = Mapping[str, Any]
"""Event table's name -> pyarrow Table of its rows, in the order of the log."""


_STARTS, _ENDS = TASK_START.table.name, TASK_END.table.name
_TASK_KEY = ("task_id", "stage_id", "stage_attempt")


class Batch(Protocol):
    """What extract takes from decode: events by kind, and the byte offset of each one's line; and of some kinds events
    that are columns already, as (offsets, columns of (values, valid, text))."""

    events: dict[str, list[Any]]
    offsets: dict[str, list[int]]
    columns: dict[str, Any]


def extract(batch: Batch, getters: Mapping[str, tuple[str, ...]], base: int) -> dict[str, Any]:
    """Event table's name -> pyarrow RecordBatch; tables without rows are left out.

    `getters` is, per table, where each column stands in the event's struct (see `paths`); `base` is added to line
    offsets so that events of later files sort after those of earlier ones.
    """
    batches = {}
    for declared in EVENT_TABLES:
        events, taken = batch.events[declared.event], batch.columns.get(declared.event)
        if declared.nested or declared.table.name in NESTED_ROWS:
            rows = list(NESTED_ROWS[declared.table.name](events))
            if rows:
                batches[declared.table.name] = arrow.from_columns(declared.table, list(zip(*rows, strict=True)))
            continue
        parts = []
        if taken is not None:
            parts.append(arrow.from_buffers(declared.table, taken.columns))
        if events:
            columns = _columns(events, getters[declared.table.name])
            if declared.table.columns[0].name == "at":
                columns.insert(0, [base + offset for offset in batch.offsets[declared.event]])
            parts.append(arrow.from_columns(declared.table, columns))
        if taken is not None and events:
            batches[declared.table.name] = _merged(parts, [*taken.offsets, *batch.offsets[declared.event]])
        elif parts:
            batches[declared.table.name] = parts[0]
    if _STARTS in batches and _ENDS in batches:
        batches[_STARTS] = _unfinished(batches[_STARTS], batches[_ENDS])
    return batches


def _merged(parts: list[Any], offsets: list[int]) -> Any:
    """Two record batches as one, in the order of the log."""
    order = arrow.from_numpy(np.argsort(np.array(offsets, np.int64), kind="stable"), "int64")
    return pa.Table.from_batches(parts).combine_chunks().take(order).to_batches()[0]


def _unfinished(starts: Any, ends: Any) -> Any:
    """The TaskStarts whose task does not end in the same batch: the others say nothing that their TaskEnd does not."""
    started, whole = _task_keys(starts)
    ended, known = _task_keys(ends)
    # In ordinary logs a task id ends once; a start whose id ended is left out only where stage and attempt agree too.
    ended = ended[known][np.argsort(ended[known, 0], kind="stable")]
    keep = np.ones(len(started), np.bool_)
    if len(ended):
        at = np.minimum(np.searchsorted(ended[:, 0], started[:, 0]), len(ended) - 1)
        keep = ~(whole & (ended[at] == started).all(axis=1))
    return starts.filter(arrow.from_numpy(keep, "bool"))


def _task_keys(batch: Any) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """One row per task attempt: its id, stage and stage attempt; and where none of them is missing."""
    table = pa.Table.from_batches([batch])
    keys = np.stack([arrow.numbers(table, name).astype(np.int64) for name in _TASK_KEY], axis=1)
    return keys, np.logical_and.reduce([arrow.valid(table, name) for name in _TASK_KEY])


def _columns(events: list[Any], dotted: tuple[str, ...]) -> list[Any]:
    """One tuple of values per path. Whole structs are turned into columns at once, which is far quicker than following
    each path on its own."""
    parts: dict[str, dict[str, Any]] = {}
    for path in dotted:
        prefix = path.rpartition(".")[0]
        if prefix not in parts:
            structs = list(map(attrgetter(prefix), events)) if prefix else events
            columns = zip(*map(astuple, structs), strict=True)
            parts[prefix] = dict(zip(structs[0].__struct_fields__, columns, strict=True))
    return [parts[path.rpartition(".")[0]][path.rpartition(".")[2]] for path in dotted]


def concat(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Record batches by table, one mapping per batch in the order of the log -> one pyarrow Table per event table."""
    parts = list(parts)
    return {
        declared.table.name: pa.Table.from_batches(
            [part[declared.table.name] for part in parts if declared.table.name in part],
            schema=arrow.schema(declared.table),
        )
        for declared in EVENT_TABLES
    }
