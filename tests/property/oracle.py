"""What must be in the tables of a damaged log: every row whose events are undamaged, with its own columns, and a word
about every line that could not be read.

The whole log's tables are the standard; golden tests and Spark's History Server answer for them.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from afterglow.ingest import codecs
from afterglow.schemas import spark
from afterglow.schemas.logs import EventLogTables

_EVENT = re.compile(rb'\{"Event":"')
# Spark's own accumulators and memory figures are not read: they may be broken without harm.
_NOTHING_UNREAD = b'"Accumulables":[]},"Task Metrics":{'
_UNREAD = re.compile(rb'"Accumulables":\[.*,"Task Metrics":\{', re.DOTALL)
_FIRST = {"jobs": b'{"Event":"SparkListenerJobStart"', "executors": b'{"Event":"SparkListenerExecutorAdded"'}
_SHOWN_PER_CODE = 100
_LENIENT = json.JSONDecoder(strict=False)

Key = tuple[str, tuple[Any, ...]]
"""A table's name and a row's key."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "tasks": ("stage_id", "stage_attempt", "task_id"),
    "stages": ("stage_id", "stage_attempt"),
    "jobs": ("job_id",),
    "sql_executions": ("execution_id",),
    "executors": ("executor_id",),
    "applications": (),
}
# What a row has from its own events, and not from the rows below it or from who else is there.
OWN: Mapping[str, tuple[str, ...] | None] = {
    "tasks": None,
    "stages": (
        "name",
        "parent_ids",
        "num_tasks",
        "submission_time_ms",
        "completion_time_ms",
        "duration_ms",
        "failure_reason",
    ),
    "jobs": (
        "name",
        "description",
        "group",
        "tags",
        "status",
        "failure_reason",
        "submission_time_ms",
        "completion_time_ms",
        "duration_ms",
        "stage_ids",
        "sql_execution_id",
    ),
    "sql_executions": None,
    "executors": ("host", "cores", "add_time_ms", "remove_time_ms", "remove_reason"),
    "applications": (
        "app_id",
        "app_attempt",
        "name",
        "user",
        "start_time_ms",
        "end_time_ms",
        "exit_code",
        "completed",
        "spark_version",
    ),
}
# A stage's sums, when none of its tasks' events is damaged.
SUMS = (
    "num_complete_tasks",
    "num_failed_tasks",
    "num_killed_tasks",
    "executor_run_time_ms",
    "executor_cpu_time_ns",
    "input_records",
    "shuffle_read_bytes",
    "shuffle_write_bytes",
    "result_size_bytes",
)


def keys_of(line: bytes) -> Iterator[Key]:
    """The rows that the events on a line are of; a line may hold more than one event, or parts of one."""
    for part in _events(line):
        event = _parsed(part)
        if isinstance(event, dict):
            yield from _keys(event)


def _events(line: bytes) -> list[bytes]:
    starts = [match.start() for match in _EVENT.finditer(line)]
    return [line[begin:end] for begin, end in pairwise([*starts, len(line)])]


def _parsed(text: bytes) -> Any:
    try:
        return _LENIENT.raw_decode(text.replace(b"\x00", b"").decode("utf-8", "replace").strip())[0]
    except (ValueError, RecursionError):
        return None


