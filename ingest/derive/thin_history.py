"""Thin the history of a metric to the number of points that a chart can show."""

from collections.abc import Sequence

from ...schemas.runs.limits import HISTORY_POINTS

Points = Sequence[tuple[int, int, float]]
"""(step, time_ms, value)"""


def thinned(points: Points, at_most: int = HISTORY_POINTS) -> Points:
    """At most so many points, in order: the highest tenth of them, the first and the last, and every n-th."""
    if len(points) <= at_most:
        return points
    highest = sorted(range(len(points)), key=lambda i: (-points[i][2], i))[: at_most // 10]
    rest = at_most - len(highest)
    kept = {*highest, *(round(i * (len(points) - 1) / (rest - 1)) for i in range(rest))}
    return [points[i] for i in sorted(kept)]
