"""The critical path: the stages that, one after the other, the application's end waited for."""

from collections.abc import Sequence
from dataclasses import dataclass

# The driver submits the next stage within milliseconds of the last one's end; clocks and event order are no finer.
_SLACK_MS = 50


@dataclass(frozen=True, slots=True)
class Span:
    """One stage attempt's time, epoch ms."""

    start: int
    end: int


def critical_path(spans: Sequence[Span]) -> list[int]:
    """Positions of the spans on the critical path, first one first.

    From the span that ended last backwards: what had to end before one could start is, of all that had ended by then,
    the one that ended last. Of spans that ran beside a longer one, none is on the path.
    """
    by_end = sorted((i for i, span in enumerate(spans) if span.end > span.start), key=lambda i: (spans[i].end, i))
    path: list[int] = []
    at = len(by_end) - 1
    while at >= 0:
        path.append(by_end[at])
        start = spans[by_end[at]].start
        at -= 1
        while at >= 0 and (spans[by_end[at]].end > start + _SLACK_MS or spans[by_end[at]].start >= start):
            at -= 1
    return path[::-1]