def _keys(event: Mapping[str, Any]) -> Iterator[Key]:
    name = event.get("Event")
    info = event.get("Task Info") if name in (spark.TASK_START, spark.TASK_END) else event.get("Stage Info")
    if name in (spark.TASK_START, spark.TASK_END) and isinstance(info, dict):
        yield "tasks", (event.get("Stage ID"), event.get("Stage Attempt ID"), info.get("Task ID"))
    elif name in (spark.STAGE_SUBMITTED, spark.STAGE_COMPLETED) and isinstance(info, dict):
        yield "stages", (info.get("Stage ID"), info.get("Stage Attempt ID"))
    elif name in (spark.JOB_START, spark.JOB_END):
        yield "jobs", (event.get("Job ID"),)
    elif name in (spark.SQL_START, spark.SQL_END):
        yield "sql_executions", (event.get("executionId"),)
    elif name in (spark.EXECUTOR_ADDED, spark.EXECUTOR_REMOVED):
        yield "executors", (event.get("Executor ID"),)
    elif name == spark.BLOCK_MANAGER_ADDED and isinstance(info := event.get("Block Manager ID"), dict):
        if info.get("Executor ID") != spark.DRIVER:  # which runs tasks only in local mode, and then has another event
            yield "executors", (info.get("Executor ID"),)
    elif name in (spark.APPLICATION_START, spark.APPLICATION_END, spark.LOG_START):
        yield "applications", ()


def rows_of(tables: EventLogTables) -> dict[Key, dict[str, Any]]:
    """Every row of the tables with a key."""
    return {(name, tuple(row[k] for k in key)): row for name, key in KEYS.items() for row in tables[name].to_pylist()}


@dataclass(frozen=True)
class Standard:
    """An undamaged log: its lines, the rows of its tables, and which line says something of which row."""

    lines: Sequence[bytes]
    rows: Mapping[Key, Mapping[str, Any]]
    lines_of: Mapping[Key, frozenset[int]]

    @staticmethod
    def of(lines: Sequence[bytes], tables: EventLogTables) -> "Standard":
        """From an undamaged log's lines and tables."""
        rows = rows_of(tables)
        lines_of: dict[Key, set[int]] = {}
        ended = {key for line in lines if b'"SparkListenerTaskEnd"' in line[:40] for key in keys_of(line)}
        for number, line in enumerate(lines):
            for key in keys_of(line):
                if b'"SparkListenerTaskStart"' in line[:40] and key in ended:
                    continue
                if key in rows:
                    lines_of.setdefault(key, set()).add(number)
        return Standard(lines, rows, {key: frozenset(found) for key, found in lines_of.items()})


@dataclass
class Verdict:
    """How a damaged log was read: rows lost beyond the damage, what was not said, and what was said wrongly."""

    lost: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    issues: int = 0

    @property
    def faults(self) -> list[str]:
        """All of them."""
        return self.lost + self.unsaid + self.misplaced


def compare(
    standard: Standard,
    whole: set[int],
    named: set[int],
    tables: EventLogTables | None,
    texts: Mapping[str, bytes],
) -> Verdict:
    """Judges the tables of a damaged log, None where it could not be read at all.

    `whole` are the original lines that it holds undamaged, `named` those of which enough is left for a row; `texts` the
    decompressed bytes of its files, for what damaged lines claim to be.
    """
    verdict = Verdict()
    rows = {} if tables is None else rows_of(tables)
    issues = [] if tables is None else tables["issues"].to_pylist()
    verdict.issues = len(issues)
    undamaged = {standard.lines[number].strip() for number in whole}
    odd = [line for data in texts.values() for line in data.split(b"\n") if line.strip() not in undamaged]
    claimed = {key for line in odd for key in keys_of(line) if b"SparkListenerTaskStart" not in line[:40]}
    polluted = {("stages", key[:2]) for table, key in claimed if table == "tasks"}
    damaged_tasks = {
        ("stages", key[:2])
        for (table, key), lines in standard.lines_of.items()
        if table == "tasks" and not lines <= whole
    }
    for key, lines in standard.lines_of.items():
        table = key[0]
        if not lines & named:
            continue
        first = _FIRST.get(table, b"")
        if not any(standard.lines[number].startswith(first) for number in lines & named):
            # as for the History Server: a JobEnd alone is no job (but it is said), an ExecutorRemoved alone no executor
            if table == "jobs" and key not in rows and not any(issue["code"] == "stage_unknown" for issue in issues):
                verdict.unsaid.append(f"{key}: a JobEnd without its JobStart")
            continue
        found = rows.get(key)
        if key in claimed:
            # a damaged line that passes for an event of this row: which of the two is right cannot be known
            if found is None:
                verdict.lost.append(f"{key}: no row")
            continue
        if found is None:
            verdict.lost.append(f"{key}: no row")
        elif lines <= whole:
            columns = OWN[table] or tuple(found)
            if table == "stages" and key not in polluted and key not in damaged_tasks:
                columns += SUMS
            differing = [c for c in columns if found[c] != standard.rows[key][c]]
            if differing:
                shown = ", ".join(f"{c} {found[c]!r} for {standard.rows[key][c]!r}" for c in differing[:3])
                verdict.lost.append(f"{key}: {shown}"[:300])
    if tables is not None:
        _said(standard, tables, rows, issues, texts, verdict)
    return verdict


