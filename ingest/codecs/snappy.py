"""Snappy in the container of snappy-java (org.xerial.snappy.SnappyOutputStream).

A header of 16 bytes, then chunks: a big-endian length and that many bytes of raw snappy, which begin with the length of
what they expand to. The header occurs again where streams were appended to each other. There is no checksum and no end
mark, so a cut between chunks is invisible, and damage that still decodes goes unseen.

Guarantees: every chunk before damage is read. After damage, a chunk is found by its header, or by two consistent
lengths that another chunk, a header or the file's end follows, and by decoding. So chunks after the damage are found
unless the damaged bytes contain something that looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import pyarrow as pa

from .interface import Gap, Limits
from .resync import KEEP_BYTES, Window, blocks, chunks, nearest

name = "snappy"

MAGIC = b"\x82SNAPPY\x00"
_HEADER_BYTES = 16
_HEADER = MAGIC + b"\x00\x00\x00\x01" * 2  # version, and the oldest that can read it
# Spark writes chunks of 32 KiB (spark.io.compression.snappy.blockSize); this allows for higher settings.
_LARGEST_CHUNK_BYTES = 32 << 20
_LARGEST_PACKED_BYTES = 32 + _LARGEST_CHUNK_BYTES + _LARGEST_CHUNK_BYTES // 6
_SHORTEST_BYTES = 8  # with fewer, a damaged chunk cannot be distinguished from a cut one
# A chunk of at most 32 MiB has a length that begins with 0, 1 or 2 and is not 0: a hole in a file is full of zeros.
_CANDIDATE = re.compile(rb"\x82SNAPPY\x00|(?=[\x00-\x02](?!\x00{3})[\x00-\xff]{3}[\x01-\xff])")
_CANDIDATE_BYTES = 8
_DECOMPRESS = pa.Codec("snappy").decompress


def matches(head: bytes) -> bool:
    """The magic of the header."""
    return head.startswith(MAGIC)


def decode(raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Decompress all chunks of a file; see `Codec.decode`."""
    window = Window(raw, KEEP_BYTES)
    return chunks("the snappy file", window, limits, blocks(window, _read, _seek, limits))


def repairs(head: bytes) -> Iterator[tuple[bytes, int]]:
    """The header, if a chunk follows; see `Codec.repairs`."""
    window = Window(BytesIO(head))
    for window.at in nearest(_HEADER_BYTES):
        if _is_followed(window):
            yield _HEADER, window.at


def _read(window: Window) -> tuple[int, bytes] | Gap | None:
    if not window.has(1):
        return None
    if _is_header(window):
        if not window.has(_HEADER_BYTES):
            return _short(window)
        return _HEADER_BYTES, b""
    sizes = _sizes(window)
    if sizes is None:
        if window.has(_SHORTEST_BYTES):
            return Gap(window.offset, None, "no snappy chunk where one should begin", truncated=False)
        return _short(window)
    packed_bytes, original_bytes = sizes
    if not window.has(4 + packed_bytes):
        return _short(window)
    packed = window.data[window.at + 4 : window.at + 4 + packed_bytes]
    try:
        return 4 + packed_bytes, _DECOMPRESS(packed, original_bytes, asbytes=True)
    except OSError:
        return Gap(window.offset, None, "snappy chunk does not decode", truncated=False)


def _seek(window: Window) -> bool:
    """Move to the next header, or to the next apparent chunk that is followed by another one or by the end."""
    while window.find(_CANDIDATE, _CANDIDATE_BYTES):
        if _is_header(window):
            return True
        if _is_followed(window):
            return True
        window.at += 1
    return False


def _is_followed(window: Window) -> bool:
    """Whether another apparent chunk or the end follows the apparent chunk at the position."""
    sizes = _sizes(window)
    if sizes is None or not window.has(4 + sizes[0]):
        return False
    following = 4 + sizes[0]
    return not window.has(following + 1) or _is_header(window, following) or _sizes(window, following) is not None


def _is_header(window: Window, ahead: int = 0) -> bool:
    window.has(ahead + len(MAGIC))
    return window.data.startswith(MAGIC, window.at + ahead)


def _sizes(window: Window, ahead: int = 0) -> tuple[int, int] | None:
    """The lengths of the chunk `ahead` of the position, packed and original; None if there can be no chunk."""
    if not window.has(ahead + 5):
        return None
    packed = int.from_bytes(window.data[window.at + ahead : window.at + ahead + 4], "big")
    if packed > _LARGEST_PACKED_BYTES:
        return None
    original = 0
    for index in range(4):
        if not window.has(ahead + 5 + index):
            return None
        byte = window.data[window.at + ahead + 4 + index]
        original |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            break
    else:
        return None
    # Snappy's worst case (snappy::MaxCompressedLength) and its best case, 64 bytes in every three.
    fits = original <= _LARGEST_CHUNK_BYTES and packed <= 32 + original + original // 6 and original <= 22 * packed
    return (packed, original) if fits else None


def _short(window: Window) -> Gap:
    return Gap(window.offset, None, "file ends inside a snappy chunk", truncated=True)
