"""Find the jobs of a search outside its trials: the check of the folds, the refit, and jobs that do not read its
data."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..estimator_calls import Call, find_calls, overlapping_steps
from ..estimator_steps import OwnRdds, find_steps
from ..evidence import EVER, Evidence, Job
from ..interface import Assignment, EstimatorName
from .fold_markers import is_check
from .job_groups import group_jobs
from .searches import SearchCall

# pyspark.traceback_utils.first_spark_call: the outermost PySpark function and the user's line
_PYTHON_FIT = "fit at "
# Dataset.javaToPython: rows sent to a Python function; its call site differs between threads
_TO_PYTHON = "javaToPython at "
# How a PySpark search checks the folds of a fold column: training.take(1) (to 4.2), training.isEmpty() (4.3)
_LOOKS = (_PYTHON_FIT, "isEmpty at NativeMethodAccessorImpl.java")


def refit_jobs(
    search: SearchCall,
    searches: Sequence[SearchCall],
    evidence: Evidence,
    assigned: Mapping[int, Assignment],
    outer: str | None,
    names: Mapping[int, EstimatorName],
) -> list[Job]:
    """The jobs that train the best trial again on all data. They run after the last fold and do what one of its fits
    does.

    Empty if the search did not reach the refit. `outer` is the uid of the search around this one.
    """
    if not _went_through(search):
        return []
    end = max(item.job.end_at for item in search.fold_jobs)
    concurrent = _at_same_time(search, searches)
    mine = {item.job.job_id for item in search.fold_jobs}
    actions = {item.job.action for item in search.fold_jobs if item.side == "train"}
    estimators = {item.job.stack.estimator for item in search.fold_jobs if item.side == "train"} - {None}
    before = frozenset().union(*(job.rdds for job in evidence.jobs if job.at <= end))
    refit: list[Job] = []
    shared: set[int] = set()
    most = _most_per_fit(search)
    left, order = dict(most), {action: place for place, action in enumerate(most)}
    calls = _RefitCalls(search, evidence, names)
    line, last = "", -1
    for job in evidence.jobs:
        if job.at < end or job.job_id in mine:
            continue
        place = assigned.get(job.job_id)
        free = place is None or (outer is not None and place.tuning_uid == outer and place.phase == "fit")
        own = job.rdds - before
        known = bool(own & shared)
        fits = (
            job.stack.evaluator is None
            and not is_check(job)
            and (
                job.action in actions
                or job.stack.estimator in estimators
                or job.stack.search == search.kind is not None
                or (job.action.startswith(_PYTHON_FIT) and job.action == (line or job.action))
                or (job.action.startswith(_TO_PYTHON) and any(action.startswith(_TO_PYTHON) for action in actions))
            )
        )
        if not free or not (known or fits):
            if concurrent:
                continue
            break
        line = line or (job.action if job.action.startswith(_PYTHON_FIT) else "")
        call = calls.call_of.get(job.job_id)
        if call is not None:
            if not calls.take(call):
                break  # another fit of an estimator that the search has already refitted
        elif not known:
            left[job.action] = left.get(job.action, 1) - 1
            if refit and job.action in order and (order[job.action] < last or left[job.action] < 0):
                break  # a new training begins, which is not part of the search
            last = max(last, order.get(job.action, last))
        refit.append(job)
        shared |= own
    return refit


class _RefitCalls:
    """The calls of fit that the jobs outside a search belong to, and how often a refit calls each estimator."""

    def __init__(self, search: SearchCall, evidence: Evidence, names: Mapping[int, EstimatorName]) -> None:
        own = OwnRdds(evidence)
        mine = {item.job.job_id for item in search.fold_jobs}
        others = [job.job_id for job in evidence.jobs if job.job_id not in mine]
        counts = Counter(call.estimator for call in _calls(evidence, names, others, own))
        fewest = min(counts.values(), default=1)
        self._left = Counter({estimator: max(1, round(count / fewest)) for estimator, count in counts.items()})
        calls = _calls(evidence, names, mine, own)
        self.call_of = {job.job_id: call for call in calls for step in call.steps for job in step.jobs}
        self._taken: set[int] = set()

    def take(self, call: Call) -> bool:
        """Whether the refit may have made this call too."""
        if id(call) not in self._taken:
            self._taken.add(id(call))
            self._left[call.estimator] -= 1
        return self._left[call.estimator] >= 0


def _calls(
    evidence: Evidence, names: Mapping[int, EstimatorName], without: Collection[int], own: OwnRdds
) -> list[Call]:
    steps = find_steps(evidence, names, without, own)
    return find_calls(steps, overlapping_steps(steps))


def _went_through(search: SearchCall) -> bool:
    last = max(search.fold_jobs, key=lambda item: item.job.at)
    folds = len({item.fold for item in search.fold_jobs})
    return last.job.status == "SUCCEEDED" and (search.num_folds is None or folds >= search.num_folds)


def _most_per_fit(search: SearchCall) -> dict[str, int]:
    """How often an action begins a job group within one block of training."""
    most: dict[str, int] = {}
    count: dict[str, int] = {}
    for group in sorted(group_jobs(search.fold_jobs, search.plans), key=lambda group: group.fold_jobs[0].job.at):
        if group.evaluates and not group.fits:
            count = {}
            continue
        action = group.fold_jobs[0].job.action
        count[action] = count.get(action, 0) + 1
        most[action] = max(most.get(action, 0), count[action])
        if group.evaluates:
            count = {}
    return most


def _at_same_time(search: SearchCall, searches: Iterable[SearchCall]) -> bool:
    """Whether another search, neither around nor within this one, ran at the same time."""
    begin, end = _span(search)
    jobs = {item.job.job_id for item in search.fold_jobs}
    for other in searches:
        if other is not search and not jobs & {item.job.job_id for item in other.fold_jobs}:
            first, last = _span(other)
            if first < end and begin < last:
                return True
    return False


def _span(search: SearchCall) -> tuple[int, int]:
    ends = [item.job.end_at if item.job.end_at < EVER else item.job.at for item in search.fold_jobs]
    return min(item.job.at for item in search.fold_jobs), max(ends)


def prepare_jobs(
    search: SearchCall, evidence: Evidence, assigned: Mapping[int, Assignment], outer: str | None
) -> list[Job]:
    """The jobs right before the first fold that check the folds. `fit` itself called them."""
    if search.source == "plan":
        return []
    begin, _ = _span(search)
    found: list[Job] = []
    for job in reversed([job for job in evidence.jobs if job.at < begin]):
        place = assigned.get(job.job_id)
        free = place is None or (outer is not None and place.tuning_uid == outer)
        called = job.action.startswith(_LOOKS) and job.stack.estimator is None and search.source == "lineage"
        if not free or not (called or (search.source == "stack" and is_check(job))):
            break
        found.append(job)
    return found[::-1]


def stray_jobs(
    search: SearchCall, others: Sequence[SearchCall], evidence: Evidence, assigned: Mapping[int, Assignment]
) -> list[tuple[Job, Job]]:
    """Jobs during a search that do not read its data (a checkpoint, a local relation). Each comes with the search's
    last job that started before it. Empty if another search ran at the same time."""
    if _at_same_time(search, others):
        return []
    begin, end = _span(search)
    spans = [(item.job.at, item.job) for item in sorted(search.fold_jobs, key=lambda item: item.job.at)]
    found = []
    for job in evidence.jobs:
        if begin < job.at < end and job.job_id not in assigned:
            around = [other for at, other in spans if at < job.at]
            during = any(at < job.at < other.end_at for at, other in spans)
            if around and not during and around[-1].job_id in assigned:
                found.append((job, around[-1]))
    return found
