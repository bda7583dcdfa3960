"""The jobs of one fold that are certainly one trial's: a section. What joins them are ids that no two trials share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..evidence import EVER, Plan
from .searches import Work


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
    def end_ms(self) -> int:
        """When its last job or SQL execution ended; 0 where the log does not say."""
        return max([0, *(work.job.end_ms or 0 for work in self.work), *(plan.end_ms or 0 for plan in self.plans)])

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


def with_lone_jobs(parts: Sequence[Section]) -> list[Section]:
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
