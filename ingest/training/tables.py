"""Searches and places -> the tables tunings, trials and fits, and the columns that jobs get."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from ...schemas.tables import FITS, TRIALS, TUNINGS
from .. import arrow
from ..annotations.apply import events_of, search_names
from .annotated_jobs import annotated_places
from .estimator_names import name_estimators
from .evidence import Evidence, Job, gather
from .mllib.job_assignment import Place, Tuning, find_places

Row = dict[str, Any]
# How sure a search is that was found so.
_CONFIDENCE = {"annotated": 1.0, "plan": 0.99, "stack": 0.95, "lineage": 0.9}


@dataclass(frozen=True, slots=True)
class Tunings:
    """`tables` by name; `columns`: job id -> the columns of the jobs table that this stage fills."""

    tables: Mapping[str, Any]
    columns: Mapping[int, Row]


def assemble_tunings(rows: Mapping[str, Any], jobs: Iterable[Mapping[str, Any]], ended: bool) -> Tunings:
    """`jobs` are rows of the jobs table with `at` and `end_at`; `ended` says that no more jobs can come."""
    evidence = gather(rows, jobs)
    places, tunings = find_places(evidence)
    names = search_names(events_of(rows["job_properties"]))
    told = annotated_places(rows["job_properties"].to_pylist(), names)
    if told:
        places, tunings = _with_annotated(evidence, places, tunings, told)
    named = name_estimators(evidence)
    columns: dict[int, Row] = {}
    for job in evidence.jobs:
        place = places.get(job.job_id)
        estimator, uid = named.get(job.job_id, (None, None))
        columns[job.job_id] = {
            "tuning_uid": place and place.uid,
            "trial": place and place.trial,
            "fold": place and place.fold,
            "phase": place and place.phase,
            "estimator_class": estimator,
            "estimator_uid": uid,
        }
    found = [_rows(tuning, named, ended) for tuning in tunings]
    tables = {
        table.name: arrow.from_rows(table, ([row.get(c.name) for c in table] for parts in found for row in parts[at]))
        for at, table in enumerate((TUNINGS, TRIALS, FITS))
    }
    return Tunings(tables, columns)


def _rows(tuning: Tuning, named: Mapping[int, tuple[str | None, str | None]], ended: bool) -> tuple[list[Row], ...]:
    jobs = tuning.jobs
    status = _status_of_search(tuning, ended)
    fits = [_fit_row(tuning, key, status) for key in sorted(tuning.fits)]
    trials = []
    for trial in sorted({row["trial"] for row in fits}):
        of_trial = [row for row in fits if row["trial"] == trial]
        trials.append(
            {
                "tuning_uid": tuning.uid,
                "trial": trial,
                "status": _worst(row["status"] for row in of_trial),
                "num_folds": len(of_trial),
                **_span(of_trial, "start_time_ms", "end_time_ms"),
            }
        )
    work = [(job, phase) for of_fit in tuning.fits.values() for job, phase in of_fit]
    last = _last_trained(tuning, named)
    source = tuning.source
    row = {
        "tuning_uid": tuning.uid,
        "kind": tuning.kind,
        "source": source,
        "confidence": round(fmean(row["confidence"] for row in fits) if fits else _CONFIDENCE[source], 4),
        "num_folds": tuning.num_folds or len({fold for _, fold in tuning.fits}) or None,
        "num_trials": len(trials) or None,
        "num_fits": len(fits),
        "parallelism": _most_at_once(fits, tuning.at_once),
        "status": status,
        "start_time_ms": min((j.start_ms for j in jobs if j.start_ms is not None), default=None),
        "end_time_ms": _end(jobs, status),
        "estimator_class": last[0],
        "estimator_uid": last[1],
        "evaluator_class": _commonest(job.stack.evaluator for job, phase in work if phase == "evaluate"),
        "metric_name": _commonest(job.stack.metric for job, phase in work if phase == "evaluate"),
        "parent_uid": tuning.outer and tuning.outer[0],
        "parent_trial": tuning.outer and tuning.outer[1],
        "parent_fold": tuning.outer and tuning.outer[2],
    }
    return [row], trials, fits


def _status_of_search(tuning: Tuning, ended: bool) -> str:
    """A search that came to its refit has its folds behind it; one that did not has failed, once nothing can come."""
    jobs = tuning.jobs
    if jobs and jobs[-1].status == "FAILED":
        return "FAILED"
    if tuning.refit and all(job.status == "SUCCEEDED" for job in tuning.refit):
        return "FINISHED"
    return "FAILED" if ended or any(job.status == "FAILED" for job in jobs) else "RUNNING"


def _fit_row(tuning: Tuning, key: tuple[int, int], status: str) -> Row:
    trial, fold = key
    by_phase: dict[str, list[Job]] = {"fit": [], "evaluate": []}
    for work, doing in tuning.fits[key]:
        by_phase[doing].append(work)
    jobs = [job for of_phase in by_phase.values() for job in of_phase]
    evaluated = bool(by_phase["evaluate"]) or not any(p == "evaluate" for w in tuning.fits.values() for _, p in w)
    running = any(job.status == "RUNNING" for job in jobs)
    if any(job.status == "FAILED" for job in jobs):
        state = "FAILED"
    elif evaluated and not running:
        state = "FINISHED"
    else:
        state = "FAILED" if status == "FAILED" else "RUNNING"
    row: Row = {"tuning_uid": tuning.uid, "trial": trial, "fold": fold, "status": state, "num_jobs": len(jobs)}
    row["confidence"] = round(_CONFIDENCE[tuning.source] / tuning.candidates.get(key, 1), 4)
    for phase, of_phase in by_phase.items():
        row[f"{phase}_start_time_ms"] = min((j.start_ms for j in of_phase if j.start_ms is not None), default=None)
        row[f"{phase}_end_time_ms"] = max((j.end_ms for j in of_phase if j.end_ms is not None), default=None)
    row["start_time_ms"] = min((j.start_ms for j in jobs if j.start_ms is not None), default=None)
    row["end_time_ms"] = _end(jobs, state)
    return row


def _end(jobs: Iterable[Job], status: str) -> int | None:
    return None if status == "RUNNING" else max((job.end_ms for job in jobs if job.end_ms is not None), default=None)


def _worst(states: Iterable[str]) -> str:
    found = set(states)
    return next((state for state in ("FAILED", "RUNNING") if state in found), "FINISHED")


def _span(rows: Iterable[Row], start: str, end: str) -> Row:
    rows = list(rows)
    starts = [row[start] for row in rows if row[start] is not None]
    ends = [row[end] for row in rows]
    return {start: min(starts, default=None), end: max(ends) if ends and None not in ends else None}


def _most_at_once(fits: Iterable[Row], at_once: bool) -> int:
    """How many fits were under way at the same moment, at most."""
    if not at_once:
        return 1
    moments = sorted(
        moment
        for row in fits
        if row["start_time_ms"] is not None and row["end_time_ms"] is not None
        for moment in ((row["start_time_ms"], 1), (row["end_time_ms"], -1))
    )
    now = most = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return max(most, 1)


def _last_trained(tuning: Tuning, named: Mapping[int, tuple[str | None, str | None]]) -> tuple[str | None, str | None]:
    """What the search tunes: of a pipeline's estimators the last one, as the fits agree on it."""
    classes = []
    for work in tuning.fits.values():
        trained = [named[job.job_id][0] for job, phase in work if phase == "fit" and job.job_id in named]
        classes.extend([name for name in trained if name][-1:])
    estimator = _commonest(classes)
    uids = (
        named[job.job_id][1]
        for work in tuning.fits.values()
        for job, _ in work
        if job.job_id in named and named[job.job_id][0] == estimator
    )
    return estimator, _commonest(uids)