def _said(
    standard: Standard,
    tables: EventLogTables,
    rows: Mapping[Key, Any],
    issues: Sequence[Mapping[str, Any]],
    texts: Mapping[str, bytes],
    verdict: Verdict,
) -> None:
    gone = [key for key in standard.rows if key not in rows and key[0] in ("jobs", "stages", "tasks")]
    if gone and tables.application["log_complete"] and not issues:
        verdict.unsaid.append(f"{len(gone)} rows are gone and the log is called complete, e.g. {gone[0]}")
    full = {code for code in {i["code"] for i in issues} if sum(i["code"] == code for i in issues) >= _SHOWN_PER_CODE}
    for file, data in texts.items():
        found = [(issue["line"], issue["offset"], issue["code"]) for issue in issues if issue["file"] == file]
        said = {(line, offset) for line, offset, _ in found}
        stream = any(code.startswith("stream_") for _, _, code in found)
        offset = 0
        for number, line in enumerate(data.split(b"\n"), 1):
            if is_broken(line) and (number, offset) not in said and not full and not stream:
                verdict.unsaid.append(f"line {number} at {offset} is broken and nothing is said: {line[:80]!r}")
            offset += len(line) + 1
        lines = data.split(b"\n")
        for number, at, code in found:
            if code in ("line_broken", "line_cut") and not stream and _is_strict(lines[number - 1]):
                verdict.misplaced.append(f"line {number} at {at} is whole and called {code}")


def is_broken(line: bytes) -> bool:
    """Whether not even a lenient JSON parser finds an event in a line that begins like one that we read, or nothing
    on the line begins like an event."""
    text = line.strip(b"\x00\r\t \xef\xbb\xbf\x1e")
    return bool(text) and _is_broken(text) and _is_broken(_UNREAD.sub(_NOTHING_UNREAD, text))


def _is_broken(text: bytes) -> bool:
    parts = _events(text)
    for part in parts:
        name = part[len(b'{"Event":"') :].partition(b'"')[0].decode("utf-8", "replace")
        if name in _READ and _parsed(_UNREAD.sub(_NOTHING_UNREAD, part)) is None:
            return True
    return not parts or not text.startswith(parts[0])


_READ = {
    spark.TASK_START,
    spark.TASK_END,
    spark.STAGE_SUBMITTED,
    spark.STAGE_COMPLETED,
    spark.JOB_START,
    spark.JOB_END,
    spark.SQL_START,
    spark.SQL_END,
    spark.EXECUTOR_ADDED,
    spark.EXECUTOR_REMOVED,
    spark.APPLICATION_START,
    spark.APPLICATION_END,
    spark.LOG_START,
    spark.BLOCK_MANAGER_ADDED,
}


def _is_strict(line: bytes) -> bool:
    def refuse(text: str) -> Any:
        raise ValueError(text)

    try:
        json.loads(line.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return line.startswith(b'{"Event":"SparkListener')


def text_of(file: bytes) -> bytes:
    """A stored file's decompressed bytes, as the codecs give them: what stands in a gap is not there."""
    return b"".join(chunk for chunk in codecs.open_stream(io.BytesIO(file))[1] if isinstance(chunk, bytes))
