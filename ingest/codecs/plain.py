"""Bytes that are not compressed, and whatever no other codec knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .interface import Gap, Limits

name = "plain"

CHUNK_BYTES = 1 << 20


def matches(head: bytes) -> bool:
    """Everything is plain that is nothing else: an empty file and one with a byte order mark too."""
    return True


def decode(raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Pass the bytes on as they are.

    Raises:
        LimitExceeded: there are more than `limits.max_output_bytes`.
        OSError: `raw` could not be read.
    """
    output = 0
    while chunk := raw.read(CHUNK_BYTES):
        output += len(chunk)
        limits.check("the file", output, output)
        yield chunk


def repairs(head: bytes) -> Iterator[tuple[bytes, int]]:
    """None: there is no container."""
    return iter(())
