"""Split a log into parts to read in parallel: segments of a rolling log, and byte ranges of uncompressed files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import pyarrow as pa

from ..schemas.issues import ImportIssue
from ..schemas.logs import EventLog, LogFile
from . import codecs, decode, discover, extract
from .errors import InputError
from .options import Progress, ReadOptions
from .storage_errors import explain

_PART_BYTES = 32 * 2**20
_LINES_PER_BATCH = 16_000
BATCH_MEMORY_BYTES = 192 * 2**20
"""A batch is closed when its events may need this much memory."""
_FILE_STRIDE = 2**44  # files of a log are ordered before the offsets inside them; none is 16 TiB
_ISSUES_PER_CODE = 100


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of `file` that begin at bytes [start, end); up to the end of the file if `end` is None. `index` is the
    position of the file in the log."""

    file: LogFile
    index: int
    start: int = 0
    end: int | None = None

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return (self.file.size if self.end is None else self.end) - self.start


def split_log(log: EventLog, workers: int) -> list[Part]:
    """The parts of a log, in order. With one worker there is one part per file."""
    parts: list[Part] = []
    for index, file in enumerate(log.files):
        if workers > 1 and file.size >= 2 * _PART_BYTES and _is_splittable(file):
            bounds = list(range(0, file.size, _PART_BYTES))
            ends: list[int | None] = [*bounds[1:], None]
            parts.extend(Part(file, index, start, end) for start, end in zip(bounds, ends, strict=True))
        else:
            parts.append(Part(file, index))
    return parts


@dataclass(slots=True)
class _Issues:
    """Collects the issues of one file; beyond a limit per code it only counts them."""

    file: str
    kept: list[ImportIssue] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    more: dict[str, int] = field(default_factory=dict)

    def report(self, issue: ImportIssue) -> None:
        self.seen[issue.code] = self.seen.get(issue.code, 0) + 1
        if self.seen[issue.code] <= _ISSUES_PER_CODE:
            self.kept.append(replace(issue, file=self.file))
        else:
            self.more[issue.code] = self.more.get(issue.code, 0) + issue.count

    def all(self) -> list[ImportIssue]:
        return self.kept + [
            ImportIssue(code, f"{count:,} more of this kind", self.file, count=count)
            for code, count in self.more.items()
        ]


@dataclass(frozen=True, slots=True)
class PartRead:
    """The content of one part: record batches by event table, in order; issues; the numbers of lines and events. Line
    numbers count from the part's first line.

    `log_starts` are the indices of the batches where a log may begin, and the place of each: a file may hold the logs
    of several applications, one after the other.
    """

    batches: list[Mapping[str, pa.RecordBatch]]
    issues: list[ImportIssue]
    lines: int
    events: int
    log_starts: Mapping[int, extract.LogStart]


@dataclass(slots=True)
class _Batches:
    """Collects the decoded events of one part as record batches, each of bounded memory."""

    file: str
    base: int
    report: Callable[[ImportIssue], None]
    application_seen: bool
    batches: list[Mapping[str, pa.RecordBatch]] = field(default_factory=list)
    log_starts: dict[int, extract.LogStart] = field(default_factory=dict)
    events: int = 0
    decoded: decode.Decoded = field(default_factory=decode.Decoded)
    starts: dict[int, int] = field(default_factory=dict)

    def add(self, block: decode.Lines) -> None:
        """Decodes a block of lines. `starts` gets offset and line number of every event where a log may begin."""
        decode.decode_lines(block, self.decoded, self.report)
        found = decode.log_starts(self.decoded, self.application_seen, block.offset)
        self.starts.update(zip(found, block.numbers_at(found), strict=True))

    def is_full(self) -> bool:
        """A batch's text stays below the 2 GiB that Arrow can address, and its memory bounded."""
        return self.decoded.lines >= _LINES_PER_BATCH or self.decoded.memory_bytes >= BATCH_MEMORY_BYTES

    def close(self) -> None:
        """Extracts the decoded events and begins a new batch."""
        decoded = self.decoded.close()
        self.events += decoded.count
        for offset, part in decode.split_at(decoded, sorted(self.starts)):
            if offset is not None:
                self.log_starts[len(self.batches)] = extract.LogStart(self.file, offset, self.starts[offset])
            self.batches.append(extract.extract(part, decode.PATHS, self.base, self.report))
        self.application_seen = decode.application_seen(decoded, self.application_seen)
        self.decoded = decode.Decoded()
        self.starts.clear()


def read_part(part: Part, options: ReadOptions, progress: Progress | None = None) -> PartRead:
    """Reads one part of a log, in any thread.

    Raises:
        InputError: the file is refused as a decompression bomb. A file that cannot be read is an issue.
    """
    issues = _Issues(part.file.name)
    is_first = part.index == 0 and part.start == 0
    batches = _Batches(part.file.name, part.index * _FILE_STRIDE, issues.report, application_seen=not is_first)
    lines = 0
    try:
        with discover.open_file(part.file, options.max_ratio) as raw:
            chunks = _chunks(cast(BinaryIO, _Counted(raw, progress)) if progress else raw, part, options)
            for block in decode.split_lines(
                chunks, issues.report, start=part.start, end=part.end, max_line_bytes=options.max_line_bytes
            ):
                batches.add(block)
                lines = block.number + block.count - 1
                if batches.is_full():
                    batches.close()
    except codecs.LimitExceeded as error:
        raise InputError(f"{part.file.name}: {error}") from error
    except (InputError, OSError) as error:
        message = str(error) if isinstance(error, InputError) else f"{part.file.name}: {explain(error)}"
        issues.report(ImportIssue("file_unreadable", message))
    batches.close()
    return PartRead(batches.batches, issues.all(), lines, batches.events, batches.log_starts)


def _chunks(raw: BinaryIO, part: Part, options: ReadOptions) -> Iterator[bytes | decode.Damage]:
    limits = codecs.Limits(max_ratio=options.max_ratio)
    if part.start:
        raw.seek(part.start - 1)
        return _damages(codecs.plain.decode(raw, limits))
    return _damages(codecs.open_stream(raw, limits)[1])


def _is_splittable(file: LogFile) -> bool:
    """Whether reading can begin at any byte: the file is not compressed."""
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
    """A file that reports how many bytes of it were read."""

    raw: BinaryIO
    progress: Progress

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.raw.read(size)
        self.progress(len(data))
        return data

    def seek(self, offset: int) -> None:
        self.raw.seek(offset)
