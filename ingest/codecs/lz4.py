"""LZ4Block, the format of lz4-java (net.jpountz.lz4.LZ4BlockOutputStream), Spark's default codec elsewhere.

It is not the LZ4 frame format. A block is `LZ4Block`, a token (high nibble 0x10 raw, 0x20 lz4; low nibble: the largest
block of this stream is 2 ** (10 + nibble) bytes), the compressed length, the original length and a checksum, all little
endian, then the content. A stream ends with a block of length 0; streams may follow each other.

Guarantees: every block with an intact header and a matching checksum is read, whatever is damaged around it, and no
other block.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import xxhash

from .interface import Gap, Limits
from .resync import KEEP_BYTES, Window, blocks, chunks, nearest

name = "lz4"

MAGIC = b"LZ4Block"
_MAGIC_PATTERN = re.compile(MAGIC)
_HEADER = struct.Struct("<8sBiiI")
_RAW, _LZ4 = 0x10, 0x20
_LENGTHS = struct.Struct("<8sBii")
_SPARK_BLOCK_BYTES = 32 << 10  # spark.io.compression.lz4.blockSize
_SPARK_LEVEL = 5
_CHECKSUM_SEED = 0x9747B28C  # LZ4BlockOutputStream.DEFAULT_SEED
_CHECKSUM_MASK = 0x0FFFFFFF  # StreamingXXHash32.asChecksum: the upper four bits are dropped


@dataclass(frozen=True, slots=True)
class _Block:
    offset: int
    end: int
    checksum: int
    data: bytes

    def content(self) -> bytes | Gap:
        """The data, or a gap where they do not match their checksum."""
        if self.data and xxhash.xxh32_intdigest(self.data, _CHECKSUM_SEED) & _CHECKSUM_MASK != self.checksum:
            return Gap(self.offset, self.end, "lz4 block checksum does not match", truncated=False)
        return self.data


def matches(head: bytes) -> bool:
    """The magic of the first block."""
    return head.startswith(MAGIC)


def decode(raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Decompress all streams of a file; see `Codec.decode`."""
    window = Window(raw, KEEP_BYTES)
    found = blocks(window, _reader(), _seek, limits)
    verified = (item if isinstance(item, Gap) else item.content() for item in found)
    return chunks("the lz4 file", window, limits, verified)


def repairs(head: bytes) -> Iterator[tuple[bytes, int]]:
    """The magic of the first block, or its header except the checksum, if the block has Spark's size and another one
    follows; see `Codec.repairs`."""
    for size in nearest(len(MAGIC)):
        header = MAGIC + head[size : size + _LENGTHS.size - len(MAGIC)]
        if len(header) == _LENGTHS.size and _is_sound(*_LENGTHS.unpack(header)[1:]):
            yield MAGIC, size
    decompress = pa.Codec("lz4_raw").decompress
    checksum_bytes = _HEADER.size - _LENGTHS.size
    following = head.find(MAGIC, len(MAGIC))
    for size in nearest(_LENGTHS.size):
        packed = head[size + checksum_bytes : max(following, 0)]
        if packed and len(packed) < _SPARK_BLOCK_BYTES and _fits(decompress, packed, _SPARK_BLOCK_BYTES):
            yield _LENGTHS.pack(MAGIC, _LZ4 | _SPARK_LEVEL, len(packed), _SPARK_BLOCK_BYTES), size


def _reader() -> Callable[[Window], tuple[int, _Block] | Gap | None]:
    """A reader of blocks for `blocks`, which remembers whether the last one was the end of a stream."""
    decompress = pa.Codec("lz4_raw").decompress
    ended = False

    def read(window: Window) -> tuple[int, _Block] | Gap | None:
        nonlocal ended
        offset = window.offset
        if not window.has(1):
            return None if ended else Gap(offset, None, "file ends without the end mark of lz4", truncated=True)
        if not window.has(_HEADER.size):
            return _short(window)
        magic, token, packed_bytes, original_bytes, checksum = _HEADER.unpack_from(window.data, window.at)
        if magic != MAGIC:
            return Gap(offset, None, "no lz4 block where one should begin", truncated=False)
        method = token & 0xF0
        is_end = packed_bytes == original_bytes == checksum == 0
        if not _is_sound(token, packed_bytes, original_bytes) and not (is_end and method in (_RAW, _LZ4)):
            return Gap(offset, None, "lz4 block header is damaged", truncated=False)
        size = _HEADER.size + packed_bytes
        if not window.has(size):
            return _short(window)
        content = window.data[window.at + _HEADER.size : window.at + size]
        if method == _LZ4 and not is_end:
            try:
                content = decompress(content, original_bytes, asbytes=True)
            except OSError:
                return Gap(offset, None, "lz4 block does not decode", truncated=False)
        ended = is_end
        return size, _Block(offset, offset + size, checksum, content)

    return read


def _is_sound(token: int, packed_bytes: int, original_bytes: int) -> bool:
    """The conditions of LZ4BlockInputStream.refill."""
    method = token & 0xF0
    fits = 0 < packed_bytes <= original_bytes <= 1 << (10 + (token & 0x0F))
    return (method == _LZ4 and fits) or (method == _RAW and fits and packed_bytes == original_bytes)


def _fits(decompress: Callable[..., object], packed: bytes, size: int) -> bool:
    """Whether a block expands to `size` bytes or less. Arrow does not report how much of the buffer it filled."""
    try:
        decompress(packed, size)
    except OSError:
        return False
    return True


def _short(window: Window) -> Gap:
    return Gap(window.offset, None, "file ends inside an lz4 block", truncated=True)


def _seek(window: Window) -> bool:
    return window.find(_MAGIC_PATTERN, len(MAGIC))
