"""XXH32 of many pieces at once, as lz4-java's blocks are checked with.

The algorithm goes through its input 16 bytes after 16 bytes, each step needing the one before, which is hopeless in
Python for one piece (2 MB/s). But the pieces do not depend on each other, and a log has thousands of the same length:
so numpy takes one step in all pieces at a time, which is some 250 times as fast.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

_PRIME_1, _PRIME_2, _PRIME_3, _PRIME_4, _PRIME_5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1
_MASK = 0xFFFFFFFF
_STRIPE_BYTES = 16
_STRIPE = np.dtype("V16")
_LANE = np.dtype("<u4")
# Pieces are transposed so that one step's stripes lie side by side; this many at once keep that within the cache.
_TILE = 32


def xxh32(pieces: Sequence[bytes], seed: int) -> list[int]:
    """Hash every piece with the same seed.

    Returns:
        The hashes as unsigned 32-bit integers, in the order of the pieces.
    """
    hashes = [0] * len(pieces)
    # Pieces go together that differ in length by less than a factor of two, so that the matrix is at least half full.
    order = sorted(range(len(pieces)), key=lambda index: -(len(pieces[index]) // _STRIPE_BYTES))
    for _, group in groupby(order, key=lambda index: (len(pieces[index]) // _STRIPE_BYTES).bit_length()):
        members = list(group)
        accumulated = _accumulate([pieces[index] for index in members], seed)
        for index, lanes in zip(members, accumulated, strict=True):
            hashes[index] = _finish(pieces[index], lanes, seed)
    return hashes


def _accumulate(pieces: list[bytes], seed: int) -> list[list[int]]:
    """The four accumulators of every piece after its last whole stripe; the pieces come longest first."""
    start = [(seed + _PRIME_1 + _PRIME_2) & _MASK, (seed + _PRIME_2) & _MASK, seed, (seed - _PRIME_1) & _MASK]
    count = len(pieces)
    stripes = np.empty((len(pieces[0]) // _STRIPE_BYTES, count), dtype=_STRIPE)
    accumulators = np.tile(np.array(start, dtype=_LANE), count)
    lengths: list[tuple[int, int]] = []  # how many stripes, and how many pieces have at least as many
    filled = 0
    for length, group in groupby(pieces, key=lambda piece: len(piece) // _STRIPE_BYTES):
        if not length:
            break
        same = list(group)
        for first in range(0, len(same), _TILE):
            tile = [memoryview(piece)[: length * _STRIPE_BYTES] for piece in same[first : first + _TILE]]
            matrix = np.frombuffer(b"".join(tile), dtype=_STRIPE).reshape(len(tile), length)
            stripes[:length, filled : filled + len(tile)] = matrix.T
            filled += len(tile)
        lengths.append((length, filled))
    done = 0
    for length, active in reversed(lengths):
        _step(accumulators[: 4 * active], stripes.view(_LANE)[done:length, : 4 * active])
        done = length
    lanes: list[list[int]] = accumulators.reshape(count, 4).tolist()
    return lanes


def _step(accumulators: npt.NDArray[np.uint32], rows: npt.NDArray[np.uint32]) -> None:
    """Take the rows of stripes into the accumulators: rotate(accumulator + lane * PRIME_2, 13) * PRIME_1."""
    scratch = np.empty_like(accumulators)
    # Arrays of one number each: numpy is slower with the number itself.
    prime_1, prime_2, left, right = (np.full_like(accumulators, value) for value in (_PRIME_1, _PRIME_2, 13, 19))
    for row in rows:
        np.multiply(row, prime_2, scratch)
        np.add(accumulators, scratch, accumulators)
        np.right_shift(accumulators, right, scratch)
        np.left_shift(accumulators, left, accumulators)
        np.bitwise_or(accumulators, scratch, accumulators)
        np.multiply(accumulators, prime_1, accumulators)


def _finish(piece: bytes, lanes: list[int], seed: int) -> int:
    """Merge the accumulators, take in the last bytes and mix."""
    size = len(piece)
    if size >= _STRIPE_BYTES:
        value = sum(_rotate(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True))
    else:
        value = seed + _PRIME_5
    value = (value + size) & _MASK
    tail = piece[size - size % _STRIPE_BYTES :]
    words = len(tail) // 4
    for word in struct.unpack_from(f"<{words}I", tail):
        value = _rotate((value + word * _PRIME_3) & _MASK, 17) * _PRIME_4 & _MASK
    for byte in tail[4 * words :]:
        value = _rotate((value + byte * _PRIME_5) & _MASK, 11) * _PRIME_1 & _MASK
    value = (value ^ value >> 15) * _PRIME_2 & _MASK
    value = (value ^ value >> 13) * _PRIME_3 & _MASK
    return value ^ value >> 16


def _rotate(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _MASK
