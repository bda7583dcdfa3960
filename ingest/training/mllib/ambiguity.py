"""For trials that overlap, count how many could have made each evaluation. Confidence falls with that number.

The log has no link from a training to the evaluation of its model (docs/training.md). Trials that waited for their next
group at the same time can therefore be distinguished only by order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..evidence import EVER
from .job_groups import JobGroup

# Trials that finished a step at least this far apart also continued in this order in 64 of 67 pairs. Trials that
# finished closer together did so in 47 of 64 pairs. Both counts need the SQL execution of the next group.
_ORDER_HOLDS_MS = 200
# How often all jobs of a fit were its own, by the number of trials that waited at the same time. Measured on fits of
# 20 logs (docs/training.md).
_ORDER_HOLDS: Mapping[int, float] = {1: 1.0, 2: 50 / 96, 3: 17 / 39, 4: 11 / 40}


@dataclass(frozen=True, slots=True)
class _Step:
    """The time in which a trial waited for an action: from the end of its previous group to the beginning of this
    one."""

    end: int
    end_ms: int | None
    begin: int = EVER
    ordered: bool = False


def order_holds(candidates: int) -> float:
    """The probability that this many waiting trials kept their order. 1.0 for one trial."""
    return _ORDER_HOLDS.get(candidates, 1 / candidates)


def candidates(trials: Sequence[Sequence[JobGroup]]) -> list[int]:
    """Per trial, the number of trials, itself included, that its later groups may belong to; 1 is certain.

    A trial is given as its groups by start. Two trials may be swapped if both had finished their previous group when
    the next group of either began.
    """
    steps = [_steps(groups) for groups in trials]
    swappable: list[set[int]] = [{at} for at in range(len(trials))]
    for one, other in combinations(range(len(trials)), 2):
        mine, theirs = steps[one], steps[other]
        for action in mine.keys() | theirs.keys():
            if _alike(mine.get(action, _last(trials[one])), theirs.get(action, _last(trials[other]))):
                swappable[one].add(other)
                swappable[other].add(one)
    return [len(found) for found in swappable]


def _steps(groups: Sequence[JobGroup]) -> dict[tuple[str, str, int], _Step | None]:
    """(Side, action, how often before in this trial) -> its step. None is where the trial begins."""
    found: dict[tuple[str, str, int], _Step | None] = {}
    done: Counter[tuple[str, str]] = Counter()
    end, end_ms = -1, None
    for at, group in enumerate(groups):
        key = (*group.action, done[group.action])
        done[group.action] += 1
        found[key] = _Step(end, end_ms, group.begin, bool(group.plans)) if at else None
        end, end_ms = max(end, group.end), max(end_ms or 0, group.end_ms) or None
    return found


def _last(groups: Sequence[JobGroup]) -> _Step:
    """A trial that did not reach an action may be confused with one that did."""
    return _Step(max(group.end for group in groups), max(group.end_ms for group in groups) or None)


def _alike(one: _Step | None, other: _Step | None) -> bool:
    if one is None or other is None or one.end > other.begin or other.end > one.begin:
        return False
    if not (one.ordered and other.ordered) or one.end_ms is None or other.end_ms is None:
        return True
    return abs(one.end_ms - other.end_ms) < _ORDER_HOLDS_MS
