"""Interval arithmetic: when anything ran, and when nothing did."""

from collections.abc import Sequence

import numpy as np

from ..arrow import Array

Span = tuple[int, int]


def spans(starts: Array, ends: Array) -> list[Span]:
    """The union of the intervals [start, end), in order; no two of the result overlap or touch."""
    if not len(starts):
        return []
    order = np.argsort(starts, kind="stable")
    begin, reach = starts[order], np.maximum.accumulate(ends[order])
    new = np.concatenate(([True], begin[1:] > reach[:-1]))
    last = np.append(np.flatnonzero(new)[1:] - 1, len(begin) - 1)
    return list(zip(begin[new].tolist(), reach[last].tolist(), strict=True))


def length(stretches: Sequence[Span]) -> int:
    """The total time of the intervals."""
    return sum(end - start for start, end in stretches)


def clipped(stretches: Sequence[Span], start: int, end: int) -> list[Span]:
    """The parts of the intervals that are within [start, end)."""
    return [(max(a, start), min(b, end)) for a, b in stretches if min(b, end) > max(a, start)]


def covered(stretches: Sequence[Span], others: Sequence[Span]) -> float:
    """How much of the first intervals the others cover. Neither list has overlaps."""
    return float(covered_each(stretches, others).sum())


def covered_each(stretches: Sequence[Span], others: Sequence[Span]) -> Array:
    """How much of each of the other intervals the first ones cover, which have no overlaps."""
    if not stretches or not others:
        return np.zeros(len(others))
    moments = np.array(stretches, np.float64).reshape(-1)
    passed = np.concatenate(([0.0], np.cumsum(np.where(np.arange(len(moments) - 1) % 2 == 0, np.diff(moments), 0.0))))
    at = np.interp(np.array(others, np.float64), moments, passed)
    each: Array = at[:, 1] - at[:, 0]
    return each
