"""Every job of a CrossValidator or TrainValidationSplit: its search, trial, fold and phase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..evidence import Evidence, Job
from ..interface import Assignment, ParentFit, Phase, Search
from .refit import prepare_jobs, refit_jobs, stray_jobs
from .searches import FoldJob, SearchCall, find_searches
from .shared_folds import separate_shared_folds
from .trials import split_fold

# How sure a search is that was found so.
CONFIDENCE: Mapping[str, float] = {"plan": 0.99, "stack": 0.95, "lineage": 0.9}


@dataclass(slots=True)
class _Tree:
    """One search under way: what is returned, the call it is of, and the jobs it has, searches within it included."""

    search: Search
    call: SearchCall
    own: dict[int, Assignment] = field(default_factory=dict)

    def put(self, job: Job, place: Assignment) -> None:
        self.own[job.job_id] = place
        if place.phase is None:
            return
        if place.trial is None:
            self.search.jobs[job.job_id] = place.phase
        else:
            self.search.fit(place.trial, place.fold).jobs[job.job_id] = place.phase


def find_trees(evidence: Evidence) -> list[Search]:
    """The searches by their first job. A job of nested searches is in each of them."""
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
    """A name per search: its uid where the log has it, with a number where one object was fitted again."""
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
    """Numbers folds by their position in the split, and trials of a fold by the order in which they began."""
    call, uid = tree.call, tree.search.uid
    folds: dict[float, list[FoldJob]] = {}
    for item in call.fold_jobs:
        folds.setdefault(item.fold, []).append(item)
    for fold, jobs in folds.items():
        number = round(fold * call.num_folds) if call.source == "plan" and call.num_folds else int(fold)
        trials, concurrent = split_fold(jobs, call.plans)
        tree.search.concurrent = tree.search.concurrent or concurrent
        for trial, of_trial in enumerate(trials):
            for item in of_trial.fold_jobs:
                phase: Phase = "fit" if item.side == "train" else "evaluate"
                tree.put(item.job, Assignment(uid, trial, number, phase))
            tree.search.fit(trial, number).confidence = CONFIDENCE[call.source] / of_trial.candidates


def _parent(tree: _Tree, trees: Sequence[_Tree]) -> ParentFit | None:
    """The fit around this search: of the others its first job works for, that of the deepest."""
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
    for tree in sorted(trees, key=lambda tree: tree.search.parent is None):
        parent = tree.search.parent
        outer = parent.tuning_uid if parent else None
        around: tuple[tuple[Phase, list[Job]], ...] = (
            ("prepare", prepare_jobs(tree.call, evidence, assigned, outer)),
            ("refit", refit_jobs(tree.call, calls, evidence, assigned, outer)),
        )
        for phase, jobs in around:
            for job in jobs:
                assigned[job.job_id] = Assignment(tree.search.uid, None, None, phase)
                tree.put(job, assigned[job.job_id])


def _add_strays(
    trees: Sequence[_Tree], calls: Sequence[SearchCall], evidence: Evidence, assigned: dict[int, Assignment]
) -> None:
    by_uid = {tree.search.uid: tree for tree in trees}
    for tree in trees:
        for job, before in stray_jobs(tree.call, [c for c in calls if c is not tree.call], evidence, assigned):
            place = assigned[job.job_id] = assigned[before.job_id]
            if place.tuning_uid in by_uid:
                by_uid[place.tuning_uid].put(job, place)
