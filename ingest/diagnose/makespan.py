"""How long tasks or fits take on so many slots, each taken by the next one as soon as it is free: what Spark does."""

import heapq
from collections.abc import Sequence


def makespan(durations: Sequence[float], slots: int) -> float:
    """The time from the first start to the last end, in the order given."""
    if len(durations) <= slots:
        return max(durations, default=0.0)
    free = list(durations[:slots])
    heapq.heapify(free)
    for duration in durations[slots:]:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)
