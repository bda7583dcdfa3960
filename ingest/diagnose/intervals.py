"""Time as stretches: when anything of a kind ran, and when nothing did."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Span = tuple[int, int]


def spans(starts: Array, ends: Array) -> list[Span]:
    """The union of [start, end): stretches that neither overlap nor touch, in order."""
    if not len(starts):
        return []
    order = np.argsort(starts, kind="stable")
    begin, reach = starts[order], np.maximum.accumulate(ends[order])
    new = np.concatenate(([True], begin[1:] > reach[:-1]))
    last = np.append(np.flatnonzero(new)[1:] - 1, len(begin) - 1)
    return list(zip(begin[new].tolist(), reach[last].tolist(), strict=True))


def length(stretches: Sequence[Span]) -> int:
    """Their time, added up."""
    return sum(end - start for start, end in stretches)


def clipped(stretches: Sequence[Span], start: int, end: int) -> list[Span]:
    """What of them lies in [start, end)."""
    return [(max(a, start), min(b, end)) for a, b in stretches if min(b, end) > max(a, start)]


def covered(stretches: Sequence[Span], others: Sequence[Span]) -> float:
    """How much of the stretches, which do not overlap, lies in the others, which do not either."""
    if not stretches or not others:
        return 0.0
    moments = np.array(stretches, np.float64).reshape(-1)
    passed = np.concatenate(([0.0], np.cumsum(np.where(np.arange(len(moments) - 1) % 2 == 0, np.diff(moments), 0.0))))
    at = np.interp(np.array(others, np.float64), moments, passed)
    return float((at[:, 1] - at[:, 0]).sum())
