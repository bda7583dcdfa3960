"""Assign bars to lanes: each gets the lowest lane that is free when it begins."""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def lanes(
    group: Array, start: Array, end: Array, at_most: Sequence[int | None] | None = None
) -> tuple[Array, list[int]]:
    """The lane of every bar within its group, and the number of lanes per group. Groups are 0, 1, 2, ...

    A lane is free as soon as its bar ends. Overlapping bars of a group share a lane only where the group has no more
    lanes `at_most`: then a bar gets the lane that is free first.
    """
    number = int(group.max()) + 1 if len(group) else 0
    lane, heights = np.zeros(len(group), np.int64), [0] * number
    busy: list[list[tuple[int, int]]] = [[] for _ in range(number)]
    free: list[list[int]] = [[] for _ in range(number)]
    order: Sequence[int] = np.lexsort((end, start)).tolist()
    groups, starts, ends = group.tolist(), start.tolist(), end.tolist()
    for i in order:
        own = groups[i]
        while busy[own] and busy[own][0][0] <= starts[i]:
            heapq.heappush(free[own], heapq.heappop(busy[own])[1])
        limit = at_most[own] if at_most is not None else None
        if free[own]:
            lane[i] = heapq.heappop(free[own])
        elif limit is not None and heights[own] >= max(limit, 1):
            lane[i] = heapq.heappop(busy[own])[1]
        else:
            lane[i] = heights[own]
            heights[own] += 1
        heapq.heappush(busy[own], (ends[i], int(lane[i])))
    return lane, heights
