"""Read a log whose first bytes are damaged, so that no codec recognizes it or the matching codec finds nothing there.

Two repairs are tried. First, the damaged bytes are replaced by the container's constant bytes, such as the magic of
gzip; nothing else is lost. If that fails, the codec that finds events after the damage is used. Both count only if they
yield events, so noise is never taken for a log.
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
# Without Snappy and LZF: searching their chunks is slow, and `_NEAR_BYTES` are longer than any of their chunks.
_FOUND_BY_MAGIC: tuple[Codec, ...] = (zstd, gzip, lz4)
# After a correct repair there is no damage. A search for later data first meets the damage, and few false matches.
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
        """Decode the file that begins with `head` and continues with `raw`, after a gap that reports the repair.

        Raises:
            LimitExceeded, OSError: as `Codec.decode`.
        """
        reason = f"the first bytes of the file are damaged; it is read as {self.codec.name}"
        yield Gap(0, 0, reason, truncated=False)
        shift = self.size - len(self.put)
        for item in self.codec.decode(cast(BinaryIO, Rejoined(self.put + head[self.size :], raw)), limits):
            yield _shifted(item, shift) if isinstance(item, Gap) else item


def repair(head: bytes, codecs: Sequence[Codec] = COMPRESSED) -> Repair | None:
    """The repair after which the file begins with an event; None if there is none."""
    near = head[:_NEAR_BYTES]
    if not near[_MOST_DAMAGED_BYTES:].strip(b"\x00"):  # zeros, which some containers decode as endless empty blocks
        return None
    for codec in codecs:
        for put, size in codec.repairs(near):
            first = next(_tried(codec, put + near[size:], _REPAIR_TRIAL), None)
            if isinstance(first, bytes) and first.startswith(_EVENT):
                return Repair(codec, put, size)
    return None


def behind(head: bytes) -> Codec | None:
    """The codec that finds events near the beginning of a file; None if none does."""
    for codecs, size in ((COMPRESSED, _NEAR_BYTES), (_FOUND_BY_MAGIC, SEARCHED_BYTES)):
        for codec in codecs:
            if any(isinstance(item, bytes) and _EVENT in item for item in _tried(codec, head[:size], _SEARCH_TRIAL)):
                return codec
    return None


def decode_behind(codec: Codec, head: bytes, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Decode a file whose beginning `codec` cannot read. Yields uncompressed lines of events, if only the header before
    them is lost, then a gap, then the decoded rest.

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
    """Whether these bytes contain an uncompressed event."""
    return _EVENT in head


def _tried(codec: Codec, data: bytes, limits: Limits) -> Iterator[bytes | Gap]:
    with suppress(LimitExceeded):
        yield from codec.decode(BytesIO(data), limits)


def _shifted(gap: Gap, by: int) -> Gap:
    resumed_at = None if gap.resumed_at is None else max(0, gap.resumed_at + by)
    return replace(gap, offset=max(0, gap.offset + by), resumed_at=resumed_at)


class Rejoined(BufferedIOBase):
    """A file whose first bytes were already read, since a pipe or an object store cannot seek back."""

    def __init__(self, head: bytes, raw: BinaryIO, keep: bool = False) -> None:
        """With `keep`, `beginning` can return the first bytes again, unless more than 4 MiB have been read."""
        self._next = head
        self._raw = raw
        self._given: list[bytes] | None = [] if keep else None
        self._given_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the first bytes at once, then the rest of the file."""
        part, self._next = self._next, b""
        part = part or self._raw.read(-1 if size is None else size)
        if self._given is not None:
            self._given.append(part)
            self._given_bytes += len(part)
            if self._given_bytes > SEARCHED_BYTES:
                self._given = None
        return part

    def forget(self) -> None:
        """Stop keeping bytes."""
        self._given = None

    def beginning(self) -> bytes | None:
        """Everything read so far and enough more bytes to detect the format; None if it was not kept. Reading continues
        at the same position, but bytes are no longer kept."""
        given, self._given = self._given, None
        if given is None:
            return None
        self._next = more(self._next, self._raw, _NEAR_BYTES - self._given_bytes)
        return b"".join([*given, self._next])


def more(head: bytes, raw: BinaryIO, size: int) -> bytes:
    """The beginning of a file, including the bytes `head` already read, up to at least `size` bytes or its end."""
    parts, known = [head], len(head)
    while known < size and (part := raw.read(_READ_BYTES)):
        parts.append(part)
        known += len(part)
    return b"".join(parts)
