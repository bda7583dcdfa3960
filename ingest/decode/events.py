"""Lines -> typed events and columns: where a log's time is spent.

Ordinary task events become columns in the native scanner (`scan`). Every other line is decoded here, into a struct. Of
a TaskEnd most is `Accumulables`, of which we want only what user code named: that array is cut out by two searches
first. A line that then does not decode goes the slow way, whole, which also reads what is no strict JSON (`recover`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...schemas import spark
from ...schemas.issues import ImportIssue
from .lines import Lines
from .native.scanner import NATIVE, SEARCH_SIGNS, Columns, Scanner, thin_plan
from .recover import recover
from .structs import EVENT_TYPES, PLAIN_SQL_START

_TASK_END = b'{"Event":"SparkListenerTaskEnd",'
_TASK_START = b'{"Event":"SparkListenerTaskStart",'
# In JSON a quote inside a string is escaped, so these byte sequences cannot occur inside one.
_ACCUMULABLES = b'"Accumulables":['
_TASK_METRICS = b'"Task Metrics":{'
_EXECUTOR_METRICS = b']},"Task Executor Metrics":{'
# Long needles: bytes.find gets faster with their length. AccumulableInfo's fields come in this order since Spark 2.0.
_USER_ACCUMULATOR = b'"Internal":false,"Count Failed Values"'
_COUNT_FAILED = b'"Count Failed Values"'
_ONE_ACCUMULABLE_BYTES = 2000
_ANOTHER_TASK_END = b'{"Event":"SparkListenerTaskEnd","Stage ID":'
_ANOTHER = b'{"Event":"'
_SQL_LINE = b'{"Event":"%s",' % spark.SQL_START.encode()
_NAME = re.compile(rb'\s*\{\s*"Event"\s*:\s*"([\w.$]{1,300})"')

_DECODERS: Mapping[bytes, tuple[str, Callable[[bytes], Any]]] = {
    event.encode(): (event, msgspec.json.Decoder(type_).decode) for event, type_ in EVENT_TYPES.items()
}

_decode_task_end, _decode_task_start = (_DECODERS[e.encode()][1] for e in (spark.TASK_END, spark.TASK_START))
_PLAIN_SQL_START = msgspec.json.Decoder(PLAIN_SQL_START).decode


@dataclass(slots=True)
class Decoded:
    """Decoded events by kind, in the order of the log, and where each stands (line's byte offset).

    What the scanner took is in `columns` after `close`, not in `events`. Without a scanner all are in `events`.
    """

    events: dict[str, list[Any]] = field(default_factory=lambda: {event: [] for event in EVENT_TYPES})
    offsets: dict[str, list[int]] = field(default_factory=lambda: {event: [] for event in EVENT_TYPES})
    columns: dict[str, Columns] = field(default_factory=dict)
    lines: int = 0
    scanner: Scanner | None = field(default_factory=lambda: Scanner() if NATIVE else None)

    @property
    def count(self) -> int:
        """How many events were decoded, once closed."""
        return sum(map(len, self.events.values())) + sum(len(taken.offsets) for taken in self.columns.values())

    def add(self, event: str, value: Any, offset: int) -> None:
        """Appends one event."""
        self.events[event].append(value)
        self.offsets[event].append(offset)

    def close(self) -> "Decoded":
        """Fetches what the scanner took; nothing can be added afterwards."""
        if self.scanner is not None:
            self.columns, self.scanner = self.scanner.take(), None
        return self


def decode_lines(batch: Lines, into: Decoded, report: Callable[[ImportIssue], None]) -> None:
    """Decodes a batch of lines, appending to `into`. Unknown events and blank lines are passed over."""
    others: Iterable[Sequence[int]]
    if into.scanner is not None:
        batch.counted, others = into.scanner.scan(batch)
    else:
        others = _all(batch)
    for begin, end, at in others:
        offset = batch.offset + begin - batch.begin
        plain = batch.data.startswith(_SQL_LINE, begin) and _plain_plan(batch.data, begin, end)
        line = b"" if plain else batch.data[begin:end]
        try:
            if plain:
                into.add(spark.SQL_START, _PLAIN_SQL_START(plain), offset)
            elif line.startswith(_TASK_END):
                into.add(spark.TASK_END, _task_end(line), offset)
            elif line.startswith(_TASK_START):
                into.add(spark.TASK_START, _decode_task_start(line), offset)
            elif line:
                _decode_other(line, offset, into)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            cut = batch.open_end and end == batch.end
            _decode_broken(batch.data[begin:end], offset, batch.number + at, cut, into, report)
    into.lines += batch.count


def _all(batch: Lines) -> Iterator[tuple[int, int, int]]:
    begin = batch.begin
    for at, line in enumerate(batch.lines):
        yield begin, begin + len(line), at
        begin += len(line) + 1


def _task_end(line: bytes) -> Any:
    short = _without_accumulables(line)
    if short is not line:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return _decode_task_end(short)
    return _decode_task_end(line)


def _without_accumulables(line: bytes) -> bytes:
    """A TaskEnd without its accumulables; the line itself where that is not safe, or where user accumulators are among
    them."""
    begin = line.find(_ACCUMULABLES) + len(_ACCUMULABLES)
    metrics = line.rfind(_TASK_METRICS)
    if metrics < begin or begin < len(_ACCUMULABLES):
        return line
    end = line.rfind(_EXECUTOR_METRICS, begin, metrics)
    if end < 0:
        end = metrics - 3
        if line[end:metrics] != b"]},":
            return line
    if end > begin and (
        line.find(_USER_ACCUMULATOR, begin, end) >= 0
        or line.find(_COUNT_FAILED, begin, begin + _ONE_ACCUMULABLE_BYTES) < 0
        # a torn line that runs into the next one must not lend it its identity; one byte is found ten times as fast
        or (line.find(b"L", begin, end) >= 0 and line.find(_ANOTHER_TASK_END, begin, end) >= 0)
    ):
        return line
    return line[:begin] + line[end:]


def _decode_other(line: bytes, offset: int, into: Decoded) -> None:
    name = _NAME.match(line)
    if name is None:
        if line.isspace():
            return
        raise msgspec.DecodeError("no event")
    found = _DECODERS.get(name[1])
    if found is not None:
        event, decode = found
        into.add(event, decode(line), offset)
    elif not line.rstrip().endswith(b"}") or line.find(_ANOTHER, 1) >= 0:
        raise msgspec.DecodeError("an unknown event that is cut, or runs into the next one")


def _plain_plan(data: bytes, begin: int, end: int) -> bytes | None:
    """An SQL execution's start, thinned out where that can be done; None where its plan may show a search."""
    thin = thin_plan(data, begin, end) if NATIVE else None
    if thin is None and all(data.find(sign, begin, end) < 0 for sign in SEARCH_SIGNS):
        return data[begin:end]
    return thin


def _decode_broken(
    line: bytes, offset: int, number: int, cut: bool, into: Decoded, report: Callable[[ImportIssue], None]
) -> None:
    recovered = recover(line)
    for event, value, at in recovered.events:
        into.add(event, value, offset + at)
    for code, message in recovered.issues:
        code = "line_cut" if cut and code == "line_broken" else code
        report(ImportIssue(code, message, line=number, offset=offset))
