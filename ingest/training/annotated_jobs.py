"""Searches that the training job itself wrote down, as local properties of its jobs."""

from collections.abc import Collection

from ...schemas import annotations
from .evidence import Evidence, Job
from .interface import Phase, Recognition, Search


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """The searches of the jobs that carry `afterglow.tuning`. A value that is not a number or
    no phase counts as missing."""
    searches: dict[str, Search] = {}
    for job in evidence.jobs:
        uid = evidence.annotated_searches.get(
            job.properties.get(annotations.TUNING_ID, ""), job.properties.get(annotations.TUNING)
        )
        if not uid or not job.rdds:  # a job without RDDs only carries what the annotation wrote
            continue
        search = searches.setdefault(uid, _search(uid))
        trial, fold = _number(job, annotations.TRIAL), _number(job, annotations.FOLD)
        phase = _phase(job, trial)
        if trial is not None and phase in ("fit", "evaluate"):
            search.fit(trial, fold or 0).jobs[job.job_id] = phase
        else:
            search.jobs[job.job_id] = phase
    return Recognition(list(searches.values()))


def _search(uid: str) -> Search:
    kind = uid.rsplit("_", 1)[0]
    return Search(uid, "mllib", "annotated", found_by="annotation", kind=kind, ends_with_refit=True)


def _phase(job: Job, trial: int | None) -> Phase:
    match job.properties.get(annotations.PHASE):
        case "fit" | "evaluate" | "refit" | "prepare" as phase:
            return phase
        case _:
            return "prepare" if trial is None else "fit"


def _number(job: Job, key: str) -> int | None:
    text = job.properties.get(key)
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None
