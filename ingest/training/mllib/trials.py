"""The jobs of one fold -> its trials: one at a time by their phases, several at once by what their jobs share.

A fit never reads the validation side and an evaluation always does. One trial after the other, a new one begins where a
fit follows an evaluation. Where trials overlap, jobs that share an RDD above the fold's data, a SQL execution, or an
attribute that only one data frame has, are of one trial (such a group is a section here), and sections are strung
together as the pool's threads take them: first come, first served.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from ..evidence import Plan
from .ambiguity import candidates
from .job_groups import Section, sections, with_lone_jobs
from .searches import Work

Phase = Literal["fit", "evaluate"]


@dataclass(slots=True)
class _Trial:
    sections: list[Section] = field(default_factory=list)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    end: int = -1
    rank: int = -1

    def take(self, section: Section, rank: int) -> None:
        self.sections.append(section)
        self.done[section.action] += 1
        self.end, self.rank = max(self.end, section.end), max(self.rank, rank)


@dataclass(frozen=True, slots=True)
class Found:
    """One trial of a fold. `candidates`: how many trials, itself included, its later jobs may belong to."""

    work: list[Work]
    candidates: int = 1


def split_fold(work: Sequence[Work], plans: Mapping[int, Plan]) -> tuple[list[Found], bool]:
    """The trials of one fold in the order in which they began, and whether several ran at once."""
    work = sorted(work, key=lambda item: item.job.at)
    parts = sections(work, plans)
    if not _overlapping(parts):
        return [Found(jobs) for jobs in _in_turn(work, parts)], False
    trials = [sorted(trial.sections, key=lambda section: section.begin) for trial in _strung(with_lone_jobs(parts))]
    jobs = (sorted((w for section in trial for w in section.work), key=lambda w: w.job.at) for trial in trials)
    return [Found(*found) for found in zip(jobs, candidates(trials), strict=True)], True


def _overlapping(parts: Sequence[Section]) -> bool:
    """Trials ran at once: one was evaluated while another was trained, or one block of evaluations has two of a kind.

    Training that overlaps training alone may be one trial's (OneVsRest.parallelism).
    """
    overlap = False
    latest: list[Section] = []
    for section in parts:
        latest = [other for other in latest if other.end > section.begin]
        for other in latest:
            overlap = True
            if (section.fits and other.evaluates) or (other.fits and section.evaluates):
                return True
        latest.append(section)
    if not overlap:
        return False
    seen: set[tuple[str, str]] = set()
    for section in parts:
        if section.fits:
            seen.clear()
        if section.evaluates:
            if section.action in seen:
                return True
            seen.add(section.action)
    return False


def _in_turn(work: Sequence[Work], parts: Sequence[Section]) -> list[list[Work]]:
    sides = {item.side for item in work}
    trials: list[list[Work]] = [[]]
    if len(sides) == 1:
        # Nothing but training, or nothing but evaluation: a trial begins where its first action comes again.
        start = next((s.action for s in parts if any(w.own for w in s.work)), parts[0].action)
        starts = {id(s.work[0]) for s in parts if s.action == start}
    else:
        starts = {id(item) for before, item in pairwise(work) if item.side == "train" and before.side == "validate"}
    for item in work:
        if id(item) in starts and trials[-1]:
            trials.append([])
        trials[-1].append(item)
    return trials


def _strung(parts: Sequence[Section]) -> list[_Trial]:
    ranks = _ranks(parts)
    per_trial = _per_trial(parts)
    trials: list[_Trial] = []
    for section in _by_arrival(parts):
        rank = ranks[section.action]
        idle = [
            trial
            for trial in trials
            if trial.end <= section.begin
            and trial.rank <= rank
            and trial.done[section.action] < per_trial[section.action]
        ]
        # The trial that is furthest on goes on; of several, the one that has waited longest.
        idle.sort(key=lambda trial: (-trial.rank, trial.end))
        if not idle or (rank == 0 and per_trial[section.action] == 1):
            if rank and section.evaluates and not section.fits and trials:
                # Training has not ended by the log, but an evaluation cannot stand alone.
                trials_left = [t for t in trials if not t.done[section.action]] or trials
                min(trials_left, key=lambda t: t.end).take(section, rank)
                continue
            trials.append(_Trial())
            idle = [trials[-1]]
        idle[0].take(section, rank)
    return sorted(trials, key=lambda trial: min(section.begin for section in trial.sections))


def _by_arrival(parts: Sequence[Section]) -> list[Section]:
    """Sections by start; where no SQL execution says when an action began, those of one action by their making."""
    ordered = sorted(parts, key=lambda section: section.begin)
    queues = {}
    for action in {section.action for section in parts}:
        of_action = [section for section in ordered if section.action == action]
        if not all(section.plans for section in of_action):
            of_action.sort(key=lambda section: section.made)
        queues[action] = iter(of_action)
    return [next(queues[section.action]) for section in ordered]


def _ranks(parts: Sequence[Section]) -> dict[tuple[str, str], int]:
    """Actions in the order in which a trial comes to them: by first appearance, training before evaluation."""
    first: dict[tuple[str, str], int] = {}
    for section in parts:
        first.setdefault(section.action, section.begin)
    ordered = sorted(first, key=lambda action: (action[0] == "validate", first[action]))
    return {action: rank for rank, action in enumerate(ordered)}


def _per_trial(parts: Sequence[Section]) -> Mapping[tuple[str, str], int]:
    """How often each action comes in one trial. Most actions come once: the commonest count is the number of trials."""
    counts = Counter(section.action for section in parts)
    several = [count for count in counts.values() if count > 1] or [1]
    trials = Counter(several).most_common(1)[0][0]
    return {action: max(1, round(count / trials)) for action, count in counts.items()}
