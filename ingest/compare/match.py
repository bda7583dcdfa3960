"""Which stage of one application is which of another: by plan and name, by name, by plan."""

import re
from collections.abc import Callable, Iterable, Sequence

from ...schemas.comparison import StageFigures

Pair = tuple[StageFigures | None, StageFigures | None]

_LINE = re.compile(r":\d+$")
_VARIES = re.compile(r"(?<=_)[0-9a-f]{12}\b|\d+")


def plain(name: str) -> str:
    """A stage's name without the parts that differ from run to run: line numbers and ids."""
    return _VARIES.sub("", _LINE.sub("", name))


def match(a: Sequence[StageFigures], b: Sequence[StageFigures]) -> list[Pair]:
    """Every stage once: matched, or with None on the other side. Among those alike the first is the first's."""
    keys: Sequence[Callable[[StageFigures], object]] = (
        lambda s: (s.plan, s.name) if s.plan else None,
        lambda s: (s.plan, plain(s.name)) if s.plan else None,
        lambda s: plain(s.name),
        lambda s: s.plan,
    )
    pairs: list[Pair] = []
    left, right = list(a), list(b)
    for key in keys:
        matched = _matched(left, right, key)
        pairs.extend(matched)
        seen_a, seen_b = {one.order for one, _ in matched}, {two.order for _, two in matched}
        left = [one for one in left if one.order not in seen_a]
        right = [two for two in right if two.order not in seen_b]
    return [*pairs, *((one, None) for one in left), *((None, two) for two in right)]


def _matched(
    left: Iterable[StageFigures], right: Iterable[StageFigures], key: Callable[[StageFigures], object]
) -> list[tuple[StageFigures, StageFigures]]:
    waiting: dict[object, list[StageFigures]] = {}
    for stage in right:
        if key(stage) is not None:
            waiting.setdefault(key(stage), []).append(stage)
    queues = {name: iter(stages) for name, stages in waiting.items()}
    found = []
    for stage in left:
        other = next(queues.get(key(stage), iter(())), None)
        if other is not None:
            found.append((stage, other))
    return found
