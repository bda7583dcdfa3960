"""Fits outside searches that the training job itself wrote down: each call of `fit` is one fit, a Pipeline too.

The jobs carry the id of the call. Fits that recognizers found in these jobs are the call itself, where it is of the
same estimator, or they are below it, as the stages of a Pipeline. Evaluations carry the id of the fit they are of.
"""

from collections.abc import Mapping, Sequence

from ...schemas import annotations
from .evidence import Evidence, Job
from .interface import Assignment, Fit, Phase

FitKey = tuple[str | None, int | None, int | None, str | None]
"""The key of a row of the table fits: tuning_uid, trial, fold, fit_uid."""


def place_annotated_fits(
    evidence: Evidence, fits: Sequence[Fit], in_searches: Mapping[int, Assignment]
) -> tuple[list[Fit], dict[str, FitKey]]:
    """`fits` are those outside searches. Returns them with the annotated ones, and where each annotated call is: a fit
    of these, or of a loop that was made of such calls."""
    found = list(fits)
    places: dict[str, FitKey] = {}
    calls = _jobs_of_calls(evidence)
    for call in evidence.annotated_fits:
        training, evaluations = calls.get(call, ([], []))
        searched = [in_searches[job.job_id] for job in training if job.job_id in in_searches]
        if searched and len(searched) == len(training):
            last = searched[-1]
            places[call] = (last.tuning_uid, last.trial, last.fold, last.fit_uid)
            continue
        own = [job for job in training if job.job_id not in in_searches]
        fit = _fit_of_call(found, evidence, call, {job.job_id for job in own})
        _assign(found, fit, own, [job for job in evaluations if job.job_id not in in_searches])
        places[call] = (None, None, None, fit.fit_uid)
    kept = {fit.fit_uid for fit in found if fit.jobs or fit.source == "annotated"}
    kept |= {fit.parent for fit in found if fit.jobs}
    return [fit for fit in found if fit.fit_uid in kept], places


def _jobs_of_calls(evidence: Evidence) -> dict[str, tuple[list[Job], list[Job]]]:
    """Call -> its training jobs and the evaluations of its model."""
    calls: dict[str, tuple[list[Job], list[Job]]] = {}
    for job in evidence.jobs:
        call = job.properties.get(annotations.ESTIMATOR)
        if call and job.rdds:
            evaluates = job.properties.get(annotations.PHASE) == "evaluate"
            calls.setdefault(call, ([], []))[evaluates].append(job)
    return calls


def _fit_of_call(found: list[Fit], evidence: Evidence, call: str, training: set[int]) -> Fit:
    """The fit that is this call, changed to it or added; the others in its jobs are below it."""
    info = evidence.annotated_fits[call]
    inside = [fit for fit in found if any(job in training for job, phase in fit.jobs.items() if phase == "fit")]
    uids = {fit.fit_uid for fit in inside}
    tops = [fit for fit in inside if fit.parent not in uids]
    same = tops[0] if len(tops) == 1 and tops[0].estimator in (None, info.estimator) else None
    fit = same or Fit("mllib", "annotated", 1.0)
    uid = _free(info.uid or info.estimator or "fit", {other.fit_uid for other in found if other is not fit})
    for child in found:
        if same is not None and child.parent == same.fit_uid:
            child.parent = uid
    if same is None:
        at = found.index(tops[0]) if tops else len(found)
        found.insert(at, fit)
        for child in tops:
            child.parent = uid
            if tops[0].framework != "mllib":
                fit.framework = tops[0].framework
    fit.fit_uid, fit.source, fit.name = uid, "annotated", None
    fit.estimator, fit.estimator_uid = info.estimator or fit.estimator, info.uid or fit.estimator_uid
    return fit


def _free(uid: str, taken: set[str | None]) -> str:
    number, free = 1, uid
    while free in taken:
        number += 1
        free = f"{uid}.{number}"
    return free


def _assign(found: Sequence[Fit], fit: Fit, training: Sequence[Job], evaluations: Sequence[Job]) -> None:
    """The jobs of a call are its fit's, unless a fit below it has them. Evaluations are the outermost fit's."""
    below = [other for other in found if other.parent == fit.fit_uid]
    inferred: dict[int, Phase] = {}
    for child in below:
        inferred.update({job: phase for job, phase in child.jobs.items() if phase == "evaluate"})
        child.jobs = {job: phase for job, phase in child.jobs.items() if phase != "evaluate"}
        child.source, child.confidence = "annotated", 1.0
    inferred.update({job: phase for job, phase in fit.jobs.items() if phase == "evaluate"})
    certain = {job.job_id for job in evaluations}
    for other in found:
        if other is not fit:
            other.jobs = {job: phase for job, phase in other.jobs.items() if job not in certain}
    of_children = {job for child in below for job in child.jobs}
    jobs: dict[int, Phase] = {job.job_id: "fit" for job in training if job.job_id not in of_children}
    jobs.update(inferred)
    jobs.update(dict.fromkeys(certain, "evaluate"))
    fit.jobs = jobs
    if inferred.keys() <= certain:
        fit.confidence = 1.0
