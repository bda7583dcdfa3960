"""One batch of decoded events -> one record batch per declared event table."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Protocol

import pyarrow as pa
from msgspec.structs import astuple

from ...schemas import spark
from ...schemas.events import EVENT_TABLES
from .. import arrow
from .nested import NESTED_ROWS

EventRows = Mapping[str, Any]
"""Event table's name -> pyarrow Table of its rows, in the order of the log."""


_TASK_KEY = attrgetter("stage_id", "stage_attempt_id", "task_info.task_id")


class Batch(Protocol):
    """What extract takes from decode: events by kind, and the byte offset of each one's line."""

    events: dict[str, list[Any]]
    offsets: dict[str, list[int]]


def extract(batch: Batch, getters: Mapping[str, tuple[str, ...]], base: int) -> dict[str, Any]:
    """Event table's name -> pyarrow RecordBatch; tables without rows are left out.

    `getters` is, per table, where each column stands in the event's struct (see `paths`); `base` is added to line
    offsets so that events of later files sort after those of earlier ones.
    """
    batches = {}
    for declared in EVENT_TABLES:
        events = batch.events[declared.event]
        if declared.event == spark.TASK_START:
            events = _unfinished(events, batch.events[spark.TASK_END])
        if not events:
            continue
        if declared.nested or declared.table.name in NESTED_ROWS:
            rows = list(NESTED_ROWS[declared.table.name](events))
            if not rows:
                continue
            columns: list[Any] = list(zip(*rows, strict=True))
        else:
            columns = _columns(events, getters[declared.table.name])
            if declared.table.columns[0].name == "at":
                columns.insert(0, [base + offset for offset in batch.offsets[declared.event]])
        batches[declared.table.name] = arrow.from_columns(declared.table, columns)
    return batches


def _unfinished(starts: list[Any], ends: list[Any]) -> list[Any]:
    """The TaskStarts whose task does not end in the same batch: the others say nothing that their TaskEnd does not."""
    ended = {key for key in map(_TASK_KEY, ends) if None not in key}
    return [start for start in starts if _TASK_KEY(start) not in ended]


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
