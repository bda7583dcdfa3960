"""One log through discover, codecs, decode, extract and assemble; large ones in parts, side by side."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ...schemas.findings import Thresholds
from ...schemas.issues import ImportIssue
from ...schemas.logs import EventLog, EventLogTables, LogFile
from .. import codecs, decode, discover, extract
from ..assemble import assemble
from ..diagnose import diagnose
from ..errors import InputError
from .parts import Part, in_parts, side_by_side

Progress = Callable[[int], None]
"""Called with the number of stored bytes that were read since the last call."""

_LINES_PER_BATCH = 16_000
_FILE_STRIDE = 2**44  # files of a log are ordered before the offsets inside them; none is 16 TiB
_ISSUES_PER_CODE = 100


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read. Limits for untrusted input: a line's length, and how many times larger a file may get when it is
    decompressed. `workers` is the number of threads that read one large log; the result does not depend on it.
    `thresholds` are those of the findings."""

    max_line_bytes: int = 256 * 2**20
    max_ratio: int = 1000
    workers: int = 1
    thresholds: Thresholds = field(default_factory=lambda: Thresholds())


@dataclass(slots=True)
class _Issues:
    """Collects issues of one file; past a number of one kind it only counts."""

    file: str
    kept: list[ImportIssue] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)

    def report(self, issue: ImportIssue) -> None:
        self.seen[issue.code] = self.seen.get(issue.code, 0) + 1
        if self.seen[issue.code] <= _ISSUES_PER_CODE:
            self.kept.append(ImportIssue(issue.code, issue.message, self.file, issue.line, issue.offset, issue.count))

    def all(self) -> list[ImportIssue]:
        more = {code: count - _ISSUES_PER_CODE for code, count in self.seen.items() if count > _ISSUES_PER_CODE}
        return self.kept + [
            ImportIssue(code, f"{count:,} more of this kind", self.file, count=count) for code, count in more.items()
        ]


def read_log(
    log: EventLog,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    parts_read: Callable[..., Iterator["PartRead"]] = side_by_side,
) -> EventLogTables:
    """Reads one application attempt's log into its tables; the parts of a large one by `parts_read`, see side_by_side.

    Raises:
        InputError: no file of it can be read, or it holds no event at all.
        AssemblyError: it holds events, but none of a Spark application.
    """
    options = options or ReadOptions()
    return diagnose(read_undiagnosed(log, options, progress, parts_read), options.thresholds)


def read_undiagnosed(
    log: EventLog,
    options: ReadOptions,
    progress: Progress | None = None,
    parts_read: Callable[..., Iterator["PartRead"]] = side_by_side,
) -> EventLogTables:
    """As `read_log`, with `findings` still empty: see diagnose."""
    with discover.fetched(log) as there, _without_collecting():
        return _read_log(there, options, progress, parts_read)


def _read_log(
    log: EventLog, options: ReadOptions, progress: Progress | None, parts_read: Callable[..., Iterator["PartRead"]]
) -> EventLogTables:
    parts = in_parts(log, options.workers, splittable)
    batches: list[Mapping[str, Any]] = []
    issues: list[ImportIssue] = []
    events = lines = 0
    for part, read in zip(parts, parts_read(read_part, parts, options, options.workers, progress), strict=True):
        batches.extend(read.batches)
        read.batches.clear()
        lines = 0 if part.start == 0 else lines
        issues.extend(replace(i, line=None if i.line is None else i.line + lines) for i in read.issues)
        lines += read.lines
        events += read.events
    if not events:
        raise InputError(_no_log(log, issues))
    rows = extract.concat(batches)
    batches.clear()  # what is assembled can then be let go
    return assemble(rows, log, issues)


def _no_log(log: EventLog, issues: list[ImportIssue]) -> str:
    if not log.size:
        return f"{log.name}: empty; Spark writes a log's first lines when the application starts"
    if issues and issues[0].code == "file_unreadable":
        return issues[0].message
    why = f" ({issues[0].message})" if issues else ""
    return f"{log.name}: no Spark event log: no line of it is an event{why}; check the path"


@dataclass(frozen=True, slots=True)
class PartRead:
    """What one part of a log holds: record batches by event table, in order; issues, whose lines count from the part's
    first; how many lines and events there were."""

    batches: list[Mapping[str, Any]]
    issues: list[ImportIssue]
    lines: int
    events: int


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Reading makes millions of tuples and no cycles: Python's cycle collector only costs a quarter of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def read_part(part: Part, options: ReadOptions, progress: Progress | None = None) -> PartRead:
    """Reads one part of a log, in any thread.

    Raises:
        InputError: the file is refused as a decompression bomb. A file that cannot be read is an issue.
    """
    issues = _Issues(part.file.name)
    batches: list[Mapping[str, Any]] = []
    events, lines, decoded = 0, 0, decode.Decoded()
    try:
        with discover.open_file(part.file, options.max_ratio) as raw:
            chunks = _chunks(_Counted(raw, progress) if progress else raw, part, options)
            for batch in decode.split_lines(
                chunks, issues.report, start=part.start, end=part.end, max_line_bytes=options.max_line_bytes
            ):
                decode.decode_lines(batch, decoded, issues.report)
                lines = batch.number + batch.count - 1
                if decoded.lines >= _LINES_PER_BATCH:
                    batches.append(extract.extract(decoded.close(), decode.PATHS, part.index * _FILE_STRIDE))
                    events, decoded = events + decoded.count, decode.Decoded()
    except codecs.LimitExceeded as error:
        raise InputError(f"{part.file.name}: {error}") from error
    except (InputError, OSError) as error:
        message = str(error) if part.file.name in str(error) else f"{part.file.name}: {error}"
        issues.report(ImportIssue("file_unreadable", message))
    batches.append(extract.extract(decoded.close(), decode.PATHS, part.index * _FILE_STRIDE))
    return PartRead(batches, issues.all(), lines, events + decoded.count)


def _chunks(raw: Any, part: Part, options: ReadOptions) -> Iterator[bytes | decode.Damage]:
    limits = codecs.Limits(max_ratio=options.max_ratio)
    if part.start:
        raw.seek(part.start - 1)
        return _damages(codecs.plain.decode(raw, limits))
    return _damages(codecs.open_stream(raw, limits)[1])


def splittable(file: LogFile) -> bool:
    """Whether reading can begin anywhere: the file is not compressed."""
    try:
        with discover.open_file(file) as raw:
            head = raw.read(codecs.HEAD_BYTES)
            return file.member is None and codecs.detect(head) == "plain" and codecs.is_text(head)
    except (InputError, OSError):
        return False


def _damages(chunks: Iterable[bytes | codecs.Gap]) -> Iterator[bytes | decode.Damage]:
    for chunk in chunks:
        if isinstance(chunk, bytes):
            yield chunk
            continue
        at = f"at byte {chunk.offset:,} of the stored file"
        on = (
            "nothing after it could be read" if chunk.resumed_at is None else f"reading went on at {chunk.resumed_at:,}"
        )
        yield decode.Damage("stream_truncated" if chunk.truncated else "stream_damaged", f"{chunk.reason} {at}; {on}")


@dataclass(slots=True)
class _Counted:
    """A file that tells how much of it was read."""

    raw: Any
    progress: Progress

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.raw.read(size)
        self.progress(len(data))
        return data

    def seek(self, offset: int) -> None:
        self.raw.seek(offset)
