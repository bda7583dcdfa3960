"""Lines -> typed events and columns: where most of the time of reading a log is spent.

The native scanner turns ordinary task events into columns. Every other line is decoded here, into a struct. Most of a
TaskEnd is `Accumulables`, of which only what user code named and the metrics of SQL are wanted, so that array is cut
out by two searches where it has neither.
A line that does not decode is read once more, whole, by `recover`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pyarrow as pa

from ...schemas import spark
from ...schemas.issues import ImportIssue
from .lines import Lines
from .long_lines import LONG_LINE_BYTES, MOST_MEMORY_BYTES, memory_bytes, shorten_texts
from .native.scanner import NATIVE, SEARCH_SIGNS, Columns, Scanner, thin_plan
from .plans import PLAN_CODEC, PLAN_KEY
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
_SQL_METRIC = b'"Metadata":"sql"'
_COUNT_FAILED = b'"Count Failed Values"'
_ONE_ACCUMULABLE_BYTES = 2000
_ANOTHER_TASK_END = b'{"Event":"SparkListenerTaskEnd","Stage ID":'
_ANOTHER = b'{"Event":"'
_SQL_LINE = b'{"Event":"%s",' % spark.SQL_START.encode()
_NAME = re.compile(rb'\s*\{\s*"Event"\s*:\s*"([\w.$]{1,300})"')

_DECODERS: Mapping[bytes, tuple[str, Callable[[bytes], msgspec.Struct]]] = {
    event.encode(): (event, msgspec.json.Decoder(type_).decode) for event, type_ in EVENT_TYPES.items()
}

_decode_task_end, _decode_task_start = (_DECODERS[e.encode()][1] for e in (spark.TASK_END, spark.TASK_START))
_PLAN_LINE = re.compile(
    rb'\{\s*"Event"\s*:\s*"org\.apache\.spark\.sql\.execution\.ui\.'
    rb'SparkListenerSQL(ExecutionStart|AdaptiveExecutionUpdate)"\s*,\s*"executionId"\s*:\s*(\d{1,19})\s*[,}]'
)
_START, _UPDATE = b"ExecutionStart", b"AdaptiveExecutionUpdate"
_PLAIN_SQL_START = msgspec.json.Decoder(PLAIN_SQL_START).decode


@dataclass(slots=True)
class Decoded:
    """Decoded events by kind, in the order of the log, and the byte offset of each one's line.

    What the scanner reads is in `columns` after `close`, not in `events`. Without a scanner everything is in `events`.
    `memory_bytes` is about how much memory they need at most.
    """

    events: dict[str, list[msgspec.Struct]] = field(default_factory=lambda: {event: [] for event in EVENT_TYPES})
    offsets: dict[str, list[int]] = field(default_factory=lambda: {event: [] for event in EVENT_TYPES})
    columns: dict[str, Columns] = field(default_factory=dict)
    lines: int = 0
    memory_bytes: int = 0
    scanner: Scanner | None = field(default_factory=lambda: Scanner() if NATIVE else None)
    plans: dict[tuple[int, int], tuple[bytes, int, int]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of events, once closed."""
        return sum(map(len, self.events.values())) + sum(len(taken.offsets) for taken in self.columns.values())

    def add(self, event: str, value: msgspec.Struct, offset: int) -> None:
        """Appends one event."""
        self.events[event].append(value)
        self.offsets[event].append(offset)

    def hold_plan(self, execution: int, plan: memoryview, offset: int) -> None:
        """Keeps a plan until the batch is closed. Adaptive execution writes the whole plan at every change; the last
        one of an execution counts."""
        logs = len(self.offsets[spark.LOG_START]) + len(self.offsets[spark.DATABRICKS_METADATA])
        self.plans.pop((logs, execution), None)
        self.plans[logs, execution] = pa.compress(pa.py_buffer(plan), codec=PLAN_CODEC, asbytes=True), len(plan), offset

    def close(self) -> "Decoded":
        """Adds the last plan of each execution and the rows of the scanner. Nothing can be added afterwards."""
        event = spark.SQL_ADAPTIVE_UPDATE
        for (_, execution), (*plan, offset) in self.plans.items():
            self.add(event, EVENT_TYPES[event](executionid=execution, sparkplaninfo=tuple(plan)), offset)
        self.plans.clear()
        order = sorted(range(len(self.offsets[event])), key=self.offsets[event].__getitem__)
        self.events[event] = [self.events[event][at] for at in order]
        self.offsets[event] = [self.offsets[event][at] for at in order]
        if self.scanner is not None:
            self.columns, self.scanner = self.scanner.take(), None
        return self


def decode_lines(block: Lines, into: Decoded, report: Callable[[ImportIssue], None]) -> None:
    """Decodes a block of lines, appending to `into`. Unknown events and blank lines are skipped."""
    lines: Iterable[Sequence[int]]
    if into.scanner is not None:
        block.counted, lines = into.scanner.scan(block)
    else:
        lines = _positions(block)
    into.memory_bytes += block.end - block.begin
    for begin, end, index in lines:
        offset = block.offset + begin - block.begin
        place = _Place(block.number + index, offset, report)
        thin, plan_at = _thin_plan(block.data, begin, end) if block.data.startswith(_SQL_LINE, begin) else (None, -1)
        held = _hold_plan(block, begin, end, plan_at, into)
        if held == _UPDATE:
            continue
        started = len(into.events[spark.SQL_START])
        line = b"" if thin else _bounded(block.data[begin:end], place)
        into.memory_bytes += memory_bytes(thin or line)
        try:
            if thin:
                into.add(spark.SQL_START, _PLAIN_SQL_START(thin), offset)
            elif line.startswith(_TASK_END):
                into.add(spark.TASK_END, _task_end(line), offset)
            elif line.startswith(_TASK_START):
                into.add(spark.TASK_START, _decode_task_start(line), offset)
            elif line:
                _decode_other(line, offset, into)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            cut = block.open_end and end == block.end
            _decode_broken(line or block.data[begin:end], cut, into, place)
        started += held is not None
        if len(into.events[spark.SQL_START]) > started:
            _hold_plan_of(into.events[spark.SQL_START][started:], block, begin, end, into, place)
    into.lines += block.count


