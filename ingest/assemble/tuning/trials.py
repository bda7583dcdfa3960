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

from .evidence import EVER, Plan
from .searches import Work

Phase = Literal["fit", "evaluate"]


@dataclass(slots=True)
class Section:
    """Jobs of one fold that share RDDs above its data, by start."""

    work: list[Work]
    plans: list[Plan] = field(default_factory=list)
    """Its SQL executions, those that ran no job too."""

    @property
    def begin(self) -> int:
        """Where its first job or SQL execution starts in the log."""
        return min([self.work[0].job.at, *(plan.at for plan in self.plans)])

    @property
    def end(self) -> int:
        """Where its last job or SQL execution ends in the log."""
        ended = [plan.end_at for plan in self.plans if plan.end_at < EVER]
        return max([*(work.job.end_at for work in self.work), *ended])

    @property
    def fits(self) -> bool:
        """It begins with training."""
        return self.work[0].side == "train"

    @property
    def evaluates(self) -> bool:
        """It reads validation data."""
        return any(work.side == "validate" for work in self.work)

    @property
    def made(self) -> int:
        """Its oldest own RDD: the order of making tells better who came first than that in which jobs got a turn."""
        return min((rdd for work in self.work for rdd in work.own), default=-1)

    @property
    def action(self) -> tuple[str, str]:
        """What it does: the first action that has RDDs of its own, so that filling the cache does not change it."""
        first = next((work for work in self.work if work.own), self.work[0])
        return first.side, first.job.action


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


def split_fold(work: Sequence[Work], plans: Mapping[int, Plan]) -> tuple[list[list[Work]], bool]:
    """The trials of one fold in the order in which they began, and whether several ran at once."""
    work = sorted(work, key=lambda item: item.job.at)
    parts = sections(work, plans)
    if _overlapping(parts):
        trials = _strung(_with_lone_jobs(parts))
        return [sorted((w for s in trial.sections for w in s.work), key=lambda w: w.job.at) for trial in trials], True
    return _in_turn(work, parts), False


def sections(work: Sequence[Work], plans: Mapping[int, Plan]) -> list[Section]:
    """The sections of these jobs, by start: joined by RDDs, SQL executions, and executions that share an attribute."""
    root = list(range(len(work)))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    first_with: dict[tuple[str, int], int] = {}
    for at, item in enumerate(work):
        links = [("rdd", rdd) for rdd in item.own]
        for execution in item.job.plans:
            links.append(("plan", execution))
            links.extend(("attribute", attribute) for attribute in plans[execution].attributes)
        for link in links:
            root[find(at)] = find(first_with.setdefault(link, at))
    groups: dict[int, list[Work]] = {}
    for at, item in enumerate(work):
        groups.setdefault(find(at), []).append(item)
    found = {at: Section(group) for at, group in groups.items()}
    for execution, plan in plans.items():
        links = [("plan", execution), *(("attribute", attribute) for attribute in plan.attributes)]
        member = next((first_with[link] for link in links if link in first_with), None)
        if member is not None:
            found[find(member)].plans.append(plan)
    return sorted(found.values(), key=lambda section: section.begin)


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


def _with_lone_jobs(parts: Sequence[Section]) -> list[Section]:
    """Gives jobs without RDDs of their own (they fill the cache) to the section of their SQL execution, else to the
    next section of their side."""
    whole = [section for section in parts if any(work.own for work in section.work)]
    if not whole:
        return list(parts)
    for section in parts:
        if any(work.own for work in section.work):
            continue
        item = section.work[0]
        same = [
            s
            for s in whole
            if item.job.execution is not None and any(w.job.execution == item.job.execution for w in s.work)
        ]
        later = [s for s in whole if s.work[0].side == item.side and s.begin > item.job.at]
        chosen = same[0] if same else min(later, key=lambda s: s.begin) if later else whole[-1]
        chosen.work.append(item)
        chosen.work.sort(key=lambda w: w.job.at)
    return whole


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
