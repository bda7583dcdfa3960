"""Decompressed chunks -> blocks of whole lines, with their offset and line number."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ...schemas.issues import ImportIssue


@dataclass(slots=True)
class Lines:
    """A block of whole lines: `data` from `begin` to `end`. `offset` and `number` are the first line's. `open_end` is
    True where the last line has no newline, as at the end of a log that was cut. `counted` caches `count`."""

    data: bytes
    offset: int
    number: int
    open_end: bool = False
    begin: int = 0
    end: int = -1
    counted: int | None = None

    def __post_init__(self) -> None:
        if self.end < 0:
            self.end = len(self.data)

    @property
    def lines(self) -> list[bytes]:
        """The lines, without their newlines."""
        lines = self.data[self.begin : self.end].split(b"\n")
        if not lines[-1]:
            lines.pop()
        return lines

    @property
    def count(self) -> int:
        """The number of lines."""
        if self.counted is None:
            unfinished = not self.data.endswith(b"\n", self.begin, self.end)
            self.counted = self.data.count(b"\n", self.begin, self.end) + unfinished
        return self.counted

    def numbers_at(self, offsets: Iterable[int]) -> Iterator[int]:
        """The number of the line that holds the byte at each of these offsets of the stream, which ascend."""
        number, at = self.number, self.begin
        for offset in offsets:
            to = self.begin + offset - self.offset
            number, at = number + self.data.count(b"\n", at, to), to
            yield number


@dataclass(frozen=True, slots=True)
class Damage:
    """A place where the byte stream before decoding was damaged: `code` is one of schemas.issues."""

    code: str
    message: str


def split_lines(
    chunks: Iterable[bytes | Damage],
    report: Callable[[ImportIssue], None],
    *,
    start: int = 0,
    end: int | None = None,
    max_line_bytes: int = 256 * 2**20,
) -> Iterator[Lines]:
    """Cuts a byte stream into blocks of whole lines, whatever the chunks' sizes.

    `start` and `end` bound the range of one reader of several. It gets the lines that begin in [start, end). Its
    chunks begin at `start - 1`, and it reads on until its last line is whole. Line numbers count from the range's
    first line. Damage in the stream ends the current line. Lines above `max_line_bytes` are reported
    (`line_too_long`) and skipped without being held.
    """
    carry: list[bytes] = []
    held, offset, number = 0, start, 1
    skipping = start > 0  # the current line belongs to the reader before, or is too long
    if skipping:
        offset = start - 1
        number = 0
    for chunk in chunks:
        if isinstance(chunk, Damage):
            if held and not skipping:
                yield Lines(b"".join(carry), offset, number, open_end=chunk.code == "stream_truncated")
            offset, number, carry, held, skipping = offset + held, number + 1, [], 0, False
            report(ImportIssue(chunk.code, chunk.message, line=number, offset=offset))
            continue
        begin = 0
        if skipping:
            begin = chunk.find(b"\n") + 1
            if not begin:
                held += len(chunk)
                continue
            offset, number, skipping, held = offset + held + begin, number + 1, False, 0
            if end is not None and offset >= end:
                return
        stop = chunk.rfind(b"\n", begin) + 1
        if not stop:
            held += len(chunk) - begin
            if held > max_line_bytes:
                report(_too_long(max_line_bytes, offset, number))
                carry, skipping = [], True
            elif begin < len(chunk):
                carry.append(chunk[begin:] if begin else chunk)
            continue
        first = chunk.find(b"\n", begin) + 1 if carry else begin
        blocks = [(chunk, first, stop)] if first < stop else []
        if carry:
            line = b"".join((*carry, chunk[begin:first]))
            carry.clear()  # a long line is held once
            blocks.insert(0, (line, 0, len(line)))
        for data, at, to in blocks:
            over = end is not None and offset + to - at >= end
            if end is not None and over:
                to = data.index(b"\n", at + end - offset - 1) + 1
            batch = Lines(data, offset, number, False, at, to)
            if to - at > max_line_bytes:
                yield from _without_long(batch, max_line_bytes, report)
            else:
                yield batch
            if over:
                return
            offset, number = offset + to - at, number + batch.count
        blocks.clear()
        carry, held = [chunk[stop:]] if stop < len(chunk) else [], len(chunk) - stop
    if held > max_line_bytes and not skipping:
        report(_too_long(max_line_bytes, offset, number))
    elif held and not skipping:
        yield Lines(b"".join(carry), offset, number, open_end=True)


def _without_long(batch: Lines, limit: int, report: Callable[[ImportIssue], None]) -> Iterator[Lines]:
    offset = batch.offset
    for number, line in enumerate(batch.lines, batch.number):
        if len(line) > limit:
            report(_too_long(limit, offset, number))
        else:
            yield Lines(line + b"\n", offset, number)
        offset += len(line) + 1


def _too_long(limit: int, offset: int, number: int) -> ImportIssue:
    message = f"a line of more than {limit:,} bytes was skipped; raise --max-line-bytes to read it"
    return ImportIssue("line_too_long", message, line=number, offset=offset)
