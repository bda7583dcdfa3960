"""Reads what it can of a line that is not a strict JSON event, and reports the rest.

Spark's own ReplayListenerBus gives a whole application up for one such line. Here NaN, Infinity, wrong UTF-8 and NUL
bytes are accepted, values of another type are left out, and several events on one line are read one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any

import msgspec

from ...schemas import spark
from ...schemas.issues import ImportIssue
from .convert_fields import convert
from .plans import split_plan
from .structs import EVENT_TYPES, PlanNode

# A line in the middle of a private key is nothing else, and no rule of schemas.redaction knows it without its header.
_KEY_MATERIAL = re.compile(r"^[A-Za-z0-9+/]{24,}={0,2}$")
_LAST_WORD = re.compile(r"[\w+/=.~-]*$")
_EVENT = re.compile(rb'\{\s*"Event"\s*:\s*"')
_PADDING = b"\x00\r\t \xef\xbb\xbf\x1e"
_SHOWN_BYTES = 60
_NAMED_FIELDS = 5
# Parsing keeps every value of an event, also those that we do not read: up to 30 times its bytes.
LARGEST_PARSED_BYTES = 16 * 2**20
# A line made of torn starts has an event in every 11 bytes; after these the rest is only counted.
MOST_BROKEN_EVENTS = 100


@dataclass(slots=True)
class Recovered:
    """Events found in a damaged line, each with its byte offset in the line; and the issues, without their place."""

    events: list[tuple[str, msgspec.Struct, int]] = field(default_factory=list)
    issues: list[ImportIssue] = field(default_factory=list)
    broken: int = 0

    def report(self, code: str, message: str, count: int = 1) -> None:
        """Adds an issue."""
        self.issues.append(ImportIssue(code, message, count=count))


def recover(line: bytes) -> Recovered:
    """Reads the events of a line that did not decode: repaired where that is possible, else reported as broken."""
    found = Recovered()
    begin, end = _trimmed(line)
    if begin == end:
        if b"\x00" in line:
            found.report("line_broken", f"{len(line):,} bytes of NUL where a line should be; skipped")
        return found
    starts = (match.start() for match in _EVENT.finditer(line, begin, end))
    first = next(starts, None)
    if first is None:
        found.report("line_broken", f"no JSON event ({_shown(line, begin)}); skipped")
        return found
    if first > begin:
        found.report("line_broken", f"no JSON event before column {first - begin + 1} ({_shown(line, begin)}); skipped")
    for start, stop in pairwise(chain([first], starts, [end])):
        _recover_event(line, start, stop, found)
    if found.broken > MOST_BROKEN_EVENTS:
        more = found.broken - MOST_BROKEN_EVENTS
        found.report("line_broken", f"{more:,} more events on this line are not whole; skipped", more)
    return found


def _trimmed(line: bytes) -> tuple[int, int]:
    """Where the line begins and ends without padding around it."""
    begin = len(line) - len(line.lstrip(_PADDING)) if line[:1] in _paddings() else 0
    end = len(line.rstrip(_PADDING)) if line[-1:] in _paddings() else len(line)
    return begin, max(begin, end)


def _paddings() -> Iterator[bytes]:
    return (bytes([byte]) for byte in _PADDING)


def _recover_event(line: bytes, start: int, stop: int, found: Recovered) -> None:
    if found.broken >= MOST_BROKEN_EVENTS and line.find(b"}", start, stop) < 0:
        found.broken += 1
        return
    text = line[start:stop]
    try:
        raw, nodes = _parse(text)
    except (ValueError, RecursionError) as error:
        found.broken += 1
        if found.broken <= MOST_BROKEN_EVENTS:
            reason = f"no whole JSON event: {error}"[:300]
            found.report("line_broken", f"{reason} ({_shown(text, 0)}); skipped")
        return
    event = raw.get("Event") if isinstance(raw, dict) else None
    type_ = EVENT_TYPES.get(event) if isinstance(event, str) else None
    if event is None or type_ is None:
        return
    dropped: list[str] = []
    value = convert(raw, type_, dropped)
    if nodes is not None:
        value = msgspec.structs.replace(value, sparkplaninfo=_plan(nodes, dropped))
    found.events.append((event, value, start))
    if dropped:
        names = ", ".join(dict.fromkeys(dropped[: 20 * _NAMED_FIELDS]))
        shown = ", ".join(names.split(", ")[:_NAMED_FIELDS])
        found.report("field_unusable", f"{event}: unusable value in {shown}; read as missing", len(dropped))
    elif nodes is None:
        found.report("line_repaired", f"{event}: no strict JSON; read all the same")


def _parse(text: bytes) -> tuple[Any, Any]:
    """The event as Python values, and its plan split into nodes where it is too deep to parse."""
    if len(text) > LARGEST_PARSED_BYTES:
        raise ValueError(f"{len(text):,} bytes are too many to repair")
    try:
        return _loads(text), None
    except RecursionError:
        split = split_plan(text) if spark.SQL_START.encode() in text[:200] else None
        if split is None:
            raise
        return _loads(split.event), split


def _loads(text: bytes) -> Any:
    return json.loads(text.decode("utf-8", "replace").replace("\x00", ""), strict=False)


def _plan(split: Any, dropped: list[str]) -> PlanNode:
    decode = msgspec.json.Decoder(PlanNode).decode

    def node(text: bytes) -> PlanNode:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return decode(text)
        return convert(_loads(text), PlanNode, dropped)

    root: PlanNode = split.build(node)
    return root


def _shown(line: bytes, begin: int) -> str:
    """The first characters of the line. A word that the cut goes through is left out: the rest of a secret would no
    longer be recognized as one."""
    shown = line[begin : begin + _SHOWN_BYTES].decode("utf-8", "replace")
    shown = shown if len(line) - begin <= _SHOWN_BYTES else _LAST_WORD.sub("", shown) + "..."
    return repr(_KEY_MATERIAL.sub("...", shown))
