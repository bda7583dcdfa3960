"""TaskStart and TaskEnd, nearly all of a log's bytes, from text to columns by the native scanner (scan.c).

Which fields it takes is read from schemas/events.py. Where the scanner was not built (no C compiler at installation, or
AFTERGLOW_NATIVE=0) everything goes the Python way, with the same result.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ....schemas import spark
from ....schemas.events import EVENT_TABLES
from ..lines import Lines
from ..structs import rank

try:
    from . import _scan  # type: ignore[attr-defined]
except ImportError:  # pragma: no cover - not built
    _scan = None

NATIVE = _scan is not None and os.environ.get("AFTERGLOW_NATIVE", "1") != "0"
"""Whether the native scanner is used."""

_OBJECT, _ALL_TRUE = 0, 6
_KINDS = {"int64": 1, "int32": 2, "double": 3, "bool": 4, "string": 5}
# Spark's own accumulators are passed over; a task that has one of the user's is read the Python way.
_ONLY_INTERNAL: Mapping[tuple[str, ...], str] = {("Task Info", "Accumulables"): "Internal"}

SEARCH_SIGNS = tuple(sign.encode() for sign in spark.SEARCH_SIGNS)
"""What a plan shows of a hyperparameter search: extract.nested reads on only there."""

Fields = list[tuple[bytes, int, int, Any]]


class Column(NamedTuple):
    """A column's buffers: values (for text the offsets into `text`), one byte per row that says whether it has one."""

    values: bytes
    valid: bytes
    text: bytes


class Columns(NamedTuple):
    """Rows of one kind of event as columns, in the order of its table; `offsets` says where each one's line begins."""

    offsets: "np.ndarray[Any, Any]"
    columns: Sequence[Column]


class _Event(NamedTuple):
    name: str
    prefix: bytes
    slots: int
    fields: Fields
    columns: tuple[int, ...]


def _event(name: str, only_internal: Mapping[tuple[str, ...], str]) -> _Event:
    table = next(t.table for t in EVENT_TABLES if t.event == name and not t.nested)
    tree: dict[str, Any] = {}
    slots = 0
    columns: list[int] = []
    for path, type_ in [(c.path or (), c.type) for c in table] + [(path, None) for path in only_internal]:
        part = tree
        for key in path[:-1]:
            if key not in part:
                part[key], slots = (_OBJECT, slots, {}), slots + 1
            part = part[key][2]
        if path[-1] not in part:
            kind = _ALL_TRUE if type_ is None else _KINDS[type_]
            child: dict[str, Any] = {} if type_ else {only_internal[path]: (_KINDS["bool"], 0, {})}
            part[path[-1]], slots = (kind, slots, child), slots + 1
        if type_ is not None:
            columns.append(part[path[-1]][1])
    return _Event(name, b'{"Event":"%s",' % name.encode(), slots, _fields(tree), tuple(columns))


def _fields(tree: Mapping[str, Any]) -> Fields:
    ordered = sorted(tree.items(), key=lambda field: rank(field[0]))
    return [(key.encode(), kind, slot, _fields(child)) for key, (kind, slot, child) in ordered]


_EVENTS = (_event(spark.TASK_END, _ONLY_INTERNAL), _event(spark.TASK_START, {}))


class Scanner:
    """Takes ordinary task events out of blocks of lines; one thread at a time."""

    def __init__(self) -> None:
        self._state = _scan.prepare([(event.prefix, event.slots, event.fields) for event in _EVENTS])

    def scan(self, block: Lines) -> tuple[int, list[list[int]]]:
        """How many lines the block has, and (begin and end in its data, line number from 0) of those not taken."""
        lines, others = _scan.scan(self._state, block.data, block.begin, block.end, block.offset)
        return lines, np.frombuffer(others, np.int64).reshape(-1, 3).tolist()

    def take(self) -> dict[str, Columns]:
        """Event -> what was taken since the last call; events without rows are left out."""
        taken = {}
        for event, (rows, offsets, slots) in zip(_EVENTS, _scan.take(self._state), strict=True):
            if rows:
                columns = [Column(*slots[slot]) for slot in event.columns]
                taken[event.name] = Columns(np.frombuffer(offsets, np.int64), columns)
        return taken


_SQL_FIELDS = tuple(
    dict.fromkeys(c.path[0].encode() for t in EVENT_TABLES if t.event == spark.SQL_START for c in t.table if c.path)
)
# Of a plan without a search only what it reads is wanted: see extract.nested, _plan_scans.
_NODE_FIELDS = (b"nodeName", b"simpleString", b"metadata")
_SCANS = tuple(prefix.encode() for prefix in spark.SCAN_NODES)
THINNED = (_SQL_FIELDS, b"sparkPlanInfo", b"children", _NODE_FIELDS, b"nodeName", _SCANS, b"metadata", SEARCH_SIGNS)
"""What is kept of an SQL execution's start, as scan.c's thin takes it."""


def thin_plan(data: bytes, begin: int = 0, end: int | None = None) -> bytes | None:
    """An SQL execution's start, the line data[begin:end], with only the fields and the plan nodes that become rows.

    None where its plan may show a search, or the line is not ordinary.
    """
    thin: bytes | None = _scan.thin(data, begin, len(data) if end is None else end, *THINNED)
    return thin