def _commonest(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0][0] if counted else None


def _with_annotated(
    evidence: Evidence, places: Mapping[int, Place], tunings: list[Tuning], told: Mapping[int, Place]
) -> tuple[dict[int, Place], list[Tuning]]:
    """Annotated searches as they say; of the others those that no annotated job has anything to do with."""
    named = {place.uid for place in told.values()}
    kept = [
        tuning for tuning in tunings if tuning.uid not in named and not any(job.job_id in told for job in tuning.jobs)
    ]
    left = {tuning.uid for tuning in kept}
    by_uid = {tuning.uid: tuning for tuning in tunings}
    jobs = {job.job_id: job for job in evidence.jobs}
    written: dict[str, Tuning] = {}
    for job_id, place in told.items():
        job = jobs.get(job_id)
        if job is None or not job.rdds:  # a job without RDDs is the annotation's own letter, not work
            continue
        known = by_uid.get(place.uid)
        if place.uid not in written:
            kind = known.kind if known else place.uid.rsplit("_", 1)[0]
            written[place.uid] = Tuning(place.uid, kind, "annotated", known.num_folds if known else None)
        written[place.uid].put(job, place)
    merged = {job_id: place for job_id, place in places.items() if place.uid in left}
    merged.update({job_id: place for job_id, place in told.items() if job_id in jobs})
    return merged, sorted([*kept, *written.values()], key=lambda t: t.jobs[0].at if t.jobs else 0)
