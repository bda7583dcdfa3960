"""Bytes that are not compressed, or that no other codec recognizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .interface import Gap, Limits

name = "plain"

CHUNK_BYTES = 1 << 18


def matches(head: bytes) -> bool:
    """Everything that no other codec matches is plain, including empty files and files with a byte order mark."""
    return True


def decode(raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Pass the bytes through unchanged.

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
