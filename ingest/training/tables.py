"""The training tree -> the tables tunings, trials and fits, and the jobs table with the columns of this stage."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import pyarrow as pa

from ...schemas.tables import FITS, JOBS, TRIALS, TUNINGS
from .. import arrow
from .annotated_fits import FitKey
from .assignment import TrainingTree
from .estimator_names import name_estimators
from .evidence import Evidence, Job
from .fit_rows import FitRows, Row, params_text, span, worst
from .interface import EstimatorName, Fit, Search

_COLUMNS = ("tuning_uid", "trial", "fold", "phase", "fit_uid", "estimator_class", "estimator_uid")
_NOTHING = EstimatorName(None, None)


@dataclass(frozen=True, slots=True)
class Training:
    """Tables as declared in schemas.tables; `jobs` is the table given, with the columns of this stage filled."""

    tunings: pa.Table
    trials: pa.Table
    fits: pa.Table
    jobs: pa.Table
    annotated_fits: Mapping[str, FitKey]
    """Id of an annotated call of fit outside searches -> the key of its row in `fits`."""
    stage_fits: Mapping[int, FitKey]
    """A stage whose tasks recorded models -> the key of its fit."""


def training_tables(evidence: Evidence, tree: TrainingTree, jobs: pa.Table) -> Training:
    """The tables of everything in the tree."""
    names = {**name_estimators(evidence), **tree.estimators}
    rows = FitRows(evidence)
    tunings: list[Row] = []
    trials: list[Row] = []
    fits: list[Row] = []
    for search in tree.searches:
        search_row, trial_rows, fit_rows = _search_rows(search, evidence, rows, names)
        tunings.append(search_row)
        trials.extend(trial_rows)
        fits.extend(fit_rows)
    fits.extend(rows.outside(fit) for fit in tree.fits)
    tuning_table, trial_table, fit_table = (
        arrow.from_rows(table, ([row.get(c.name) for c in table] for row in of_table))
        for table, of_table in ((TUNINGS, tunings), (TRIALS, trials), (FITS, fits))
    )
    return Training(
        tuning_table, trial_table, fit_table, _with_columns(jobs, tree, names), tree.annotated_fits, tree.stage_fits
    )


def _with_columns(jobs: pa.Table, tree: TrainingTree, names: Mapping[int, EstimatorName]) -> pa.Table:
    found = []
    for job_id in jobs["job_id"].to_pylist():
        place, name = tree.jobs.get(job_id), names.get(job_id, _NOTHING)
        own = (place.tuning_uid, place.trial, place.fold, place.phase, place.fit_uid) if place else (None,) * 5
        found.append((*own, *name))
    for at, column in enumerate(_COLUMNS):
        values = arrow.to_array([row[at] for row in found], JOBS[column].type)
        jobs = jobs.set_column(jobs.schema.get_field_index(column), column, values)
    return jobs


def _search_rows(
    search: Search, evidence: Evidence, rows: FitRows, names: Mapping[int, EstimatorName]
) -> tuple[Row, list[Row], list[Row]]:
    jobs = rows.jobs(search.job_ids())
    status = _status(search, rows, evidence.ended)
    fits = [rows.of_search(fit, search, status) for fit in _ordered(search)]
    trials = [_trial_row(search, trial, fits) for trial in sorted({row["trial"] for row in fits} - {None})]
    evaluating = rows.jobs(job for fit in search.fits for job, phase in fit.jobs.items() if phase == "evaluate")
    estimator = EstimatorName(search.estimator, search.estimator_uid) if search.estimator else _tuned(search, names)
    parent = search.parent
    found: Row = {
        "tuning_uid": search.uid,
        "kind": search.kind,
        "framework": search.framework,
        "source": search.source,
        "found_by": search.found_by,
        "confidence": round(_confidence(search, fits), 4),
        "num_folds": search.num_folds or len({row["fold"] for row in fits} - {None}) or None,
        "num_trials": search.num_trials or len(trials) or None,
        "num_fits": _num_fits(search, fits),
        "parallelism": search.parallelism or (_most_concurrent(fits) if search.concurrent else 1),
        "status": status,
        "start_time_ms": min((j.start_ms for j in jobs if j.start_ms is not None), default=None),
        "end_time_ms": _end(jobs, status),
        "estimator_class": estimator.estimator,
        "estimator_uid": estimator.uid,
        "evaluator_class": search.evaluator or _commonest(job.stack.evaluator for job in evaluating),
        "metric_name": search.metric or _commonest(job.stack.metric for job in evaluating),
        "best_trial": search.best_trial,
        "parent_uid": parent and parent.tuning_uid,
        "parent_trial": parent and parent.trial,
        "parent_fold": parent and parent.fold,
    }
    return found, trials, fits


def _num_fits(search: Search, fits: Sequence[Row]) -> int:
    """Of a search that is not paired, its fits are parts: of every trial there is one on every fold."""
    return len(fits) if search.paired else (search.num_trials or 1) * (search.num_folds or 1)


def _confidence(search: Search, fits: Sequence[Row]) -> float:
    return fmean(row["confidence"] for row in fits) if fits and search.paired else search.confidence


def _ordered(search: Search) -> list[Fit]:
    numbered = [fit for fit in search.fits if fit.trial is not None]
    return [
        *sorted(numbered, key=lambda fit: (fit.trial, fit.fold or 0)),
        *(fit for fit in search.fits if fit.trial is None),
    ]


def _trial_row(search: Search, trial: int, fits: Iterable[Row]) -> Row:
    of_trial = [row for row in fits if row["trial"] == trial]
    params = search.params.get(trial)
    return {
        "tuning_uid": search.uid,
        "trial": trial,
        "params_json": params_text(params),
        "status": search.trial_status.get(trial) or worst(row["status"] for row in of_trial),
        "num_folds": len(of_trial),
        **span(of_trial, "start_time_ms", "end_time_ms"),
    }


def _status(search: Search, rows: FitRows, ended: bool) -> str:
    """A search that came to its refit has its folds behind it; one that did not has failed, once nothing can come."""
    if search.status:
        return search.status
    jobs = rows.jobs(search.job_ids())
    if not search.ends_with_refit:
        running = any(job.status == "RUNNING" for job in jobs)
        return "FINISHED" if not running else "FAILED" if ended else "RUNNING"
    refit = rows.jobs(job for job, phase in search.jobs.items() if phase == "refit")
    if jobs and jobs[-1].status == "FAILED":
        return "FAILED"
    if refit and all(job.status == "SUCCEEDED" for job in refit):
        return "FINISHED"
    return "FAILED" if ended or any(job.status == "FAILED" for job in jobs) else "RUNNING"


def _end(jobs: Sequence[Job], status: str) -> int | None:
    return None if status == "RUNNING" else max((job.end_ms for job in jobs if job.end_ms is not None), default=None)


def _most_concurrent(fits: Iterable[Row]) -> int:
    """How many fits were under way at the same moment, at most."""
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


def _tuned(search: Search, names: Mapping[int, EstimatorName]) -> EstimatorName:
    """What the search tunes: of a pipeline's estimators the last one, as the fits agree on it."""
    classes: list[str] = []
    trained = [
        [names[job] for job, phase in fit.jobs.items() if phase == "fit" and job in names] for fit in search.fits
    ]
    for of_fit in trained:
        classes.extend([name.estimator for name in of_fit if name.estimator][-1:])
    estimator = _commonest(classes)
    everything = (names[job] for fit in search.fits for job in fit.jobs if job in names)
    return EstimatorName(estimator, _commonest(name.uid for name in everything if name.estimator == estimator))


def _commonest(values: Iterable[str | None]) -> str | None:
    counted = Counter(value for value in values if value)
    return counted.most_common(1)[0][0] if counted else None
