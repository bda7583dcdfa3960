"""Zstandard, Spark's default since 4.0 and for rolled logs since 3.0.

Spark closes a frame at every flush (org.apache.spark.io.ZStdCompressionCodec.compressedContinuousOutputStream), so a
log has thousands of frames, or one long frame if nothing was flushed. The last frame is open if the driver was killed.

Arrow decompresses; this module finds the frames and blocks by their headers (RFC 8878, section 3.1.1). Arrow's stream
gets one block at a time, so everything before a damaged block is output when it fails. Arrow does not report the length
then. Therefore the buffer is filled with 0xFF before every read, and bytes that are no longer 0xFF were read. UTF-8
text never contains this byte. In other data, at most a run of 0xFF right before the damage is lost.

Guarantees: all whole blocks before damage are read, also in the damaged frame. Every whole frame after the damage is
read, unless it begins more than 256 KiB before the damage was detected. Spark's frames carry no checksum, so damage
that still decodes goes unseen; where a frame has one, it is verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import IOBase
from typing import BinaryIO, cast

import pyarrow as pa

from .interface import Gap, Limits
from .resync import KEEP_BYTES, Window, given_up, nearest, resumed

name = "zstd"

MAGIC = b"\x28\xb5\x2f\xfd"
_MAGIC_PATTERN = re.compile(re.escape(MAGIC))
_BUFFER_BYTES = 256 << 10
_BLANK = b"\xff" * _BUFFER_BYTES
_LARGEST_BLOCK_BYTES = 128 << 10
_LARGEST_WINDOW_BYTES = 1 << 27  # ZSTD_WINDOWLOG_LIMIT_DEFAULT: zstd itself decompresses nothing beyond it
_RLE, _RESERVED = 1, 3
# As Spark writes it, no content size and no checksum, but with a window of 8 MiB: no level below 20 needs a larger one.
_FRAME_HEADER = MAGIC + b"\x00\x68"


def matches(head: bytes) -> bool:
    """A frame, or a skippable frame (0x184D2A50 to 0x184D2A5F, little endian)."""
    return head.startswith(MAGIC) or _is_skippable(head)


def decode(raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Decompress all frames of a file; see `Codec.decode`."""
    window = Window(raw, KEEP_BYTES)
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    gap: Gap | None = None
    output = damaged = 0
    while True:
        start = window.offset
        blocks = _Blocks(window)
        stream = pa.CompressedInputStream(pa.PythonFile(cast(IOBase, blocks), mode="r"), "zstd")
        ended = False
        while not ended:
            view[:] = _BLANK
            try:
                size = stream.readinto(buffer)
                ended = size < _BUFFER_BYTES
            except (OSError, pa.ArrowException):
                size = _filled(buffer)
                blocks.fail()
                ended = True
            if blocks.error is not None:
                raise blocks.error
            if size:
                output += size
                limits.check("the zstd file", output, window.offset + blocks.unit_bytes)
                if gap is not None:
                    yield resumed(gap, start)
                    gap = None
                yield bytes(view[:size])
        if blocks.damage is None:
            if gap is not None:
                yield gap
            return
        gap = gap or blocks.damage
        damaged += 1
        if damaged > limits.max_damaged_places:
            yield given_up(gap, limits)
            return
        window.rewind(blocks.frame_offset + 1)
        if not window.find(_MAGIC_PATTERN, len(MAGIC)):
            yield gap
            return


def repairs(head: bytes) -> Iterator[tuple[bytes, int]]:
    """The magic of the first frame, or its whole header; see `Codec.repairs`."""
    for header in (MAGIC, _FRAME_HEADER):
        for size in nearest(len(header)):
            if head[size : size + 3] != bytes(3):  # zeros would be read as endless empty blocks
                yield header, size


