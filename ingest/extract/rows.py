"""One batch of decoded events -> one record batch per declared event table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import astuple

from ...schemas.columns import Table
from ...schemas.events import EVENT_TABLES, TASK_END, TASK_START, TASK_UPDATES, EventTable
from ...schemas.issues import ImportIssue
from .. import arrow
from .nested import NESTED_ROWS, Dropped, Row

EventRows = Mapping[str, pa.Table]
"""Event table's name -> its rows, in the order of the log."""

_STARTS, _ENDS = TASK_START.table.name, TASK_END.table.name
_UPDATES = TASK_UPDATES.table.name
# what an update repeats of its TaskEnd, and where those columns are
_OWNER = Table("task_updates", TASK_UPDATES.table.grain, (), TASK_UPDATES.table.columns[:5])
_OWNER_AT = [[c.name for c in TASK_END.table].index(c.name) for c in _OWNER]
_TASK_KEY = ("task_id", "stage_id", "stage_attempt")


class ColumnRows(Protocol):
    """Rows that are columns already: each row's line offset, and per column (values, valid, text); see arrow."""

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Of each row's line."""

    @property
    def columns(self) -> Sequence[tuple[bytes, bytes, bytes]]:
        """One triple per column."""

    @property
    def pair_ends(self) -> npt.NDArray[np.int32]:
        """How many of `pairs` there are up to each row."""

    @property
    def pairs(self) -> npt.NDArray[np.int64]:
        """Rows of two: accumulator id and update of a metric of SQL."""


class Batch(Protocol):
    """What extract takes from decode: events by kind with the offset of each one's line, and column rows by kind."""

    @property
    def events(self) -> Mapping[str, list[Struct]]:
        """Structs by kind of event."""

    @property
    def offsets(self) -> Mapping[str, list[int]]:
        """The line offsets of `events`."""

    @property
    def columns(self) -> Mapping[str, ColumnRows]:
        """What is not in `events`."""


def extract(
    batch: Batch, getters: Mapping[str, tuple[str, ...]], base: int, report: Callable[[ImportIssue], None]
) -> dict[str, pa.RecordBatch]:
    """Event table's name -> its rows; tables without rows are left out.

    `getters` is, per table, the path of each column in the event's struct (see decode.PATHS). `base` is added to line
    offsets, so that events of later files sort after those of earlier ones. Values that become no row are reported.
    """
    batches: dict[str, pa.RecordBatch] = {}
    dropped: dict[str, Dropped] = {}
    for declared in EVENT_TABLES:
        events = batch.events[declared.event]
        if declared.nested or declared.table.name in NESTED_ROWS:
            of_event = dropped.setdefault(declared.event, Dropped())
            rows = list(NESTED_ROWS[declared.table.name](events, of_event))
            if declared is TASK_UPDATES:
                found = _updates(batch, rows)
            else:
                found = arrow.from_columns(declared.table, list(zip(*rows, strict=True))) if rows else None
        else:
            found = _rows(declared, batch, getters[declared.table.name], base)
        if found is not None:
            batches[declared.table.name] = found
    if _STARTS in batches and _ENDS in batches:
        batches[_STARTS] = _unfinished(batches[_STARTS], batches[_ENDS])
    for event, values in dropped.items():
        for (code, message), count in values.counts.items():
            offset = batch.offsets[event][values.first[code, message]]
            report(ImportIssue(code, message, offset=offset, count=count))
    return batches


def _rows(declared: EventTable, batch: Batch, getters: tuple[str, ...], base: int) -> pa.RecordBatch | None:
    events, taken = batch.events[declared.event], batch.columns.get(declared.event)
    parts: list[pa.RecordBatch] = []
    if taken is not None:
        parts.append(arrow.from_buffers(declared.table, taken.columns))
    if events:
        columns = _columns(events, getters)
        if declared.table.columns[0].name == "at":
            columns.insert(0, [base + offset for offset in batch.offsets[declared.event]])
        parts.append(arrow.from_columns(declared.table, columns))
    if taken is not None and events:
        return _merged(parts, [*taken.offsets.tolist(), *batch.offsets[declared.event]])
    return parts[0] if parts else None


