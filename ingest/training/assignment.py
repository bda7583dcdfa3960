"""Every job gets one place: annotated before exact before inferred, a search before a fit outside searches."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .annotated_fits import FitKey, place_annotated_fits
from .evidence import Evidence
from .group_models import place_group_models
from .interface import PRECEDENCE, Assignment, EstimatorName, Fit, Phase, Recognition, Recognizer, Search
from .loops import find_loops


@dataclass(frozen=True, slots=True)
class TrainingTree:
    """What is left of the recognitions, without conflicts: no job is in two searches that are not nested.

    `searches` are by first job; `fits` are those outside searches; `jobs`: job id -> its place.
    """

    searches: Sequence[Search]
    fits: Sequence[Fit]
    jobs: Mapping[int, Assignment]
    estimators: Mapping[int, EstimatorName]
    annotated_fits: Mapping[str, FitKey] = field(default_factory=dict)
    """Id of an annotated call of fit outside searches -> its row of the table fits."""
    stage_fits: Mapping[int, FitKey] = field(default_factory=dict)
    """A stage whose tasks recorded models -> its row of the table fits."""


def assign_jobs(evidence: Evidence, recognizers: Iterable[Recognizer]) -> TrainingTree:
    """Runs the recognizers and resolves their claims."""
    claimed: set[int] = set()
    found: list[Recognition] = []
    for recognize in recognizers:
        found.append(recognize(evidence, frozenset(claimed)))
        claimed |= found[-1].job_ids()
    return resolve(evidence, found)


def resolve(evidence: Evidence, recognitions: Sequence[Recognition]) -> TrainingTree:
    """The searches and fits that hold.

    Of two searches with a job in common the one of the better source holds, of equal sources that of the recognizer
    listed first. Searches of one recognizer may be nested.
    """
    searches = _searches(recognitions)
    loops, fits = find_loops(evidence, _fits(recognitions, set(_jobs_of_searches(searches))))
    searches.extend(loops)
    jobs = _jobs_of_searches(searches)
    fits, annotated = place_annotated_fits(evidence, fits, jobs)
    for fit in fits:
        jobs.update({job: Assignment(None, None, None, phase, fit.fit_uid) for job, phase in fit.jobs.items()})
    of_models, stage_fits = place_group_models(evidence, evidence.model_stages, jobs)
    fits.extend(of_models)
    order = {job.job_id: job.at for job in evidence.jobs}
    estimators = {job: name for one in reversed(recognitions) for job, name in one.estimators.items()}
    return TrainingTree(
        sorted(searches, key=lambda search: _first(search.job_ids(), order)),
        sorted(fits, key=lambda fit: _first(fit.jobs, order)),
        jobs,
        estimators,
        annotated,
        stage_fits,
    )


def _first(jobs: Iterable[int], order: Mapping[int, int]) -> int:
    return min((order.get(job, 0) for job in jobs), default=0)


def _searches(recognitions: Sequence[Recognition]) -> list[Search]:
    claims = [(PRECEDENCE[search.source], at, search) for at, one in enumerate(recognitions) for search in one.searches]
    held: list[Search] = []
    owner: dict[int, int] = {}
    by_uid: dict[str, Search] = {}
    for _, at, search in sorted(claims, key=lambda claim: claim[:2]):
        known = by_uid.get(search.uid)
        mine = search.job_ids()
        if known is not None:
            _complete(known, search)
        elif not any(owner.get(job, at) != at for job in mine):
            held.append(search)
            by_uid[search.uid] = search
            owner.update(dict.fromkeys(mine, at))
    for search in held:
        if search.parent is not None and search.parent.tuning_uid not in by_uid:
            search.parent = None
    return held


def _complete(search: Search, other: Search) -> None:
    """Fills the gaps of a search from another one with the same uid that is not kept."""
    for name in ("kind", "num_folds", "estimator", "estimator_uid", "evaluator", "metric"):
        if getattr(search, name) is None:
            setattr(search, name, getattr(other, name))


def _jobs_of_searches(searches: Sequence[Search]) -> dict[int, Assignment]:
    """Of nested searches a job is the innermost one's."""
    by_uid = {search.uid: search for search in searches}
    jobs: dict[int, Assignment] = {}
    for search in sorted(searches, key=lambda search: _depth(search, by_uid)):
        jobs.update({job: Assignment(search.uid, None, None, phase) for job, phase in search.jobs.items()})
        for fit in search.fits:
            for job, phase in fit.jobs.items():
                jobs[job] = Assignment(search.uid, fit.trial, fit.fold, phase, fit.fit_uid)
    return jobs


def _depth(search: Search, by_uid: Mapping[str, Search]) -> int:
    depth, seen = 0, {search.uid}
    while search.parent is not None and search.parent.tuning_uid in by_uid and search.parent.tuning_uid not in seen:
        search = by_uid[search.parent.tuning_uid]
        seen.add(search.uid)
        depth += 1
    return depth


def _fits(recognitions: Sequence[Recognition], taken: set[int]) -> list[Fit]:
    """Fits outside searches, each without the jobs of other fits. A fit without jobs stays for its calls."""
    claims = [(PRECEDENCE[fit.source], at, fit) for at, one in enumerate(recognitions) for fit in one.fits]
    held: list[Fit] = []
    for _, _, fit in sorted(claims, key=lambda claim: claim[:2]):
        kept: dict[int, Phase] = {job: phase for job, phase in fit.jobs.items() if job not in taken}
        if fit.jobs and not kept:
            continue
        taken |= kept.keys()
        fit.jobs = kept
        held.append(fit)
    while True:
        parents = {fit.parent for fit in held}
        left = [fit for fit in held if fit.jobs or fit.fit_uid in parents]
        if len(left) == len(held):
            break
        held = left
    names = {fit.fit_uid for fit in held}
    for fit in held:
        fit.parent = fit.parent if fit.parent in names else None
    return held
