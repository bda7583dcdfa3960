"""From the bytes of a log file, whatever it is called, to its decompressed bytes.

Names lie and magic bytes do not: Spark 3.5.9 compacts `events_2_x.zstd` into plain JSON under a zstd name. So the
format is taken from the first bytes, and `open_stream` is all that a reader of logs needs. A zip archive is no stream
but a folder; `discover` opens it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from . import header_repair as beginning
from . import plain
from .interface import DEFAULT_LIMITS, Codec, Gap, LimitExceeded, Limits

__all__ = [
    "CODECS",
    "DEFAULT_LIMITS",
    "HEAD_BYTES",
    "Codec",
    "Gap",
    "LimitExceeded",
    "Limits",
    "detect",
    "is_text",
    "open_stream",
    "plain",
]

CODECS: tuple[Codec, ...] = (*beginning.COMPRESSED, plain)

HEAD_BYTES = 8 << 10
_MAGIC_BYTES = 16
# A local file header, and the end record with which an empty archive begins.
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_BEGINS_AS_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_NEVER_IN_JSON = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def detect(head: bytes) -> str:
    """Name the format of a file from its first 16 bytes.

    Returns:
        "zstd", "gzip", "lz4", "snappy", "lzf", "zip" or "plain".
    """
    return "zip" if head.startswith(_ZIP_MAGIC) else _codec(head).name


def is_text(head: bytes) -> bool:
    """Whether a file that begins with these `HEAD_BYTES` is JSON: only then is `detect`'s "plain" to be relied on.

    The first character is not enough: Spark's zstd stores the first line as it is, so a hole or a cut that takes the
    frame's header leaves a file that begins with an event and goes on with frames.
    """
    return _BEGINS_AS_JSON.match(head) is not None and _NEVER_IN_JSON.search(head, 0, HEAD_BYTES) is None


def open_stream(raw: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> tuple[str, Iterator[bytes | Gap]]:
    """Decompress a file, whatever its format; only `raw.read(n)` is used.

    Where its first bytes are damaged, it is read as what it proves to be, and the first item or, after lines that
    stand in the clear, the second is a `Gap` that says so (see `beginning`). Where it proves to be nothing and holds no
    event in the clear either, that gap is followed by its bytes as they are.

    Returns:
        The name of the format as `detect` gives it, and the decompressed bytes in chunks of at most 4 MiB, with a `Gap`
        where some are missing. A zip archive is not one stream: it gives nothing but a gap that says so.

    Raises:
        LimitExceeded: while reading, the file expands to more than `limits` allow.
        OSError: `raw` could not be read.
    """
    head = beginning.more(b"", raw, _MAGIC_BYTES)
    found = detect(head)
    if found == "zip":
        return found, iter([Gap(0, None, "a zip archive is not one log: open its members", truncated=False)])
    codec = _codec(head)
    if codec is not plain:
        return found, _as_it_begins(codec, head, raw, limits)
    head = beginning.more(head, raw, HEAD_BYTES)
    if not head or is_text(head):
        return found, plain.decode(cast(BinaryIO, beginning.Rejoined(head, raw)), limits)
    head = beginning.more(head, raw, beginning.SEARCHED_BYTES)
    if repair := beginning.repair(head):
        return repair.codec.name, repair.decode(head, raw, limits)
    if behind := beginning.behind(head):
        return behind.name, beginning.decode_behind(behind, head, raw, limits)
    return found, _unknown(head, raw, limits)


def _codec(head: bytes) -> Codec:
    return next(codec for codec in CODECS if codec.matches(head))


def _as_it_begins(codec: Codec, head: bytes, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """What a codec reads that knows the first bytes; if those right behind them are damaged, they are repaired."""
    source = beginning.Rejoined(head, raw, keep=True)
    items = codec.decode(cast(BinaryIO, source), limits)
    del head  # a megabyte, for as long as the file is read
    first = next(items, None)
    if first is None:
        return
    doubtful = isinstance(first, Gap) or not _BEGINS_AS_JSON.match(first)
    kept = source.beginning() if doubtful else None
    source.forget()
    if kept is not None and (repair := beginning.repair(kept, [codec])):
        yield from repair.decode(kept, raw, limits)
        return
    del kept
    yield first
    yield from items


def _may_be_written(head: bytes) -> bool:
    """Whether these may be the first bytes of a text of any kind."""
    start = head[:_MAGIC_BYTES]
    return not _NEVER_IN_JSON.search(head) and len(start.decode("utf-8", "ignore").encode()) > len(start) - 4


def _unknown(head: bytes, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    if not beginning.has_event(head) and not _may_be_written(head):
        reason = (
            f"the first bytes ({head[:8].hex(' ')}) are neither text nor a known compression, and no log behind them"
        )
        yield Gap(0, 0, reason, truncated=False)
    yield from plain.decode(cast(BinaryIO, beginning.Rejoined(head, raw)), limits)
