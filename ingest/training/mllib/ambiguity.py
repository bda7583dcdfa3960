"""For trials that overlap, count how many could have made each evaluation; the confidence falls with it.

The log has no link from a training to the evaluation of its model (docs/training.md). Trials that waited for their
next group at the same time are therefore told apart by order alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..evidence import EVER
from .job_groups import JobGroup

# Trials that came to the end of something at least so long after one another also went on in this order in 64 of 67
# pairs, where the log has the SQL execution that the next group begins with; of those closer together in 47 of 64.
_ORDER_HOLDS_MS = 200
# Measured on fits of 20 logs (docs/training.md): how often the jobs of a fit were all its own, by how many trials
# waited at once.
_ORDER_HOLDS: Mapping[int, float] = {1: 1.0, 2: 50 / 96, 3: 17 / 39, 4: 11 / 40}


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a trial came to an action: from the end of what it did before to the beginning of the group."""

    end: int
    end_ms: int | None
    begin: int = EVER
    ordered: bool = False


def order_holds(candidates: int) -> float:
    """The probability that the order was kept among this many trials that waited at once: 1.0 for one."""
    return _ORDER_HOLDS.get(candidates, 1 / candidates)


def candidates(trials: Sequence[Sequence[JobGroup]]) -> list[int]:
    """Per trial, how many there are, itself included, that its later groups may belong to: 1 is certain.

    A trial is given as its groups by start. Two trials may be swapped where both had ended what came before when the
    next group of either began.
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
    """A trial that did not come to an action may be the one that did."""
    return _Step(max(group.end for group in groups), max(group.end_ms for group in groups) or None)


def _alike(one: _Step | None, other: _Step | None) -> bool:
    if one is None or other is None or one.end > other.begin or other.end > one.begin:
        return False
    if not (one.ordered and other.ordered) or one.end_ms is None or other.end_ms is None:
        return True
    return abs(one.end_ms - other.end_ms) < _ORDER_HOLDS_MS
