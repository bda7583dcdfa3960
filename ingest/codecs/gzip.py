"""Gzip, used by rolled segments of Databricks' logs and by logs that users compressed themselves.

Guarantees: everything before the damage is read, except for at most one byte. Every member that begins after the damage
is read, unless its first 4 KiB are damaged too, or it begins more than 256 KiB before the damage was detected. Reading
cannot resume inside a member, so its rest is lost, and deflate may decode noise before it fails. The checksum is at a
member's end, so the data are already delivered when it does not match; the gap then reports it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from .interface import Gap, Limits
from .resync import CHUNK_BYTES, KEEP_BYTES, Window, given_up, nearest, resumed

if TYPE_CHECKING:
    from zlib import _Decompress as _Inflater

name = "gzip"

# Method 8 is the only defined one, and three of the flag bits are reserved (RFC 1952, section 2.3).
_MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_MAGIC = b"\x1f\x8b"
_DEFLATE = b"\x08"
_HEADER = _MAGIC + _DEFLATE + bytes(7)
_NAMED = b"\x08"  # the flag of a header with a file name, which ends with a zero
_NOT_ZERO = re.compile(rb"[^\x00]")
_INPUT_BYTES = 64 << 10
# Three magic bytes occur by chance once in 16 MB of compressed data, and inflating noise succeeds for a few bytes.
_PROOF_BYTES = 4 << 10
_NO_MEMBER = "no gzip member where one should begin"
_NOT_DECODED = "gzip data does not decode"
_REASONS = {
    "header": _NO_MEMBER,
    "unknown compression method": _NO_MEMBER,
    "incorrect data check": "gzip checksum does not match the member's data, which was read",
    "incorrect length check": "gzip length does not match the member's data, which was read",
}


def matches(head: bytes) -> bool:
    """Check the two magic bytes and the only method, since two bytes often occur by chance."""
    return head[:3] in (_MAGIC + _DEFLATE, _MAGIC)


def decode(raw: BinaryIO, limits: Limits) -> Iterator[bytes | Gap]:
    """Decompress all members of a file; see `Codec.decode`. Zeros after a member are padding."""
    window = Window(raw, KEEP_BYTES)
    gap: Gap | None = None
    output = damaged = start = 0
    while True:
        if gap is not None:
            damaged += 1
            if damaged > limits.max_damaged_places:
                yield given_up(gap, limits)
                return
            window.rewind(start + 1)
            if not window.find(_MEMBER, 4):
                yield gap
                return
        elif window.offset and not window.find(_NOT_ZERO, 1):
            return
        start = window.offset
        items = _member(window)
        if gap is not None:
            proof = _proof(items)
            if proof is None:
                continue
            yield resumed(gap, start)
            gap = None
            items = chain(proof, items)
        for item in items:
            if isinstance(item, Gap):
                gap = item
            else:
                output += len(item)
                limits.check("the gzip file", output, window.offset)
                yield item


def repairs(head: bytes) -> Iterator[tuple[bytes, int]]:
    """The magic of the first member, its flags too, or its whole header; see `Codec.repairs`."""
    for header in (_MAGIC + _DEFLATE, _MAGIC + _DEFLATE + _NAMED, _HEADER):
        for size in nearest(len(header)):
            yield header, size
    yield _HEADER, head.find(b"\x00", len(_HEADER)) + 1


def _member(window: Window) -> Iterator[bytes | Gap]:
    """Inflate the member at the position and move past it. The last item is a gap if the member is damaged."""
    start = window.offset
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    chunk = b""
    while not inflater.eof:
        # Without input there may still be output that did not fit into the last chunk.
        if not window.has(1) and len(chunk) < CHUNK_BYTES:
            yield Gap(window.offset, None, "file ends inside a gzip member", truncated=True)
            return
        given = window.data[window.at : window.at + _INPUT_BYTES]
        before = inflater.copy()
        try:
            chunk = inflater.decompress(given, CHUNK_BYTES)
            left = len(inflater.unconsumed_tail) or len(inflater.unused_data)
            reason = ""
        except zlib.error as error:
            chunk, left = _intact(before, given)
            reason = next((ours for theirs, ours in _REASONS.items() if theirs in str(error)), _NOT_DECODED)
        window.at += len(given) - left
        if chunk:
            yield chunk
        if reason:
            yield Gap(start if reason == _NO_MEMBER else window.offset, None, reason, truncated=False)
            return


def _intact(inflater: _Inflater, given: bytes) -> tuple[bytes, int]:
    """The output before the damage in `given`, and how many bytes of `given` are left.

    zlib discards the output of a failing call, so it is asked for less output until it succeeds. As it reads ahead, it
    is then given less input too.
    """
    parts = []
    size = CHUNK_BYTES
    while size:
        attempt = inflater.copy()
        try:
            parts.append(attempt.decompress(given, size))
        except zlib.error:
            size //= 2
        else:
            inflater, given = attempt, attempt.unconsumed_tail
    size = len(given)
    while size:
        attempt = inflater.copy()
        try:
            parts.append(attempt.decompress(given[:size]))
        except zlib.error:
            size //= 2
        else:
            inflater, given = attempt, given[size:]
            size = min(size, len(given))
    return b"".join(parts), len(given)


def _proof(items: Iterator[bytes | Gap]) -> list[bytes | Gap] | None:
    """The first items of a possible member, enough to prove that it is one; None if it is not."""
    proof: list[bytes | Gap] = []
    size = 0
    for item in items:
        if isinstance(item, Gap) and not (size and item.truncated):
            return None
        proof.append(item)
        size += 0 if isinstance(item, Gap) else len(item)
        if size >= _PROOF_BYTES:
            break
    return proof
