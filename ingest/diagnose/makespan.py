"""How long tasks or fits take on a number of slots. As in Spark, the next one takes the first free slot."""

import heapq
from collections.abc import Sequence


def makespan(durations: Sequence[float], slots: int) -> float:
    """The time from the first start to the last end if they start in this order."""
    if len(durations) <= slots:
        return max(durations, default=0.0)
    free = list(durations[:slots])
    heapq.heapify(free)
    for duration in durations[slots:]:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)
