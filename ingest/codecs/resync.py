"""Buffer a part of a compressed file, and resume reading after damage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO, TypeVar

from .interface import Gap, Limits

READ_BYTES = 1 << 20
CHUNK_BYTES = 1 << 20
LARGEST_CHUNK_BYTES = 4 << 20

# Damage is detected late: a damaged length may skip the beginning of intact data. So the search begins before the place
# of detection. The total over a file is bounded, because a malicious file could be reread endlessly.
KEEP_BYTES = 256 << 10
_MOST_REWOUND_BYTES = 4 << 20
_MOST_SHIFTED_BYTES = 16

T = TypeVar("T")


class Window:
    """The bytes of a file from a moving position on. Bytes before the position are dropped at the next read."""

    def __init__(self, raw: BinaryIO, keep: int = 0) -> None:
        """Start at the present position of `raw`, which counts as offset 0.

        Args:
            raw: The file; only `raw.read(n)` is used.
            keep: How many bytes before the position are kept for `rewind`.
        """
        self.data = b""
        self.at = 0
        self._read = raw.read
        self._keep = keep
        self._start = 0
        self._ended = False
        self._rewinds_left = _MOST_REWOUND_BYTES

    @property
    def offset(self) -> int:
        """The position, as a byte offset in the file."""
        return self._start + self.at

    @property
    def known(self) -> int:
        """The number of bytes in memory from the position on."""
        return len(self.data) - self.at

    def has(self, size: int) -> bool:
        """Read until `size` bytes are in memory from the position on; False if the file ends before."""
        if len(self.data) - self.at >= size:
            return True
        if self._ended:
            return False
        forgotten = max(0, self.at - self._keep)
        self._start += forgotten
        self.at -= forgotten
        parts = [self.data[forgotten:]]
        known = len(parts[0]) - self.at
        while known < size:
            part = self._read(READ_BYTES)
            if not part:
                self._ended = True
                break
            parts.append(part)
            known += len(part)
        self.data = b"".join(parts)
        return known >= size

    def skip(self, size: int) -> bool:
        """Move the position on by `size` bytes without keeping them; False if the file ends before."""
        while size > self.known:
            size -= self.known
            self.at = len(self.data)
            if not self.has(1):
                return False
        self.at += size
        return True

    def rewind(self, offset: int) -> None:
        """Move the position to `offset`, or as near as the kept bytes and the remaining budget for rereading allow."""
        back = min(self.offset - offset, self.at, self._rewinds_left)
        if back < 0:
            self.skip(-back)
        else:
            self.at -= back
            self._rewinds_left -= back

    def find(self, pattern: re.Pattern[bytes], longest: int) -> bool:
        """Move the position to the next match of `pattern`, of at most `longest` bytes; False if there is none."""
        while True:
            found = pattern.search(self.data, self.at)
            if found:
                self.at = found.start()
                return True
            self.at = max(self.at, len(self.data) - longest + 1)
            if not self.has(self.known + 1):
                self.at = len(self.data)
                return False


def nearest(size: int) -> Iterator[int]:
    """`size` and the numbers up to 16 away from it, nearest first. If the first `size` bytes of a file are damaged, the
    rest may begin there, because bytes may have been lost or added."""
    yield size
    for away in range(1, _MOST_SHIFTED_BYTES + 1):
        if away <= size:
            yield size - away
        yield size + away


def resumed(gap: Gap, offset: int) -> Gap:
    """The gap after reading resumed at `offset`. If it looked like the file's end, a length was damaged."""
    reason = "a length in the container is damaged" if gap.truncated else gap.reason
    return replace(gap, offset=min(gap.offset, offset), resumed_at=offset, reason=reason, truncated=False)


def given_up(gap: Gap, limits: Limits) -> Gap:
    """The gap that ends reading because too much is damaged."""
    reason = f"{gap.reason}; the rest is not read after {limits.max_damaged_places:,} damaged places"
    return replace(gap, reason=reason, truncated=False)


def blocks(
    window: Window,
    read: Callable[[Window], tuple[int, T] | Gap | None],
    seek: Callable[[Window], bool],
    limits: Limits,
) -> Iterator[T | Gap]:
    """Read a file of independent blocks, skipping damaged ones.

    The last block may have been read wrongly and contain the beginning of the next ones. So the search for the next
    block begins inside it.

    Args:
        window: The file.
        read: Reads the block at the position without moving it: its size in the file and what it holds, or what is
            wrong with it, or None at a proper end of the file.
        seek: Moves the position to the next possible block at or after it; False if there is none.
        limits: After how many damaged places to give up.

    Yields:
        The contents of the blocks, and one gap per run of damaged bytes.
    """
    gap: Gap | None = None
    damaged = start = 0
    while True:
        block = read(window)
        if block is None:
            if gap is not None:
                yield gap
            return
        if isinstance(block, Gap):
            damaged += 1
            if damaged > limits.max_damaged_places:
                yield given_up(gap or block, limits)
                return
            window.rewind((start if gap is None else window.offset) + 1)
            gap = gap or block
            if not seek(window):
                yield gap
                return
            continue
        if gap is not None:
            yield resumed(gap, window.offset)
            gap = None
        start = window.offset
        size, content = block
        window.at += size
        yield content


def chunks(what: str, window: Window, limits: Limits, items: Iterator[bytes | Gap]) -> Iterator[bytes | Gap]:
    """Join small pieces into larger chunks, split large ones, and enforce the limits of the output.

    Raises:
        LimitExceeded: the pieces are more than `limits` allow for what `window` has read.
    """
    output = waiting = 0
    parts: list[bytes] = []
    for item in _merged(items):
        if isinstance(item, Gap):
            if waiting:
                yield b"".join(parts)
                parts, waiting = [], 0
            yield item
            continue
        output += len(item)
        limits.check(what, output, window.offset)
        parts.append(item)
        waiting += len(item)
        if waiting >= CHUNK_BYTES:
            joined = parts[0] if len(parts) == 1 else b"".join(parts)
            parts, waiting = [], 0
            for start in range(0, len(joined), LARGEST_CHUNK_BYTES):
                yield joined[start : start + LARGEST_CHUNK_BYTES]
    if waiting:
        yield b"".join(parts)


def _merged(items: Iterator[bytes | Gap]) -> Iterator[bytes | Gap]:
    """Merge consecutive gaps, and drop empty pieces."""
    gap: Gap | None = None
    for item in items:
        if isinstance(item, Gap):
            if gap is not None and gap.resumed_at is not None and not item.truncated:
                item = replace(gap, resumed_at=item.resumed_at)
            elif gap is not None:
                yield gap
            gap = item
        elif item:
            if gap is not None:
                yield gap
                gap = None
            yield item
    if gap is not None:
        yield gap
