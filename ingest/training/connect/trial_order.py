"""The number of every trial: the index of its param map, as far as the order of fits and the grid tell it."""

from collections.abc import Mapping, Sequence
from itertools import permutations, product

Key = tuple[int, str]
ParamMap = tuple[tuple[Key, object], ...]

_MOST_PARAMS = 6


def varying(maps: Sequence[Mapping[Key, object]]) -> list[Key]:
    """The params that differ between these fits, by stage and name."""
    keys = sorted({key for one in maps for key in one})
    return [key for key in keys if len({repr(one.get(key)) for one in maps}) > 1]


def order_trials(started: Mapping[ParamMap, Sequence[float]]) -> list[ParamMap]:
    """The param maps in their order. `started` are each one's ranks among the fits of a fold, by start.

    Threads overtake each other, so ranks are averaged over folds. Where the maps are a full grid, the order is that of
    `ParamGridBuilder.build`, the product of the values: the one of these products that agrees best with the ranks.
    """
    rank = {one: sum(ranks) / len(ranks) for one, ranks in started.items()}
    observed = sorted(rank, key=lambda one: (rank[one], [_ascending(value) for _, value in one]))
    if len(observed) < 3:
        return observed
    keys = [key for key, _ in observed[0]]
    values = {key: _values(key, observed, rank) for key in keys}
    size = 1
    for one in values.values():
        size *= len(one)
    if size != len(observed) or len(keys) > _MOST_PARAMS:
        return observed
    by_text = {_text(one): one for one in observed}
    best, least = observed, None
    for outer in permutations(keys):
        texts = [frozenset(zip(outer, chosen, strict=True)) for chosen in product(*(values[key] for key in outer))]
        if any(text not in by_text for text in texts):
            return observed
        grid = [by_text[text] for text in texts]
        cost = sum(abs(rank[one] - place) for place, one in enumerate(grid))
        if least is None or cost < least:
            best, least = grid, cost
    return best


def _values(key: Key, maps: Sequence[ParamMap], rank: Mapping[ParamMap, float]) -> list[str]:
    """The values of one param in the order in which they were given: by the mean rank of the maps that have them."""
    ranks: dict[str, list[float]] = {}
    of_text = {repr(dict(one)[key]): dict(one)[key] for one in maps}
    for one in maps:
        ranks.setdefault(repr(dict(one)[key]), []).append(rank[one])
    return sorted(ranks, key=lambda value: (sum(ranks[value]) / len(ranks[value]), _ascending(of_text[value])))


def _ascending(value: object) -> tuple[float, str]:
    """Breaks ties: people write the values of a grid in ascending order."""
    return (float(value), "") if isinstance(value, (int, float)) and not isinstance(value, bool) else (0.0, repr(value))


def _text(one: ParamMap) -> frozenset[tuple[Key, str]]:
    return frozenset((key, repr(value)) for key, value in one)
