"""Writers of the containers that the codecs read, in the shape that Spark's libraries give them."""

from __future__ import annotations

import gzip
import io
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

import pyarrow as pa
import xxhash
import zstandard

from afterglow.ingest.codecs import CODECS, Gap, Limits

LZ4_END = b"LZ4Block" + struct.pack("<BiiI", 0x15, 0, 0, 0)
SNAPPY_HEADER = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)


def split(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Cut data into pieces of these sizes, over and over."""
    pieces = []
    at = turn = 0
    while at < len(data):
        pieces.append(data[at : at + sizes[turn % len(sizes)]])
        at += sizes[turn % len(sizes)]
        turn += 1
    return pieces


def zstd_frame(piece: bytes, level: int = 1, checksum: bool = False, size: bool = False) -> bytes:
    """One frame, by default without checksum and content size as Spark writes it."""
    return zstandard.ZstdCompressor(level=level, write_checksum=checksum, write_content_size=size).compress(piece)


def gzip_member(piece: bytes) -> bytes:
    """One member."""
    return gzip.compress(piece, 5, mtime=0)


def lz4_block(piece: bytes, checksum: int | None = None) -> bytes:
    """One block, raw if it cannot be made smaller (LZ4BlockOutputStream.flushBufferedData)."""
    if checksum is None:
        checksum = xxhash.xxh32_intdigest(piece, 0x9747B28C) & 0x0FFFFFFF
    packed: bytes = pa.Codec("lz4_raw").compress(piece, asbytes=True)
    method, content = (0x20, packed) if len(packed) < len(piece) else (0x10, piece)
    level = max(0, (len(piece) - 1).bit_length() - 10)
    return b"LZ4Block" + struct.pack("<BiiI", method | level, len(content), len(piece), checksum) + content


def snappy_chunk(piece: bytes) -> bytes:
    """One chunk."""
    packed: bytes = pa.Codec("snappy").compress(piece, asbytes=True)
    return struct.pack(">i", len(packed)) + packed


def lzf_chunk(piece: bytes) -> bytes:
    """One chunk of at most 65,535 bytes, raw if it cannot be made smaller."""
    packed = b"".join(_lzf_tokens(piece))
    if len(packed) + 2 < len(piece):
        return b"ZV\x01" + struct.pack(">HH", len(packed), len(piece)) + packed
    return b"ZV\x00" + struct.pack(">H", len(piece)) + piece


def _lzf_tokens(piece: bytes) -> Iterator[bytes]:
    seen: dict[bytes, int] = {}
    at = pending = 0
    end = len(piece)
    while at < end:
        key = piece[at : at + 3]
        found = seen.get(key, -1)
        seen[key] = at
        if found < 0 or at - found > 8192 or len(key) < 3:
            at += 1
            continue
        length = 3
        while length < 264 and at + length < end and piece[found + length] == piece[at + length]:
            length += 1
        yield from _lzf_literals(piece[pending:at])
        back = at - found - 1
        if length < 9:
            yield bytes([(length - 2) << 5 | back >> 8, back & 255])
        else:
            yield bytes([7 << 5 | back >> 8, length - 9, back & 255])
        at += length
        pending = at
    yield from _lzf_literals(piece[pending:])


def _lzf_literals(run: bytes) -> Iterator[bytes]:
    for start in range(0, len(run), 32):
        part = run[start : start + 32]
        yield bytes([len(part) - 1]) + part


@dataclass(frozen=True)
class Container:
    """How a codec's files are put together: units that stand for themselves, and what is around them."""

    name: str
    unit: Callable[[bytes], bytes]
    head: bytes = b""
    tail: bytes = b""

    def write(self, pieces: Sequence[bytes]) -> tuple[bytes, list[tuple[int, int]]]:
        """The file that holds the pieces, and where in it the unit of each begins and ends."""
        parts = [self.head]
        places = []
        at = len(self.head)
        for piece in pieces:
            unit = self.unit(piece)
            parts.append(unit)
            places.append((at, at + len(unit)))
            at += len(unit)
        return b"".join([*parts, self.tail]), places


ZSTD = Container("zstd", zstd_frame)
ZSTD_CHECKED = Container("zstd", lambda piece: zstd_frame(piece, level=3, checksum=True, size=True))
GZIP = Container("gzip", gzip_member)
LZ4 = Container("lz4", lz4_block, tail=LZ4_END)
SNAPPY = Container("snappy", snappy_chunk, head=SNAPPY_HEADER)
LZF = Container("lzf", lzf_chunk)
CONTAINERS = [ZSTD, ZSTD_CHECKED, GZIP, LZ4, SNAPPY, LZF]


class Dribble(io.RawIOBase):
    """A file that cannot seek and gives as few bytes at a time as it likes."""

    def __init__(self, data: bytes, sizes: Sequence[int] = (1 << 20,)) -> None:
        self._pieces = iter(split(data, sizes))
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, often fewer."""
        assert size > 0, "a codec must bound what it reads"
        piece = self._rest or next(self._pieces, b"")
        self._rest = piece[size:]
        return piece[:size]


def decoded(name: str, data: bytes, sizes: Sequence[int] = (1 << 20,), limits: Limits | None = None) -> Decoded:
    """Decode with the codec of this name, whatever the first bytes say."""
    codec = next(codec for codec in CODECS if codec.name == name)
    chunks: list[bytes] = []
    gaps: list[Gap] = []
    order: list[bytes | Gap] = []
    for item in codec.decode(cast(BinaryIO, Dribble(data, sizes)), limits or Limits()):
        order.append(item)
        if isinstance(item, Gap):
            gaps.append(item)
        else:
            assert 0 < len(item) <= 4 << 20
            chunks.append(item)
    return Decoded(b"".join(chunks), gaps, order)


@dataclass(frozen=True)
class Decoded:
    """What a codec gave."""

    data: bytes
    gaps: list[Gap]
    items: list[bytes | Gap]
