"""Splits decoded events where a log begins: a file may hold the logs of several applications, one after the other."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ...schemas import spark
from ...schemas.events import EVENT_TABLES
from .events import Decoded
from .native.scanner import Column, Columns

_TYPES = {
    declared.event: [column.type for column in declared.table] for declared in EVENT_TABLES if not declared.nested
}
_LOG_STARTS = (spark.LOG_START, spark.DATABRICKS_METADATA)


def log_starts(decoded: Decoded, application_seen: bool, since: int = 0) -> list[int]:
    """The offsets, from `since` on, of the events where a log may begin, in order.

    These are LogStart and Databricks' metadata, and ApplicationStart where neither is between it and the one before:
    Spark before 1.3 writes no LogStart. `application_seen` tells whether an ApplicationStart came before the batch.
    """
    found = []
    for offset, is_log_start in _starts(decoded):
        if offset >= since and (is_log_start or application_seen):
            found.append(offset)
        application_seen = not is_log_start
    return found


def application_seen(decoded: Decoded, before: bool) -> bool:
    """Whether the last of the events where a log may begin is an ApplicationStart; `before` if there are none."""
    return next((not is_log_start for _, is_log_start in reversed(_starts(decoded))), before)


def _starts(decoded: Decoded) -> list[tuple[int, bool]]:
    """Offsets, and True for LogStart and Databricks' metadata."""
    starts = [(offset, True) for event in _LOG_STARTS for offset in decoded.offsets[event]]
    return sorted([*starts, *((offset, False) for offset in decoded.offsets[spark.APPLICATION_START])])


def split_at(decoded: Decoded, starts: Sequence[int]) -> Iterator[tuple[int | None, Decoded]]:
    """The closed batch in parts, in order, each with the offset of the event that starts a log there. The offset of the
    first part is None unless it begins with such an event. `starts` are the offsets that `log_starts` returns."""
    if not starts:
        yield None, decoded
        return
    firsts = [offsets[0] for offsets in decoded.offsets.values() if offsets]
    firsts += [int(taken.offsets[0]) for taken in decoded.columns.values() if len(taken.offsets)]
    first = min(firsts)
    if [*starts] == [first]:
        yield first, decoded
        return
    bounds = [*([] if starts[0] == first else [first]), *starts]
    for begin, end in pairwise([*bounds, 2**63 - 1]):
        yield begin if begin in starts else None, _between(decoded, begin, end)


def _between(decoded: Decoded, begin: int, end: int) -> Decoded:
    """The events whose lines begin in [begin, end)."""
    part = replace(decoded, events={}, offsets={}, columns={}, scanner=None)
    for event, offsets in decoded.offsets.items():
        low, high = bisect_left(offsets, begin), bisect_left(offsets, end)
        part.events[event], part.offsets[event] = decoded.events[event][low:high], offsets[low:high]
    for event, taken in decoded.columns.items():
        low, high = (int(at) for at in np.searchsorted(taken.offsets, (begin, end)))
        if low < high:
            typed = zip(taken.columns, _TYPES[event], strict=True)
            columns = [_rows(column, type == "string", low, high, len(taken.offsets)) for column, type in typed]
            before, ends = (int(taken.pair_ends[low - 1]) if low else 0), taken.pair_ends[low:high]
            pairs = taken.pairs[before : int(ends[-1])]
            part.columns[event] = Columns(taken.offsets[low:high], columns, ends - np.int32(before), pairs)
    return part


def _rows(column: Column, is_text: bool, low: int, high: int, rows: int) -> Column:
    """Rows of a column's buffers. The offsets of text are one more than the rows; everything else has a fixed width."""
    if is_text:
        offsets = np.frombuffer(column.values, np.int32)[low : high + 1]
        text = column.text[offsets[0] : offsets[-1]]
        return Column((offsets - offsets[0]).astype(np.int32).tobytes(), column.valid[low:high], text)
    width = len(column.values) // rows
    return Column(column.values[low * width : high * width], column.valid[low:high], b"")