def _updates(batch: Batch, rows: Sequence[Row]) -> pa.RecordBatch | None:
    """task_updates: `rows` of events, each of one event, and what is columns already."""
    parts: list[pa.RecordBatch] = []
    taken = batch.columns.get(TASK_END.event)
    if taken is not None and len(taken.pairs):
        filled = np.flatnonzero(np.diff(taken.pair_ends, prepend=0))
        owners = arrow.from_buffers(_OWNER, [taken.columns[at] for at in _OWNER_AT])
        lists = [arrow.from_lists(taken.pairs[:, part], taken.pair_ends[filled]) for part in (0, 1)]
        columns = [*owners.take(arrow.from_numpy(filled, "int64")).columns, *lists]
        parts.append(pa.RecordBatch.from_arrays(columns, schema=arrow.schema(TASK_UPDATES.table)))
        offsets = taken.offsets[filled].tolist()
    if rows:
        parts.append(arrow.from_columns(TASK_UPDATES.table, list(zip(*rows, strict=True))))
    if len(parts) == 2:
        for event, offset in zip(batch.events[TASK_END.event], batch.offsets[TASK_END.event], strict=True):
            offsets += [offset for _ in NESTED_ROWS[_UPDATES]([event], Dropped())]
        return _merged(parts, offsets)
    return parts[0] if parts else None


def _merged(parts: list[pa.RecordBatch], offsets: list[int]) -> pa.RecordBatch:
    """Two record batches as one, in the order of the log."""
    order = arrow.from_numpy(np.argsort(np.array(offsets, np.int64), kind="stable"), "int64")
    return pa.Table.from_batches(parts).combine_chunks().take(order).to_batches()[0]


def _unfinished(starts: pa.RecordBatch, ends: pa.RecordBatch) -> pa.RecordBatch:
    """The TaskStarts whose task does not end in the same batch: a TaskEnd repeats every field of its TaskStart."""
    started, whole = _task_keys(starts)
    ended, known = _task_keys(ends)
    # In ordinary logs a task id ends once; a start whose id ended is left out only where stage and attempt agree too.
    ended = ended[known][np.argsort(ended[known, 0], kind="stable")]
    keep = np.ones(len(started), np.bool_)
    if len(ended):
        at = np.minimum(np.searchsorted(ended[:, 0], started[:, 0]), len(ended) - 1)
        keep = ~(whole & (ended[at] == started).all(axis=1))
    return starts.filter(arrow.from_numpy(keep, "bool"))


def _task_keys(batch: pa.RecordBatch) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Per task attempt its id, stage and stage attempt, and whether none of the three is missing."""
    table = pa.Table.from_batches([batch])
    keys = np.stack([arrow.numbers(table, name).astype(np.int64) for name in _TASK_KEY], axis=1)
    return keys, np.logical_and.reduce([arrow.valid(table, name) for name in _TASK_KEY])


def _columns(events: Sequence[Struct], dotted: tuple[str, ...]) -> list[Sequence[Any]]:
    """One tuple of values per path. Whole structs are turned into columns, which is far faster than following
    each path for each event."""
    parts: dict[str, dict[str, Sequence[Any]]] = {}
    for path in dotted:
        prefix = path.rpartition(".")[0]
        if prefix not in parts:
            structs = list(map(attrgetter(prefix), events)) if prefix else events
            columns = zip(*map(astuple, structs), strict=True)
            parts[prefix] = dict(zip(structs[0].__struct_fields__, columns, strict=True))
    return [parts[path.rpartition(".")[0]][path.rpartition(".")[2]] for path in dotted]


def concat(parts: Iterable[Mapping[str, pa.RecordBatch]]) -> dict[str, pa.Table]:
    """Record batches by table, one mapping per batch in the order of the log -> one table per event table."""
    parts = list(parts)
    return {
        declared.table.name: pa.Table.from_batches(
            [part[declared.table.name] for part in parts if declared.table.name in part],
            schema=arrow.schema(declared.table),
        )
        for declared in EVENT_TABLES
    }
