"""Split the jobs of one fold into trials: sequential ones by phase, concurrent ones by what their jobs share.

A fit never reads the validation side and an evaluation always does. If trials ran one after the other, a new one begins
where a fit follows an evaluation. If trials overlap, jobs belong to one trial (here called a group) if they share a
derived RDD, a SQL execution, or an attribute that only one data frame has. Groups are then chained in the order in
which the pool's threads take them, first come, first served.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from ..evidence import FoldPlan
from .ambiguity import candidates
from .job_groups import JobGroup, group_jobs, merge_lone_jobs
from .searches import FoldJob

Phase = Literal["fit", "evaluate"]


@dataclass(slots=True)
class _Trial:
    groups: list[JobGroup] = field(default_factory=list)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    end: int = -1
    rank: int = -1

    def take(self, group: JobGroup, rank: int) -> None:
        self.groups.append(group)
        self.done[group.action] += 1
        self.end, self.rank = max(self.end, group.end), max(self.rank, rank)


@dataclass(frozen=True, slots=True)
class FoldTrial:
    """One trial of a fold. `candidates` is the number of trials, itself included, that its later jobs may belong to."""

    fold_jobs: list[FoldJob]
    candidates: int = 1


def split_fold(fold_jobs: Sequence[FoldJob], plans: Mapping[int, FoldPlan]) -> tuple[list[FoldTrial], bool]:
    """The trials of one fold in the order in which they began, and whether they overlapped."""
    fold_jobs = sorted(fold_jobs, key=lambda item: item.job.at)
    parts = group_jobs(fold_jobs, plans)
    if not _overlapping(parts):
        return [FoldTrial(jobs) for jobs in _in_turn(fold_jobs, parts)], False
    trials = [sorted(trial.groups, key=lambda group: group.begin) for trial in _chain(merge_lone_jobs(parts))]
    jobs = (sorted((w for group in trial for w in group.fold_jobs), key=lambda w: w.job.at) for trial in trials)
    return [FoldTrial(*found) for found in zip(jobs, candidates(trials), strict=True)], True


def _overlapping(parts: Sequence[JobGroup]) -> bool:
    """Whether trials overlapped: one was evaluated while another was trained, or one block has two evaluations of a
    kind.

    Training that overlaps only training may belong to one trial (OneVsRest.parallelism).
    """
    overlap = False
    latest: list[JobGroup] = []
    for group in parts:
        latest = [other for other in latest if other.end > group.begin]
        for other in latest:
            overlap = True
            if (group.fits and other.evaluates) or (other.fits and group.evaluates):
                return True
        latest.append(group)
    if not overlap:
        return False
    seen: set[tuple[str, str]] = set()
    for group in parts:
        if group.fits:
            seen.clear()
        if group.evaluates:
            if group.action in seen:
                return True
            seen.add(group.action)
    return False


def _in_turn(fold_jobs: Sequence[FoldJob], parts: Sequence[JobGroup]) -> list[list[FoldJob]]:
    sides = {item.side for item in fold_jobs}
    trials: list[list[FoldJob]] = [[]]
    if len(sides) == 1:
        # If there is only training or only evaluation, a trial begins where its first action recurs.
        start = next((s.action for s in parts if any(w.own for w in s.fold_jobs)), parts[0].action)
        starts = {id(s.fold_jobs[0]) for s in parts if s.action == start}
    else:
        starts = {
            id(item) for before, item in pairwise(fold_jobs) if item.side == "train" and before.side == "validate"
        }
    for item in fold_jobs:
        if id(item) in starts and trials[-1]:
            trials.append([])
        trials[-1].append(item)
    return trials


def _chain(parts: Sequence[JobGroup]) -> list[_Trial]:
    ranks = _ranks(parts)
    per_trial = _per_trial(parts)
    trials: list[_Trial] = []
    for group in _by_arrival(parts):
        rank = ranks[group.action]
        idle = [
            trial
            for trial in trials
            if trial.end <= group.begin and trial.rank <= rank and trial.done[group.action] < per_trial[group.action]
        ]
        # The trial that is furthest along continues; of several, the one that has waited longest.
        idle.sort(key=lambda trial: (-trial.rank, trial.end))
        if not idle or (rank == 0 and per_trial[group.action] == 1):
            if rank and group.evaluates and not group.fits and trials:
                # According to the log no training has ended yet, but an evaluation must belong to one.
                trials_left = [t for t in trials if not t.done[group.action]] or trials
                min(trials_left, key=lambda t: t.end).take(group, rank)
                continue
            trials.append(_Trial())
            idle = [trials[-1]]
        idle[0].take(group, rank)
    return sorted(trials, key=lambda trial: min(group.begin for group in trial.groups))


def _by_arrival(parts: Sequence[JobGroup]) -> list[JobGroup]:
    """Job groups by start. Groups of one action without a SQL execution are ordered by the creation of their RDDs."""
    ordered = sorted(parts, key=lambda group: group.begin)
    queues = {}
    for action in {group.action for group in parts}:
        of_action = [group for group in ordered if group.action == action]
        if not all(group.plans for group in of_action):
            of_action.sort(key=lambda group: group.made)
        queues[action] = iter(of_action)
    return [next(queues[group.action]) for group in ordered]


def _ranks(parts: Sequence[JobGroup]) -> dict[tuple[str, str], int]:
    """Actions in the order in which a trial reaches them: by first appearance, training before evaluation."""
    first: dict[tuple[str, str], int] = {}
    for group in parts:
        first.setdefault(group.action, group.begin)
    ordered = sorted(first, key=lambda action: (action[0] == "validate", first[action]))
    return {action: rank for rank, action in enumerate(ordered)}


def _per_trial(parts: Sequence[JobGroup]) -> Mapping[tuple[str, str], int]:
    """How often each action occurs in one trial. Most actions occur once, so the most common count is the number of
    trials."""
    counts = Counter(group.action for group in parts)
    several = [count for count in counts.values() if count > 1] or [1]
    trials = Counter(several).most_common(1)[0][0]
    return {action: max(1, round(count / trials)) for action, count in counts.items()}