@dataclass(slots=True)
class _Place:
    """A line of the log: its number and offset, for issues."""

    number: int
    offset: int
    report_issue: Callable[[ImportIssue], None]

    def report(self, issue: ImportIssue) -> None:
        self.report_issue(replace(issue, line=self.number, offset=self.offset))


def _positions(block: Lines) -> Iterator[tuple[int, int, int]]:
    begin = block.begin
    for index, line in enumerate(block.lines):
        yield begin, begin + len(line), index
        begin += len(line) + 1


def _bounded(line: bytes, place: _Place) -> bytes:
    """The line with long texts cut; empty if it would still need too much memory."""
    if len(line) <= LONG_LINE_BYTES:
        return line
    if line.startswith(_TASK_END):
        line = _without_accumulables(line)
    line, cut = shorten_texts(line)
    if cut:
        message = f"{cut:,} texts of more than 1 MiB were cut to that length"
        place.report(ImportIssue("text_too_long", message, count=cut))
    if memory_bytes(line) <= MOST_MEMORY_BYTES:
        return line
    message = f"a line of {len(line):,} bytes with {line.count(b',') + 1:,} values needs too much memory; skipped"
    place.report(ImportIssue("line_too_long", message))
    return b""


def _task_end(line: bytes) -> msgspec.Struct:
    short = _without_accumulables(line)
    if short is not line:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return _decode_task_end(short)
    return _decode_task_end(line)


def _without_accumulables(line: bytes) -> bytes:
    """A TaskEnd without its accumulables; the line itself where that is not safe, or where it has accumulators of the
    user or metrics of SQL."""
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
        or line.find(_SQL_METRIC, begin, end) >= 0
        or line.find(_COUNT_FAILED, begin, begin + _ONE_ACCUMULABLE_BYTES) < 0
        # two TaskEnds on one line must not be mixed; one byte is found ten times as fast as the whole
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


def _thin_plan(data: bytes, begin: int, end: int) -> tuple[bytes | None, int]:
    """An SQL execution's start, without what is not read of it where that is possible, and where the key of its plan
    begins, if that is known (else -1); None where its plan may show a search."""
    thin = thin_plan(data, begin, end) if NATIVE else None
    if thin is not None:
        return thin
    if end - begin <= LONG_LINE_BYTES and all(data.find(s, begin, end) < 0 for s in SEARCH_SIGNS):
        return data[begin:end], -1
    return None, -1


def _hold_plan(block: Lines, begin: int, end: int, plan_at: int, into: Decoded) -> bytes | None:
    """Keeps the plan of an execution's start or update. Which of them it was, _START or _UPDATE; None where none was
    kept. An update has nothing else to say."""
    found = _PLAN_LINE.match(block.data, begin, end)
    if found is None or end - begin > MOST_MEMORY_BYTES or int(found[2]) >= 2**63:
        return None
    plan_at = block.data.find(PLAN_KEY, begin, end) if plan_at < 0 else plan_at
    whole = found[1] == _START or (block.data.find(_ANOTHER, begin + 1, end) < 0 and not block.open_end)
    end = _without_padding(block.data, begin, end)
    if plan_at < 0 or not whole or not block.data.endswith(b"}", begin, end):
        return None
    # what follows a key in an object is the rest of an object
    into.hold_plan(int(found[2]), memoryview(block.data)[plan_at:end], begin - block.begin + block.offset)
    return found[1]


def _hold_plan_of(started: Sequence[Any], block: Lines, begin: int, end: int, into: Decoded, place: _Place) -> None:
    """As `_hold_plan`, for the executions of a line that is not in the form that Spark writes. Where a plan cannot be
    kept, it is an issue."""
    planned = [event for event in started if event.sparkplaninfo is not None]
    plan_at = block.data.find(PLAN_KEY, begin, end)
    end = _without_padding(block.data, begin, end)
    is_alone = plan_at >= 0 and block.data.endswith(b"}", begin, end) and block.data.find(_ANOTHER, begin + 1, end) < 0
    is_object = is_alone and end - begin <= MOST_MEMORY_BYTES
    if len(planned) == 1 and planned[0].executionid is not None and is_object:
        into.hold_plan(planned[0].executionid, memoryview(block.data)[plan_at:end], place.offset)
    elif planned:
        message = f"{spark.SQL_START}: the plan cannot be kept, so sql_nodes does not have it"
        place.report(ImportIssue("plans_left_out", message, count=len(planned)))


def _without_padding(data: bytes, begin: int, end: int) -> int:
    """The end of a line without the white space behind it."""
    while end > begin and data[end - 1] in b" \t\r":
        end -= 1
    return end


def _decode_broken(line: bytes, cut: bool, into: Decoded, place: _Place) -> None:
    recovered = recover(line)
    for event, value, at in recovered.events:
        into.add(event, value, place.offset + at)
    for issue in recovered.issues:
        place.report(replace(issue, code="line_cut") if cut and issue.code == "line_broken" else issue)
