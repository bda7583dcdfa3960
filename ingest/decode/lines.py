"""Decompressed chunks -> batches of whole lines, with where they stand."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ...schemas.issues import ImportIssue


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines that follow each other. `offset` and `number` are the first one's; `open_end` is True where the
    last one has no newline, as at the end of a log that was cut."""

    lines: list[bytes]
    offset: int
    number: int
    open_end: bool = False


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
    """Cuts a byte stream into lines, whatever the chunks' sizes.

    `start` and `end` bound the range of one reader of several: it gets the lines that begin in [start, end), its
    chunks begin at `start - 1`, and it reads on until its last line is whole. Line numbers count from the range's
    first line. Damage in the stream ends the line under way. Longer lines than `max_line_bytes` are reported
    (`line_too_long`) and passed over without being held.
    """
    carry: list[bytes] = []
    held, offset, number = 0, start, 1
    passing = start > 0  # the line under way belongs to the reader before, or is too long
    if passing:
        offset = start - 1
        number = 0
    for chunk in chunks:
        if isinstance(chunk, Damage):
            if held and not passing:
                yield Lines([b"".join(carry)], offset, number, open_end=chunk.code == "stream_truncated")
            offset, number, carry, held, passing = offset + held, number + 1, [], 0, False
            report(ImportIssue(chunk.code, chunk.message, line=number, offset=offset))
            continue
        newline = chunk.find(b"\n")
        if newline < 0:
            held += len(chunk)
            if passing:
                continue
            if held > max_line_bytes:
                report(_too_long(max_line_bytes, offset, number))
                carry, passing = [], True
                continue
            carry.append(chunk)
            continue
        if passing:
            offset, number, passing = offset + held + newline + 1, number + 1, False
            carry, held, chunk = [], 0, chunk[newline + 1 :]
            if end is not None and offset >= end:
                return
        lines = chunk.split(b"\n")
        if carry:
            lines[0] = b"".join([*carry, lines[0]])
        last = lines.pop()
        if lines:
            size = held + len(chunk) - len(last)
            batch = Lines(lines, offset, number)
            over = end is not None and offset + size >= end
            if end is not None and over:
                batch = _before(end, batch)
            if size > max_line_bytes:
                yield from _without_long(batch, max_line_bytes, report)
            else:
                yield batch
            if over:
                return
            offset, number = offset + size, number + len(lines)
        carry, held = [last] if last else [], len(last)
    if held > max_line_bytes and not passing:
        report(_too_long(max_line_bytes, offset, number))
    elif held and not passing:
        yield Lines([b"".join(carry)], offset, number, open_end=True)


def _before(end: int, batch: Lines) -> Lines:
    at, keep = batch.offset, 0
    for line in batch.lines:
        if at >= end:
            break
        keep, at = keep + 1, at + len(line) + 1
    return Lines(batch.lines[:keep], batch.offset, batch.number)


def _without_long(batch: Lines, limit: int, report: Callable[[ImportIssue], None]) -> Iterator[Lines]:
    offset = batch.offset
    for number, line in enumerate(batch.lines, batch.number):
        if len(line) > limit:
            report(_too_long(limit, offset, number))
        else:
            yield Lines([line], offset, number)
        offset += len(line) + 1


def _too_long(limit: int, offset: int, number: int) -> ImportIssue:
    message = f"a line of more than {limit:,} bytes was passed over; raise --max-line-bytes to read it"
    return ImportIssue("line_too_long", message, line=number, offset=offset)