class _Blocks:
    """A file object for Arrow over a file's zstd blocks. Every read returns a block or a part of one.

    The window stays at the last returned block, so that a search after damage begins there.
    """

    closed = False

    def __init__(self, window: Window) -> None:
        self.damage: Gap | None = None
        self.error: BaseException | None = None
        self.unit_bytes = 0
        self.frame_offset = window.offset
        self._what = ""
        self._window = window
        self._rest = b""
        self._in_frame = False
        self._has_checksum = False
        self._checksum_is_next = False

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; empty at the file's end, or if `damage` or `error` is set."""
        if not self._rest:
            if self.damage is not None:
                return b""
            self._window.at += self.unit_bytes
            self.unit_bytes = 0
            try:
                self._rest = self._next()
            except BaseException as error:
                # Arrow would raise a copy, which does not distinguish a disk error from damaged data.
                self.error = error
                return b""
            self.unit_bytes = len(self._rest)
        if size < 0 or size >= len(self._rest):
            part, self._rest = self._rest, b""
        else:
            part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def close(self) -> None:
        """Nothing to close: the file belongs to the caller."""

    def fail(self) -> None:
        """Record that Arrow could not decompress the last bytes."""
        if self.damage is None:
            self._broken(f"zstd {self._what} does not " + ("match" if self._what == "checksum" else "decode"))

    def _next(self) -> bytes:
        window = self._window
        if self._checksum_is_next:
            self._checksum_is_next = self._in_frame = False
            self._what = "checksum"
            return self._take(4)
        self._what = "block"
        header_bytes = 0
        if not self._in_frame:
            found = self._frame()
            if not found:
                return b""
            header_bytes = found
        if not window.has(header_bytes + 3):
            return self._cut()
        at = window.at + header_bytes
        block = int.from_bytes(window.data[at : at + 3], "little")
        kind, size = block >> 1 & 3, block >> 3
        # The size of an RLE block is its expanded size; its content is one byte.
        if kind == _RESERVED or size > _LARGEST_BLOCK_BYTES:
            return self._broken("zstd block header is damaged")
        unit = self._take(header_bytes + 3 + (1 if kind == _RLE else size))
        if unit:
            if header_bytes:
                self.frame_offset = window.offset
            last = bool(block & 1)
            self._checksum_is_next = last and self._has_checksum
            self._in_frame = not last or self._has_checksum
        return unit

    def _frame(self) -> int:
        """Move to the next frame that is not skippable. Return the size of its header, 0 if there is none."""
        window = self._window
        while window.has(8) and _is_skippable(window.data[window.at : window.at + 4]):
            offset = window.offset
            size = int.from_bytes(window.data[window.at + 4 : window.at + 8], "little")
            if not window.skip(8 + size):
                self.damage = Gap(offset, None, "file ends inside a skippable zstd frame", truncated=True)
                return 0
        if not window.has(1):
            return 0
        window.has(6)
        head = window.data[window.at : window.at + 6]
        if not (head[:4] == MAGIC or (len(head) < 4 and MAGIC.startswith(head)) or _is_skippable(head)):
            self._broken("no zstd frame where one should begin")
            return 0
        if len(head) < 6 or _is_skippable(head):
            self._cut()
            return 0
        descriptor = head[4]
        single_segment = descriptor >> 5 & 1
        content_size_bytes = (single_segment, 2, 4, 8)[descriptor >> 6]
        dictionary_bytes = (0, 1, 2, 4)[descriptor & 3]
        self._has_checksum = bool(descriptor >> 2 & 1)
        if descriptor >> 3 & 1:
            self._broken("zstd frame header is damaged")
            return 0
        if not single_segment and ((8 + (head[5] & 7)) << (7 + (head[5] >> 3))) > _LARGEST_WINDOW_BYTES:
            self._broken("zstd frame needs more than 128 MiB to decompress")
            return 0
        self._what = "frame"
        return 5 + (1 - single_segment) + dictionary_bytes + content_size_bytes

    def _take(self, size: int) -> bytes:
        window = self._window
        return window.data[window.at : window.at + size] if window.has(size) else self._cut()

    def _cut(self) -> bytes:
        self.damage = Gap(self._window.offset, None, "file ends inside a zstd frame", truncated=True)
        return b""

    def _broken(self, reason: str) -> bytes:
        self.damage = Gap(self._window.offset, None, reason, truncated=False)
        return b""


def _filled(buffer: bytearray) -> int:
    """The number of bytes in the buffer that were filled."""
    end = step = _BUFFER_BYTES
    while step:
        if buffer.endswith(_BLANK[:step], 0, end):
            end -= step
        else:
            step //= 2
    return end


def _is_skippable(head: bytes) -> bool:
    return head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5
