"""Assign every job of a CrossValidator or TrainValidationSplit to its search, trial, fold and phase."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from ....schemas.tables.training import MINIMUM_CONFIDENCE
from ..estimator_names import name_estimators
from ..evidence import Evidence, Job
from ..interface import Assignment, ParentFit, Phase, Search
from .ambiguity import order_holds
from .job_groups import group_jobs, merge_lone_jobs
from .refit import prepare_jobs, refit_jobs, stray_jobs
from .searches import FoldJob, SearchCall, find_searches
from .shared_folds import separate_shared_folds
from .trials import FoldTrial, split_fold

# The confidence of a search by how it was found.
CONFIDENCE: Mapping[str, float] = {"plan": 0.99, "stack": 0.95, "lineage": 0.9}


@dataclass(slots=True)
class _Tree:
    """A search under construction: the result, the call of `fit`, and its jobs, including those of nested searches."""

    search: Search
    call: SearchCall
    own: dict[int, Assignment] = field(default_factory=dict)

    def put(self, job: Job, place: Assignment) -> None:
        self.own[job.job_id] = place
        if place.phase is None:
            return
        if place.fit_uid is not None:
            next(fit for fit in self.search.fits if fit.fit_uid == place.fit_uid).jobs[job.job_id] = place.phase
        elif place.trial is None:
            self.search.jobs[job.job_id] = place.phase
        else:
            self.search.fit(place.trial, place.fold).jobs[job.job_id] = place.phase


def find_trees(evidence: Evidence) -> list[Search]:
    """The searches, ordered by their first job. A job of nested searches is in each of them."""
    calls = find_searches(evidence)
    separate_shared_folds(calls)
    calls = sorted((call for call in calls if call.fold_jobs), key=lambda call: call.fold_jobs[0].job.at)
    trees = [_Tree(_search(name, call), call) for name, call in zip(_names(calls), calls, strict=True)]
    assigned: dict[int, Assignment] = {}
    depth: dict[int, int] = {}
    for tree in trees:
        _number(tree)
        for item in tree.call.fold_jobs:
            if item.depth > depth.get(item.job.job_id, -2):
                depth[item.job.job_id] = item.depth
                assigned[item.job.job_id] = tree.own[item.job.job_id]
    for tree in trees:
        tree.search.parent = _parent(tree, trees)
    _add_jobs_around(trees, calls, evidence, assigned)
    _add_strays(trees, calls, evidence, assigned)
    return [tree.search for tree in trees]


def _search(name: str, call: SearchCall) -> Search:
    return Search(
        name,
        "mllib",
        "inferred" if call.source == "lineage" else "exact",
        CONFIDENCE[call.source],
        call.source,
        call.kind,
        call.num_folds,
        concurrent=False,
        ends_with_refit=True,
    )


def _names(calls: Sequence[SearchCall]) -> list[str]:
    """A name per search: its uid if the log has it, with a number if the same object was fitted again."""
    seen: dict[str, int] = {}
    names = []
    for call in calls:
        known = call.uid or call.kind or "search"
        seen[known] = seen.get(known, 0) + 1
        if call.uid:
            names.append(known if seen[known] == 1 else f"{known}.{seen[known]}")
        else:
            names.append(f"{known}_{seen[known]}")
    return names


def _number(tree: _Tree) -> None:
    """Number folds by their position in the split, and trials of a fold by the order in which they began."""
    call, search = tree.call, tree.search
    folds: dict[float, list[FoldJob]] = {}
    for item in call.fold_jobs:
        folds.setdefault(item.fold, []).append(item)
    found = {fold: split_fold(jobs, call.plans) for fold, jobs in folds.items()}
    sure = [CONFIDENCE[call.source] * order_holds(one.candidates) for trials, _ in found.values() for one in trials]
    search.concurrent = any(concurrent for _, concurrent in found.values())
    if sure and fmean(sure) < MINIMUM_CONFIDENCE:
        search.paired, search.confidence = False, fmean(sure)
    for fold, (trials, _) in found.items():
        number = round(fold * call.num_folds) if call.source == "plan" and call.num_folds else int(fold)
        if search.paired:
            _put_trials(tree, number, trials)
        else:
            _put_groups(tree, number, folds[fold])


def _put_trials(tree: _Tree, fold: int, trials: Sequence[FoldTrial]) -> None:
    for number, trial in enumerate(trials):
        for item in trial.fold_jobs:
            tree.put(item.job, Assignment(tree.search.uid, number, fold, _phase(item)))
        sure = CONFIDENCE[tree.call.source] * order_holds(trial.candidates)
        tree.search.fit(number, fold).confidence = sure


def _put_groups(tree: _Tree, fold: int, jobs: Sequence[FoldJob]) -> None:
    """Without trials, every training and evaluation that the log distinguishes is a fit of its fold."""
    search = tree.search
    groups = merge_lone_jobs(group_jobs(jobs, tree.call.plans))
    counts = Counter(group.action for group in groups)
    trials = Counter(count for count in counts.values() if count > 1).most_common(1)
    search.num_trials = max(search.num_trials or 1, trials[0][0] if trials else 1)
    for number, group in enumerate(sorted(groups, key=lambda group: group.begin)):
        fit = search.fit(None, fold)
        fit.fit_uid = f"{search.uid}.fold{fold}.{number}"
        estimators = Counter(item.job.stack.estimator for item in group.fold_jobs if item.job.stack.estimator)
        what = "evaluation" if group.evaluates else estimators.most_common(1)[0][0] if estimators else "training"
        fit.name, fit.confidence = f"fold {fold} · {what}", CONFIDENCE[tree.call.source]
        fit.estimator = None if group.evaluates or not estimators else what
        for item in group.fold_jobs:
            tree.put(item.job, Assignment(search.uid, None, fold, _phase(item), fit.fit_uid))


def _phase(item: FoldJob) -> Phase:
    return "fit" if item.side == "train" else "evaluate"


def _parent(tree: _Tree, trees: Sequence[_Tree]) -> ParentFit | None:
    """The fit around this search: of the other searches that its first job belongs to, the fit of the deepest one."""
    first = tree.call.fold_jobs[0]
    found = [
        (item.depth, other)
        for other in trees
        if other is not tree
        for item in other.call.fold_jobs
        if item.job is first.job and item.depth < first.depth
    ]
    place = max(found, key=lambda pair: pair[0])[1].own.get(first.job.job_id) if found else None
    if place is None or place.tuning_uid is None or place.trial is None or place.fold is None:
        return None
    return ParentFit(place.tuning_uid, place.trial, place.fold)


def _add_jobs_around(
    trees: Sequence[_Tree], calls: Sequence[SearchCall], evidence: Evidence, assigned: dict[int, Assignment]
) -> None:
    """From the innermost outward, because a refit inside a search is training of the search around it."""
    names = name_estimators(evidence)
    for tree in sorted(trees, key=lambda tree: tree.search.parent is None):
        parent = tree.search.parent
        outer = parent.tuning_uid if parent else None
        around: tuple[tuple[Phase, list[Job]], ...] = (
            ("prepare", prepare_jobs(tree.call, evidence, assigned, outer)),
            ("refit", refit_jobs(tree.call, calls, evidence, assigned, outer, names)),
        )
        for phase, jobs in around:
            for job in jobs:
                assigned[job.job_id] = Assignment(tree.search.uid, None, None, phase)
                tree.put(job, assigned[job.job_id])


def _add_strays(
    trees: Sequence[_Tree], calls: Sequence[SearchCall], evidence: Evidence, assigned: dict[int, Assignment]
) -> None:
    """Add jobs without a fold: they share a SQL execution with a job of a fold, or ran between two jobs of a search."""
    by_uid = {tree.search.uid: tree for tree in trees}
    running = {job.job_id: one.execution_id for job in evidence.jobs if (one := evidence.execution_of(job)) is not None}
    of_execution = {
        running[job.job_id]: job for job in evidence.jobs if job.job_id in assigned and job.job_id in running
    }
    for job in evidence.jobs:
        same = of_execution.get(running.get(job.job_id, -1))
        if job.job_id not in assigned and same is not None:
            place = assigned[job.job_id] = assigned[same.job_id]
            if place.tuning_uid in by_uid:
                by_uid[place.tuning_uid].put(job, place)
    for tree in trees:
        for job, before in stray_jobs(tree.call, [c for c in calls if c is not tree.call], evidence, assigned):
            place = assigned[job.job_id] = assigned[before.job_id]
            if place.tuning_uid in by_uid:
                by_uid[place.tuning_uid].put(job, place)
