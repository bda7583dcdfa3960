"""A log whose first bytes are damaged, so that no codec knows it, or the one that does finds nothing where it begins.

Two things are tried. The first bytes are replaced by what a container says there, with which nothing but they is lost:
the magic of a gzip file is all that stands between one and its events. Where that does not help, the codec is taken
that finds events behind the damage. Both count only if events come out, so that noise is never taken for a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BufferedIOBase, BytesIO
from typing import BinaryIO, cast

from . import gzip, lz4, lzf, snappy, zstd
from .interface import Codec, Gap, LimitExceeded, Limits

COMPRESSED: tuple[Codec, ...] = (zstd, gzip, lz4, snappy, lzf)
SEARCHED_BYTES = 4 << 20

_READ_BYTES = 1 << 20
_NEAR_BYTES = 128 << 10
_MOST_DAMAGED_BYTES = 16
# Snappy's and LZF's chunks are found by their lengths, which is slow, and none is longer than what is near.
_FOUND_BY_MAGIC: tuple[Codec, ...] = (zstd, gzip, lz4)
# A repair that is right finds nothing damaged; what is behind damage is behind it, and little that looks like it.
_REPAIR_TRIAL = Limits(max_output_bytes=8 << 20, max_damaged_places=0)
_SEARCH_TRIAL = Limits(max_output_bytes=8 << 20, max_damaged_places=100)
_EVENT = b'{"Event":"'
_IN_THE_CLEAR = re.compile(rb'[\x00\s]*((?:\{"Event":"[^\x00-\x1f]+\}\r?\n)+)')


@dataclass(frozen=True)
class Repair:
    """`put` in place of the first `size` bytes of a file makes it one that `codec` reads from its beginning."""

    codec: Codec
    put: bytes
    size: int

    def decode(self, head: bytes, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
        """The file that begins with `head` and goes on with `raw`, after a gap that says what was done.

        Raises:
            LimitExceeded, OSError: as `Codec.decode`.
        """
        reason = f"the first bytes of the file are damaged; it is read as {self.codec.name}"
        yield Gap(0, 0, reason, truncated=False)
        shift = self.size - len(self.put)
        for item in self.codec.decode(cast(BinaryIO, Rejoined(self.put + head[self.size :], raw)), limits):
            yield _shifted(item, shift) if isinstance(item, Gap) else item


def repair(head: bytes, codecs: Sequence[Codec] = COMPRESSED) -> Repair | None:
    """What makes the beginning of a file one that begins with an event; None if nothing does."""
    near = head[:_NEAR_BYTES]
    if not near[_MOST_DAMAGED_BYTES:].strip(b"\x00"):  # a hole, of which some containers make endless empty blocks
        return None
    for codec in codecs:
        for put, size in codec.repairs(near):
            first = next(_tried(codec, put + near[size:], _REPAIR_TRIAL), None)
            if isinstance(first, bytes) and first.startswith(_EVENT):
                return Repair(codec, put, size)
    return None


def behind(head: bytes) -> Codec | None:
    """The codec that finds events somewhere in the beginning of a file; None if none does."""
    for codecs, size in ((COMPRESSED, _NEAR_BYTES), (_FOUND_BY_MAGIC, SEARCHED_BYTES)):
        for codec in codecs:
            if any(isinstance(item, bytes) and _EVENT in item for item in _tried(codec, head[:size], _SEARCH_TRIAL)):
                return codec
    return None


def decode_behind(codec: Codec, head: bytes, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """A file that begins with something else than `codec` reads: lines of events that stand there in the clear, because
    only the header before them is gone, then a gap, then what it reads.

    Raises:
        LimitExceeded, OSError: as `Codec.decode`.
    """
    items = codec.decode(cast(BinaryIO, Rejoined(head, raw)), limits)
    first = next(items, None)
    if not isinstance(first, Gap):
        yield Gap(0, 0, f"the file does not begin as {codec.name} does", truncated=False)
    elif clear := _IN_THE_CLEAR.match(head, 0, first.resumed_at or 0):
        yield clear[1]
        first = replace(first, offset=clear.end())
    if first is not None:
        yield first
    yield from items


def has_event(head: bytes) -> bool:
    """Whether an event stands in these bytes as they are."""
    return _EVENT in head


def _tried(codec: Codec, data: bytes, limits: Limits) -> Iterator[bytes | Gap]:
    with suppress(LimitExceeded):
        yield from codec.decode(BytesIO(data), limits)


def _shifted(gap: Gap, by: int) -> Gap:
    resumed_at = None if gap.resumed_at is None else max(0, gap.resumed_at + by)
    return replace(gap, offset=max(0, gap.offset + by), resumed_at=resumed_at)


class Rejoined(BufferedIOBase):
    """A file of which the first bytes were read already; a pipe or an object store cannot go back to them."""

    def __init__(self, head: bytes, raw: BinaryIO, keep: bool = False) -> None:
        """With `keep`, the beginning can be asked for again, unless more than 4 MiB were read by then."""
        self._next = head
        self._raw = raw
        self._given: list[bytes] | None = [] if keep else None
        self._given_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The first bytes at once, then what the file gives."""
        part, self._next = self._next, b""
        part = part or self._raw.read(-1 if size is None else size)
        if self._given is not None:
            self._given.append(part)
            self._given_bytes += len(part)
            if self._given_bytes > SEARCHED_BYTES:
                self._given = None
        return part

    def forget(self) -> None:
        """From now on nothing is kept."""
        self._given = None

    def beginning(self) -> bytes | None:
        """All that was read so far and enough more to judge the file by; None if it was not kept. Reading goes on where
        it was, but is not kept any longer."""
        given, self._given = self._given, None
        if given is None:
            return None
        self._next = more(self._next, self._raw, _NEAR_BYTES - self._given_bytes)
        return b"".join([*given, self._next])


def more(head: bytes, raw: BinaryIO, size: int) -> bytes:
    """The beginning of a file, of which `head` was read, up to at least `size` bytes or its end."""
    parts, known = [head], len(head)
    while known < size and (part := raw.read(_READ_BYTES)):
        parts.append(part)
        known += len(part)
    return b"".join(parts)
