"""Stages whose tasks trained a model per group and logged it: their jobs are fits, unless something else has them."""

from collections.abc import Iterable

from .annotated_fits import FitKey
from .evidence import Evidence
from .interface import Assignment, Fit

FRAMEWORK = "models"


def place_group_models(
    evidence: Evidence, stages: Iterable[int], jobs: dict[int, Assignment]
) -> tuple[list[Fit], dict[int, FitKey]]:
    """New fits, which are added to `jobs`, and the fit of each stage. A stage belongs to the first job that ran it."""
    owner: dict[int, int] = {}
    for job in evidence.jobs:
        for stage in job.stage_ids if job.num_tasks else ():
            owner.setdefault(stage, job.job_id)
    fits: list[Fit] = []
    places: dict[int, FitKey] = {}
    for stage in sorted(stages):
        job_id = owner.get(stage)
        if job_id is None:
            continue
        place = jobs.get(job_id)
        if place is None:
            fit = Fit(FRAMEWORK, "annotated", 1.0, fit_uid=f"models_{len(fits) + 1}", jobs={job_id: "fit"})
            fits.append(fit)
            place = jobs[job_id] = Assignment(None, None, None, "fit", fit.fit_uid)
        places[stage] = (place.tuning_uid, place.trial, place.fold, place.fit_uid)
    return fits, places
