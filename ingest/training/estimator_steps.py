"""Jobs of estimators and evaluators -> steps: jobs that are certainly one fit's, or one evaluation's.

What joins jobs are RDDs that MLlib made for them, and the SQL execution. A DataFrame that the user cached, and what is
below it, is read by many fits and joins none.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from .estimator_names import evaluators_of_queries
from .estimators import uid_in
from .evidence import Evidence, Job, Rdd
from .interface import EstimatorName

# CallSite.shortForm of an RDD made in Scala: `map at PCA.scala:44`
_SCALA = re.compile(r" at (\w+\.scala):\d+$")
# org.apache.spark.sql.execution.columnar.CachedRDDBuilder: the RDD of a cached DataFrame is named after its plan
_CACHED_TABLE = "In-memory table "


@dataclass(slots=True)
class Step:
    """Jobs of one estimator or evaluator that share RDDs or a SQL execution, by start."""

    estimator: str | None
    evaluator: str | None
    jobs: list[Job]
    own: set[int] = field(default_factory=set)
    uid: str | None = None

    @property
    def begin(self) -> int:
        """Position of its first job's start in the log."""
        return self.jobs[0].at

    @property
    def end(self) -> int:
        """Position of its last job's end in the log."""
        return max(job.end_at for job in self.jobs)

    @property
    def action(self) -> str:
        """What its first job did."""
        return self.jobs[0].action


class OwnRdds:
    """Which RDDs of a job MLlib made for one fit or one evaluation."""

    def __init__(self, evidence: Evidence) -> None:
        self._rdds = evidence.rdds
        self._shared = _below_cached_tables(evidence.rdds)
        self._files = evidence.mllib_files

    def of(self, job: Job) -> frozenset[int]:
        """The ids of these RDDs."""
        return frozenset(rdd for rdd in job.rdds if rdd not in self._shared and self._is_mllib(rdd))

    def unshared(self, job: Job) -> frozenset[int]:
        """The ids of its RDDs that no cached table is made of, whoever made them."""
        return frozenset(rdd for rdd in job.rdds if rdd not in self._shared)

    def _is_mllib(self, rdd_id: int) -> bool:
        rdd = self._rdds.get(rdd_id)
        made_in = _SCALA.search(rdd.callsite) if rdd else None
        return made_in is not None and made_in[1] in self._files


def _below_cached_tables(rdds: Mapping[int, Rdd]) -> set[int]:
    pending = [r.rdd_id for r in rdds.values() if r.cached and ("\n" in r.name or r.name.startswith(_CACHED_TABLE))]
    found: set[int] = set()
    while pending:
        rdd_id = pending.pop()
        if rdd_id not in found:
            found.add(rdd_id)
            pending.extend(rdds[rdd_id].parents if rdd_id in rdds else ())
    return found


def find_steps(
    evidence: Evidence, names: Mapping[int, EstimatorName], claimed: Collection[int], own: OwnRdds
) -> list[Step]:
    """The steps of all jobs that are not claimed and train or evaluate, by start."""
    open_by: dict[tuple[str | None, str | None, str, int], Step] = {}
    steps: list[Step] = []
    evaluating = evaluators_of_queries(evidence)
    for job in evidence.jobs:
        name = names.get(job.job_id)
        evaluator = job.stack.evaluator or evaluating.get(job.job_id)
        estimator = None if evaluator or name is None else name.estimator
        if job.job_id in claimed or (estimator is None and evaluator is None) or job.stack.search:
            continue
        rdds = own.of(job)
        links = [("rdd", rdd) for rdd in rdds]
        if (execution := evidence.execution_of(job)) is not None:
            links.append(("execution", execution.execution_id))
        found = [step for link in links if (step := open_by.get((estimator, evaluator, *link))) is not None]
        step = _merge(found, steps) if found else Step(estimator, evaluator, [])
        if not found:
            steps.append(step)
        step.jobs.append(job)
        step.own |= rdds
        step.uid = step.uid or (name.uid if name else None) or _uid(job, evidence, rdds)
        for kind, key in links:
            open_by[estimator, evaluator, kind, key] = step
        for other in {id(known): known for known in found if known is not step}.values():
            open_by.update({key: step for key, known in open_by.items() if known is other})
    return sorted(steps, key=lambda step: step.begin)


def _uid(job: Job, evidence: Evidence, own: Iterable[int]) -> str | None:
    return uid_in(evidence.rdds[rdd].name for rdd in sorted(own, reverse=True))


def _merge(found: list[Step], steps: list[Step]) -> Step:
    """The first of these steps, with the jobs of the others, which are dropped from `steps`."""
    first = min(found, key=lambda step: step.begin)
    for other in found:
        if other is not first and any(other is step for step in steps):
            first.jobs = sorted([*first.jobs, *other.jobs], key=lambda job: job.at)
            first.own |= other.own
            first.uid = first.uid or other.uid
            steps[:] = [step for step in steps if step is not other]
    return first
