"""LZF in the chunks of the ning library (com.ning.compress.lzf.LZFOutputStream).

A chunk is `ZV`, a type, a big-endian length of two bytes and its content: raw for type 0; for type 1 another two bytes
with the length it expands to, then lzf. There is no checksum and no end mark, so a cut between chunks is invisible, and
damage that still decodes goes unseen.

None of our dependencies supports LZF, and few logs use it. The Python code decompresses about 30 MB/s.

Guarantees: every chunk before and after damage is read. After damage, a chunk is found by `ZV`, a type, lengths after
which another chunk or the file's end follows, and by decoding.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from .interface import Gap, Limits
from .resync import KEEP_BYTES, Window, blocks, chunks, nearest

name = "lzf"

MAGIC = b"ZV"
_LZF = 1
_CHUNK_START = re.compile(rb"ZV[\x00\x01]")
_CHUNK_START_BYTES = 3
_PACKED_HEADER_BYTES = 7
_LENGTHS = struct.Struct(">HH")
_LARGEST_BYTES = (1 << 16) - 1


def matches(head: bytes) -> bool:
    """The magic of a chunk and one of the two types, since a text may begin with ZV."""
    return _CHUNK_START.match(head) is not None


def decode(raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Decompress all chunks of a file; see `Codec.decode`."""
    window = Window(raw, KEEP_BYTES)
    return chunks("the lzf file", window, limits, blocks(window, _read, _seek, limits))


def repairs(head: bytes) -> Iterator[tuple[bytes, int]]:
    """The magic of the first chunk, or its whole header, if another one or the file's end
    follows; see `Codec.repairs`."""
    for size in nearest(len(MAGIC)):
        window = Window(BytesIO(MAGIC + head[size:]))
        if window.has(_CHUNK_START_BYTES) and window.data[2] <= _LZF and _is_followed(window):
            yield MAGIC, size
    following = _CHUNK_START.search(head, len(MAGIC))
    for size in nearest(_PACKED_HEADER_BYTES):
        packed = head[size : following.start() if following else None]
        original_bytes = expanded_size(packed) if 0 < len(packed) <= _LARGEST_BYTES else None
        if original_bytes is not None and original_bytes <= _LARGEST_BYTES:
            yield MAGIC + bytes([_LZF]) + _LENGTHS.pack(len(packed), original_bytes), size


def _read(window: Window) -> tuple[int, bytes] | Gap | None:
    if not window.has(1):
        return None
    if not window.has(_CHUNK_START_BYTES) or not _CHUNK_START.match(window.data, window.at):
        if MAGIC.startswith(window.data[window.at : window.at + _CHUNK_START_BYTES]):
            return _short(window)
        return Gap(window.offset, None, "no lzf chunk where one should begin", truncated=False)
    sizes = _sizes(window)
    if sizes is None or not window.has(sum(sizes[:2])):
        return _short(window)
    header, packed, original = sizes
    content = window.data[window.at + header : window.at + header + packed]
    expanded = content if original is None else expand(content, original)
    if expanded is None:
        return Gap(window.offset, None, "lzf chunk does not decode", truncated=False)
    return header + packed, expanded


def _seek(window: Window) -> bool:
    """Move to the next apparent chunk that is followed by another apparent chunk or by the end."""
    while window.find(_CHUNK_START, _CHUNK_START_BYTES):
        if _is_followed(window):
            return True
        window.at += 1
    return False


def _is_followed(window: Window) -> bool:
    """Whether another chunk or the file's end follows the chunk at the position, according to its lengths."""
    sizes = _sizes(window)
    if sizes is None or not window.has(sizes[0] + sizes[1]):
        return False
    following = sizes[0] + sizes[1]
    return (
        not window.has(following + _CHUNK_START_BYTES)
        or _CHUNK_START.match(window.data, window.at + following) is not None
    )


def _sizes(window: Window) -> tuple[int, int, int | None] | None:
    """The lengths of the header, of the stored content and of the expanded content (None if stored raw).

    The position must be at a chunk's magic; None if the file ends inside the header.
    """
    is_packed = window.has(_CHUNK_START_BYTES) and window.data[window.at + 2] == _LZF
    header = 7 if is_packed else 5
    if not window.has(header):
        return None
    lengths = window.data[window.at + 3 : window.at + header]
    packed = int.from_bytes(lengths[:2], "big")
    return header, packed, int.from_bytes(lengths[2:], "big") if is_packed else None


def _short(window: Window) -> Gap:
    return Gap(window.offset, None, "file ends inside an lzf chunk", truncated=True)


def expand(packed: bytes, size: int) -> bytes | None:
    """Decompress the content of a chunk of type 1.

    A control byte n below 32 is followed by n + 1 literal bytes. Any other holds a length in its upper three bits (7:
    the next byte is added to it; two more bytes than that are copied) and the upper five bits of how far back.

    Returns:
        The `size` bytes, or None if the content is damaged.
    """
    out = bytearray()
    at = made = 0
    end = len(packed)
    try:
        while at < end:
            control = packed[at]
            if control < 32:
                stop = at + control + 2
                out += packed[at + 1 : stop]
                made += control + 1
                at = stop
                continue
            if control < 224:
                length = (control >> 5) + 2
                start = made - ((control & 31) << 8) - packed[at + 1] - 1
                at += 2
            else:
                length = packed[at + 1] + 9
                start = made - ((control & 31) << 8) - packed[at + 2] - 1
                at += 3
            if start < 0:
                return None
            stop = start + length
            if stop <= made:
                out += out[start:stop]
            else:  # The source overlaps the output, so the pattern repeats.
                out += (out[start:made] * (length // (made - start) + 1))[:length]
            made += length
            if made > size:
                return None
    except IndexError:
        return None
    return bytes(out) if made == len(out) == size else None


def expanded_size(packed: bytes) -> int | None:
    """The decompressed length of a chunk of type 1; None if it is cut."""
    at = size = 0
    end = len(packed)
    while at < end:
        control = packed[at]
        if control < 32:
            size += control + 1
            at += control + 2
        elif control < 224:
            size += (control >> 5) + 2
            at += 2
        elif at + 1 < end:
            size += packed[at + 1] + 9
            at += 3
        else:
            return None
    return size if at == end else None
