"""Unpack compressed files inside compressed files, such as a gzip of a zip of a segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedIOBase
from typing import BinaryIO, cast

from ..zip_archives import ArchiveRefused, entries, open_entry, spooled
from .interface import Gap, Limits

MOST_LAYERS = 3
"""The maximum number of compression layers, which stops archives that contain themselves."""

Open = Callable[[BinaryIO, Limits], Iterator["bytes | Gap"]]
"""Decompresses one more layer."""


def unzip(raw: BinaryIO, limits: Limits, open_layer: Open) -> Iterator[bytes | Gap]:
    """Decompress the single file of a zip archive. Otherwise yield a gap that describes the archive's content."""
    copied = spooled(raw)
    try:
        names = [name for name, size in entries(copied, max_ratio=limits.max_ratio) if size]
        if len(names) != 1:
            reason = f"a zip archive of {len(names):,} files is not one log: unpack it"
            yield Gap(0, None, reason, truncated=False)
            return
        with open_entry(copied, names[0], limits.max_ratio) as member:
            yield from open_layer(member, limits)
    except ArchiveRefused as error:
        yield Gap(0, None, str(error), truncated=False)


def unpack(items: Iterator[bytes | Gap], limits: Limits, open_layer: Open) -> Iterator[bytes | Gap]:
    """Unpack decompressed bytes that are again a compressed file. Damage in the outer layer ends the inner one and is
    reported after it."""
    outer = _Items(items)
    yield from open_layer(cast(BinaryIO, outer), limits)
    if outer.gap is not None:
        yield outer.gap


class _Items(BufferedIOBase):
    """The chunks of a layer as a file object, up to the first gap."""

    def __init__(self, items: Iterator[bytes | Gap]) -> None:
        self._items = items
        self._rest = b""
        self.gap: Gap | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while not self._rest and self.gap is None:
            item = next(self._items, b"")
            if isinstance(item, Gap):
                self.gap = item
            elif not item:
                break
            else:
                self._rest = item
        part, self._rest = self._rest[:size], self._rest[size:]
        return part
