"""The critical path: the stages that the application's end waited for, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

# The driver submits the next stage within milliseconds of the end of the one before; clocks are not finer than that.
SLACK_MS = 50

Span = tuple[int, int]
"""Start and end, epoch ms."""


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """`stages` are positions in the spans given, in order of time. `stages_ms` is the time that those stages cover,
    `driver_ms` the rest of the application's time: the driver's own work, and waiting."""

    stages: tuple[int, ...]
    stages_ms: int
    driver_ms: int


def critical_path(spans: Sequence[Span], start_ms: int, end_ms: int) -> CriticalPath:
    """The critical path of an application that ran from `start_ms` to `end_ms`, given the spans of its stages."""
    path = chain(spans)
    covered, reached = 0, start_ms
    for position in path:
        begin, end = max(spans[position][0], reached), min(spans[position][1], end_ms)
        covered += max(end - begin, 0)
        reached = max(reached, end)
    return CriticalPath(tuple(path), covered, max(end_ms - start_ms - covered, 0))


def chain(spans: Sequence[Span]) -> list[int]:
    """Positions of the spans on the path, in order of time.

    It is followed backwards from the span that ended last. The predecessor of a span is, of all spans that ended
    before it started (within SLACK_MS), the one that ended last. Spans of no length are never on the path.
    """
    by_end = sorted((i for i, (start, end) in enumerate(spans) if end > start), key=lambda i: (spans[i][1], i))
    path: list[int] = []
    at = len(by_end) - 1
    while at >= 0:
        path.append(by_end[at])
        start = spans[by_end[at]][0]
        at -= 1
        while at >= 0 and (spans[by_end[at]][1] > start + SLACK_MS or spans[by_end[at]][0] >= start):
            at -= 1
    return path[::-1]
