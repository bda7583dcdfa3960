"""Events from text to columns by the native scanner: TaskStart, TaskEnd, and the plans of SQL executions.

The fields are read from schemas/events.py. Where the scanner was not built (no C compiler at installation) or is
switched off (AFTERGLOW_NATIVE=0), decode.events reads every line in Python, with the same result.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....schemas import spark
from ....schemas.events import EVENT_TABLES
from ..lines import Lines
from ..structs import rank

try:
    from . import _scan  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover - not built
    _scan = None

BUILT = _scan is not None
"""Whether the native scanner was built at installation."""
NATIVE = BUILT and os.environ.get("AFTERGLOW_NATIVE", "1") != "0"
"""Whether the native scanner is used."""
TEXT_CAP = 2**31 - 1
"""Bytes of text that a column of one batch may hold: Arrow addresses text with 32 bits."""

_OBJECT, _ALL_TRUE = 0, 6
_KINDS = {"int64": 1, "int32": 2, "double": 3, "bool": 4, "string": 5}
# The scanner skips Spark's own accumulators; it returns a task that has one of the user's. Of SQL metrics it reads
# the id and the update (org.apache.spark.util.JsonProtocol.accumulableInfoToJson has them in this order).
_ONLY_INTERNAL: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("Task Info", "Accumulables"): ("Internal", '{"ID":', ',"Update":', '"Metadata":"sql"}')
}

SEARCH_SIGNS = tuple(sign.encode() for sign in spark.SEARCH_SIGNS)
"""What a plan shows of a hyperparameter search: extract.nested reads such plans whole."""

FieldTuple = tuple[bytes, int, int, "list[FieldTuple]"]
"""A declared field for the scanner: key, kind, slot, child fields."""


class Column(NamedTuple):
    """A column's buffers: values (for text the offsets into `text`), and a byte per row that is 0 where it is null."""

    values: bytes
    valid: bytes
    text: bytes


class Columns(NamedTuple):
    """Rows of one kind of event as columns, in the order of its table. `offsets`: where each row's line begins.

    `pairs` has a row (accumulator id, update) for each SQL metric of a task, and `pair_ends` how many of them there
    are up to each row."""

    offsets: npt.NDArray[np.int64]
    columns: Sequence[Column]
    pair_ends: npt.NDArray[np.int32]
    pairs: npt.NDArray[np.int64]


@dataclass(slots=True)
class _Field:
    """A node of an event's field tree."""

    kind: int
    slot: int
    children: dict[str, _Field] = field(default_factory=dict)


class _Event(NamedTuple):
    name: str
    prefix: bytes
    slots: int
    fields: list[FieldTuple]
    columns: tuple[int, ...]


def _event(name: str, only_internal: Mapping[tuple[str, ...], tuple[str, ...]]) -> _Event:
    table = next(t.table for t in EVENT_TABLES if t.event == name and not t.nested)
    root: dict[str, _Field] = {}
    slots = 0
    columns: list[int] = []
    for path, type_ in [(c.path or (), c.type) for c in table] + [(path, None) for path in only_internal]:
        part = root
        for key in path[:-1]:
            if key not in part:
                part[key], slots = _Field(_OBJECT, slots), slots + 1
            part = part[key].children
        if path[-1] not in part:
            kind = _ALL_TRUE if type_ is None else _KINDS[type_]
            part[path[-1]], slots = _Field(kind, slots), slots + 1
            if type_ is None:
                part[path[-1]].children.update((key, _Field(_KINDS["bool"], 0)) for key in only_internal[path])
        if type_ is not None:
            columns.append(part[path[-1]].slot)
    return _Event(name, b'{"Event":"%s",' % name.encode(), slots, _tuples(root), tuple(columns))


def _tuples(fields: Mapping[str, _Field]) -> list[FieldTuple]:
    ordered = sorted(fields.items(), key=lambda item: rank(item[0]))
    return [(key.encode(), child.kind, child.slot, _tuples(child.children)) for key, child in ordered]


EVENTS = (_event(spark.TASK_END, _ONLY_INTERNAL), _event(spark.TASK_START, {}))
"""The events that the scanner reads."""


class Scanner:
    """Reads ordinary task events out of blocks of lines. One thread at a time uses a scanner."""

    def __init__(self, text_cap: int = TEXT_CAP) -> None:
        """No text column gets more than `text_cap` bytes: lines beyond it are returned."""
        events = [(event.prefix, event.slots, event.fields) for event in EVENTS]
        self._state = _scan.prepare(events, text_cap)

    def scan(self, block: Lines) -> tuple[int, list[list[int]]]:
        """The number of lines in the block; and of each line that is returned to Python, its begin and end in the data
        and its number from 0."""
        lines, returned = _scan.scan(self._state, block.data, block.begin, block.end, block.offset)
        return lines, np.frombuffer(returned, np.int64).reshape(-1, 3).tolist()

    def take(self) -> dict[str, Columns]:
        """Event -> the rows that were read since the last call. Events without rows are left out."""
        taken = {}
        for event, (rows, offsets, slots, ends, pairs) in zip(EVENTS, _scan.take(self._state), strict=True):
            if rows:
                columns = [Column(*slots[slot]) for slot in event.columns]
                taken[event.name] = Columns(
                    np.frombuffer(offsets, np.int64),
                    columns,
                    np.frombuffer(ends, np.int32),
                    np.frombuffer(pairs, np.int64).reshape(-1, 2),
                )
        return taken


_SQL_FIELDS = tuple(
    dict.fromkeys(c.path[0].encode() for t in EVENT_TABLES if t.event == spark.SQL_START for c in t.table if c.path)
)
# What extract.nested reads of a plan without a search: see _plan_scans and _plan_functions.
_NODE_FIELDS = (b"nodeName", b"simpleString", b"metadata")
_NAMES = sorted((*spark.SCAN_NODES, *spark.PYTHON_NODES, spark.RANGE_NODE))
_KEPT_NODES = tuple(n.encode() for n in _NAMES if not any(n != other and n.startswith(other) for other in _NAMES))
PLAN_RULES = (
    _SQL_FIELDS,
    b"sparkPlanInfo",
    b"children",
    _NODE_FIELDS,
    b"nodeName",
    _KEPT_NODES,
    b"metadata",
    SEARCH_SIGNS,
)
"""What is kept of an SQL execution's start, in the order of thin_plan's parameters (module.c)."""


def thin_plan(data: bytes, begin: int = 0, end: int | None = None) -> tuple[bytes, int] | None:
    """An SQL execution's start, the line data[begin:end], with only the fields and the plan nodes that become rows; and
    where the key of its plan begins in the data, -1 if it has none.

    None where its plan may show a search, or the line is not ordinary.
    """
    thin: tuple[bytes, int] | None = _scan.thin_plan(data, begin, len(data) if end is None else end, *PLAN_RULES)
    return thin
