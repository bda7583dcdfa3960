"""Decompress a log file, whatever its name is.

File names are not reliable: Spark 3.5.9 compacts `events_2_x.zstd` into plain JSON under that name. So the format is
detected from the first bytes. Readers of logs need only `open_stream`. A zip archive of several logs counts as a
folder, which `discover` opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import BinaryIO, cast

from ..zip_archives import MAGIC as _ZIP_MAGIC
from . import header_repair, nested, plain
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

CODECS: tuple[Codec, ...] = (*header_repair.COMPRESSED, plain)

HEAD_BYTES = 8 << 10
_MAGIC_BYTES = 16
_BEGINS_AS_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_NEVER_IN_JSON = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def detect(head: bytes) -> str:
    """The format of a file, from its first 16 bytes.

    Returns:
        "zstd", "gzip", "lz4", "snappy", "lzf", "zip" or "plain".
    """
    return "zip" if head.startswith(_ZIP_MAGIC) else _codec(head).name


def is_text(head: bytes) -> bool:
    """Whether a file that begins with these `HEAD_BYTES` is JSON. Only then is the "plain" of `detect` certain.

    The first character is not enough. zstd may store the first line uncompressed; if the frame's header is lost, the
    file begins with an event and continues with frames.
    """
    return _BEGINS_AS_JSON.match(head) is not None and _NEVER_IN_JSON.search(head, 0, HEAD_BYTES) is None


def open_stream(raw: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> tuple[str, Iterator[bytes | Gap]]:
    """Decompress a file of any format. Only `raw.read(n)` is used.

    If the first bytes are damaged, the format is detected from the rest. The first item is then a `Gap` that reports
    this, or the second item, after lines that are stored uncompressed (see `header_repair`). If no format fits and
    there is no uncompressed event, the raw bytes follow the gap. A file that is compressed several times is unpacked
    (see `nested`).

    Returns:
        The format as `detect` gives it, and the decompressed bytes in chunks of at most 4 MiB, with a `Gap` where bytes
        are missing.

    Raises:
        LimitExceeded: while reading, the file expands to more than `limits` allow.
        InputError: while reading, a file inside a zip archive expands to more than `limits` allow.
        OSError: `raw` could not be read.
    """
    return _open_layer(raw, limits, 1)


def _open_layer(raw: BinaryIO, limits: Limits, layer: int) -> tuple[str, Iterator[bytes | Gap]]:
    head = header_repair.more(b"", raw, _MAGIC_BYTES)
    found = detect(head)
    inner = partial(_next_layer, layer=layer)
    if found == "zip":
        return found, nested.unzip(cast(BinaryIO, header_repair.Rejoined(head, raw)), limits, inner)
    codec = _codec(head)
    if codec is not plain:
        return found, _unpacked(_as_it_begins(codec, head, raw, limits), limits, inner)
    head = header_repair.more(head, raw, HEAD_BYTES)
    if not head or is_text(head):
        return found, plain.decode(cast(BinaryIO, header_repair.Rejoined(head, raw)), limits)
    head = header_repair.more(head, raw, header_repair.SEARCHED_BYTES)
    if repair := header_repair.repair(head):
        return repair.codec.name, repair.decode(head, raw, limits)
    if behind := header_repair.behind(head):
        return behind.name, header_repair.decode_behind(behind, head, raw, limits)
    return found, _unknown(head, raw, limits)


def _next_layer(raw: BinaryIO, limits: Limits, layer: int) -> Iterator[bytes | Gap]:
    if layer == nested.MOST_LAYERS:
        return iter([Gap(0, None, f"the file is packed more than {layer} times: unpack it", truncated=False)])
    return _open_layer(raw, limits, layer + 1)[1]


def _unpacked(items: Iterator[bytes | Gap], limits: Limits, inner: nested.Open) -> Iterator[bytes | Gap]:
    first = next(items, None)
    if first is None:
        return
    if isinstance(first, bytes) and detect(first[:_MAGIC_BYTES]) != "plain":
        yield from nested.unpack(chain([first], items), limits, inner)
        return
    yield first
    yield from items


def _codec(head: bytes) -> Codec:
    return next(codec for codec in CODECS if codec.matches(head))


def _as_it_begins(codec: Codec, head: bytes, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Read the file with the codec of its first bytes, repairing the bytes right after those if they are damaged."""
    source = header_repair.Rejoined(head, raw, keep=True)
    items = codec.decode(cast(BinaryIO, source), limits)
    del head  # else it keeps a megabyte while the file is read
    first = next(items, None)
    if first is None:
        return
    doubtful = isinstance(first, Gap) or not _BEGINS_AS_JSON.match(first)
    kept = source.beginning() if doubtful else None
    source.forget()
    if kept is not None and (repair := header_repair.repair(kept, [codec])):
        yield from repair.decode(kept, raw, limits)
        return
    del kept
    yield first
    yield from items


def _may_be_written(head: bytes) -> bool:
    """Whether any text may begin with these bytes."""
    start = head[:_MAGIC_BYTES]
    return not _NEVER_IN_JSON.search(head) and len(start.decode("utf-8", "ignore").encode()) > len(start) - 4


def _unknown(head: bytes, raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    if not header_repair.has_event(head) and not _may_be_written(head):
        reason = (
            f"the first bytes ({head[:8].hex(' ')}) are neither text nor a known compression, and no log behind them"
        )
        yield Gap(0, 0, reason, truncated=False)
    yield from plain.decode(cast(BinaryIO, header_repair.Rejoined(head, raw)), limits)
