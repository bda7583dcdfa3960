"""Group the jobs of one fold that certainly belong to one trial, by ids that no two trials share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..evidence import EVER, FoldPlan
from .searches import FoldJob


@dataclass(slots=True)
class JobGroup:
    """Jobs of one fold, ordered by start, that share RDDs derived from its data."""

    fold_jobs: list[FoldJob]
    plans: list[FoldPlan] = field(default_factory=list)
    """Its SQL executions, those that ran no job too."""

    @property
    def begin(self) -> int:
        """Where its first job or SQL execution starts in the log."""
        return min([self.fold_jobs[0].job.at, *(plan.at for plan in self.plans)])

    @property
    def end(self) -> int:
        """Where its last job or SQL execution ends in the log."""
        ended = [plan.end_at for plan in self.plans if plan.end_at < EVER]
        return max([*(item.job.end_at for item in self.fold_jobs), *ended])

    @property
    def end_ms(self) -> int:
        """When its last job or SQL execution ended; 0 if the log does not contain it."""
        return max([0, *(item.job.end_ms or 0 for item in self.fold_jobs), *(plan.end_ms or 0 for plan in self.plans)])

    @property
    def fits(self) -> bool:
        """Whether the group begins with training."""
        return self.fold_jobs[0].side == "train"

    @property
    def evaluates(self) -> bool:
        """Whether the group reads validation data."""
        return any(item.side == "validate" for item in self.fold_jobs)

    @property
    def made(self) -> int:
        """Its oldest own RDD. The order in which RDDs are created is more reliable than the order in which jobs are
        scheduled."""
        return min((rdd for item in self.fold_jobs for rdd in item.own), default=-1)

    @property
    def action(self) -> tuple[str, str]:
        """The first action that has its own RDDs, so that jobs that only fill the cache do not change it."""
        first = next((item for item in self.fold_jobs if item.own), self.fold_jobs[0])
        return first.side, first.job.action


def group_jobs(fold_jobs: Sequence[FoldJob], plans: Mapping[int, FoldPlan]) -> list[JobGroup]:
    """The groups of these jobs, by start: joined by RDDs, SQL executions, and executions that share an attribute."""
    root = list(range(len(fold_jobs)))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    first_with: dict[tuple[str, int], int] = {}
    for at, item in enumerate(fold_jobs):
        links = [("rdd", rdd) for rdd in item.own]
        for execution in item.job.plans:
            links.append(("plan", execution))
            links.extend(("attribute", attribute) for attribute in plans[execution].attributes)
        for link in links:
            root[find(at)] = find(first_with.setdefault(link, at))
    members: dict[int, list[FoldJob]] = {}
    for at, item in enumerate(fold_jobs):
        members.setdefault(find(at), []).append(item)
    found = {at: JobGroup(member_jobs) for at, member_jobs in members.items()}
    for execution, plan in plans.items():
        links = [("plan", execution), *(("attribute", attribute) for attribute in plan.attributes)]
        member = next((first_with[link] for link in links if link in first_with), None)
        if member is not None:
            found[find(member)].plans.append(plan)
    return sorted(found.values(), key=lambda group: group.begin)


def merge_lone_jobs(parts: Sequence[JobGroup]) -> list[JobGroup]:
    """Move jobs without their own RDDs (they fill the cache) to the group of their SQL execution, or else to the next
    group of their side."""
    whole = [group for group in parts if any(item.own for item in group.fold_jobs)]
    if not whole:
        return list(parts)
    for group in parts:
        if any(item.own for item in group.fold_jobs):
            continue
        item = group.fold_jobs[0]
        same = [
            s
            for s in whole
            if item.job.execution is not None and any(w.job.execution == item.job.execution for w in s.fold_jobs)
        ]
        later = [s for s in whole if s.fold_jobs[0].side == item.side and s.begin > item.job.at]
        chosen = same[0] if same else min(later, key=lambda s: s.begin) if later else whole[-1]
        chosen.fold_jobs.append(item)
        chosen.fold_jobs.sort(key=lambda w: w.job.at)
    return whole
