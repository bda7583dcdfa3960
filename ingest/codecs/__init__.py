"""From the bytes of a log file, whatever it is called, to its decompressed bytes.

Names lie and magic bytes do not: Spark 3.5.9 compacts `events_2_x.zstd` into plain JSON under a zstd name. So the
format is taken from the first bytes, and `open_stream` is all that a reader of logs needs. A zip archive is no stream
but a folder; `discover` opens it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from io import BufferedIOBase, BytesIO
from typing import BinaryIO, cast

from . import gzip, lz4, lzf, plain, snappy, zstd
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

CODECS: tuple[Codec, ...] = (zstd, gzip, lz4, snappy, lzf, plain)

HEAD_BYTES = 16
_FIRST_READ_BYTES = 1 << 20
_TRIED_BYTES = 128 << 10
_EVENT = b'{"Event":"'
# A local file header, and the end record with which an empty archive begins.
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


def detect(head: bytes) -> str:
    """Name the format of a file from its first 16 bytes.

    Returns:
        "zstd", "gzip", "lz4", "snappy", "lzf", "zip" or "plain".
    """
    return "zip" if head.startswith(_ZIP_MAGIC) else _codec(head).name


def is_text(head: bytes) -> bool:
    """Whether a file that begins so is JSON: only then is `detect`'s "plain" to be relied on."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n\x00").startswith(b"{")


def open_stream(raw: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> tuple[str, Iterator[bytes | Gap]]:
    """Decompress a file, whatever its format; only `raw.read(n)` is used.

    Returns:
        The name of the format as `detect` gives it, and the decompressed bytes in chunks of at most 4 MiB, with a `Gap`
        where some are missing. A zip archive is not one stream: it gives nothing but a gap that says so.

    Raises:
        LimitExceeded: while reading, the file expands to more than `limits` allow.
        OSError: `raw` could not be read.
    """
    head = b""
    while len(head) < HEAD_BYTES and (part := raw.read(_FIRST_READ_BYTES)):
        head += part
    found = detect(head)
    if found == "zip":
        return found, iter([Gap(0, None, "a zip archive is not one log: open its members", truncated=False)])
    codec = _codec(head)
    if codec is plain and head and not is_text(head):
        while len(head) < _TRIED_BYTES and (part := raw.read(_FIRST_READ_BYTES)):
            head += part
        codec = _behind_damage(head[:_TRIED_BYTES])
    return codec.name, codec.decode(cast(BinaryIO, _Rejoined(head, raw)), limits)


def _codec(head: bytes) -> Codec:
    return next(codec for codec in CODECS if codec.matches(head))


def _behind_damage(head: bytes) -> Codec:
    """The codec that finds events in a file whose first bytes say nothing: they are damaged, or it is no log."""
    for codec in CODECS:
        if codec is not plain:
            chunks = codec.decode(BytesIO(head), Limits(max_output_bytes=4 * _TRIED_BYTES))
            with suppress(LimitExceeded):
                if any(isinstance(chunk, bytes) and _EVENT in chunk for chunk in chunks):
                    return codec
    return plain


class _Rejoined(BufferedIOBase):
    """A file of which the first bytes were read already; a pipe or an object store cannot go back to them."""

    def __init__(self, head: bytes, raw: BinaryIO) -> None:
        self._head = head
        self._raw = raw

    def read(self, size: int | None = -1, /) -> bytes:
        head, self._head = self._head, b""
        return head or self._raw.read(-1 if size is None else size)
