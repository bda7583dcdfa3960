"""Find expensive trials without a better metric, and feature stages that are fitted repeatedly."""

import json
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from ..application_view import ApplicationView
from ..task_arrays import Row
from ..units import count, seconds
from .ranking import Candidate, confidence_of
from .recomputation import first_touches


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return findings for every search whose trials are certain."""
    trials = app.tables["trials"].to_pylist() if app.paired_searches else []
    for tuning in app.paired_searches:
        uid = tuning["tuning_uid"]
        own_fits = app.fits_of_trials(uid)
        own_trials = [row for row in trials if row["tuning_uid"] == uid]
        yield from _dear(app, tuning, own_trials, own_fits)
        yield from _features(app, tuning, own_trials, own_fits)


def took(fit: Row) -> int:
    """A fit's time in ms; 0 if the log does not contain it."""
    if fit["start_time_ms"] is None or fit["end_time_ms"] is None:
        return 0
    return max(int(fit["end_time_ms"] - fit["start_time_ms"]), 0)


def _dear(app: ApplicationView, tuning: Row, trials: list[Row], fits: list[Row]) -> Iterator[Candidate]:
    if len(trials) < app.threshold("expensive_trial", "trials"):
        return
    costs = _own_costs(app, tuning, fits)
    typical = median(costs.values()) if costs else 0.0
    metrics = {row["trial"]: row["avg_metric"] for row in trials if row["avg_metric"] is not None}
    for trial, cost in costs.items():
        if not typical or cost < app.threshold("expensive_trial", "trial_ratio") * typical:
            continue
        cheaper = _as_good(app, tuning, metrics, costs, trial)
        if trial in metrics and cheaper is None:
            continue
        gives = (
            f"Trial {cheaper} has an equally good metric ({metrics[cheaper]:.4g} against {metrics[trial]:.4g}) "
            f"and took {seconds(costs[cheaper] / 1e3)}."
            if cheaper is not None
            else "The log does not contain its metric."
        )
        yield Candidate(
            "expensive_trial",
            (cost - typical) / max(tuning["parallelism"] or 1, 1),
            f"trial {trial} of {tuning['tuning_uid']}",
            f"Its fits took {seconds(cost / 1e3)}; those of the median trial took {seconds(typical / 1e3)}. {gives}",
            figures={"trial_ms": cost, "median_ms": typical, "metric": metrics.get(trial), "as_good": cheaper},
            tuning_uid=tuning["tuning_uid"],
            confidence=confidence_of(tuning),
            trial=trial,
        )


def _own_costs(app: ApplicationView, tuning: Row, fits: list[Row]) -> dict[int, float]:
    """Trial -> ms of all its fits, without work that later fits reuse: persisting a fold's data, and starting up.

    The first fits of the search, as many as overlapped, count as the mean of their trial's other fits. A trial without
    other fits is left out."""
    uid, at_once = tuning["tuning_uid"], max(tuning["parallelism"] or 1, 1)
    persisting: dict[Any, int] = {}
    first = first_touches(app)
    for job in app.jobs:
        if job["tuning_uid"] == uid:
            key = job["trial"], job["fold"]
            persisting[key] = persisting.get(key, 0) + first.get(job["job_id"], 0)
    ordered = sorted((fit for fit in fits if took(fit)), key=lambda fit: fit["start_time_ms"])
    costs: dict[int, list[float]] = {}
    for fit in ordered[at_once:]:
        own = max(took(fit) - persisting.get((fit["trial"], fit["fold"]), 0), 0)
        costs.setdefault(fit["trial"], []).append(own)
    begun = {fit["trial"] for fit in ordered[:at_once]}
    return {trial: sum(own) + (sum(own) / len(own) if trial in begun else 0.0) for trial, own in costs.items()}


def _as_good(
    app: ApplicationView, tuning: Row, metrics: Mapping[int, float], costs: Mapping[int, float], trial: int
) -> int | None:
    """A trial that cost less than half as much and has an equally good metric. None if there is none, or if the log
    does not contain whether a larger metric is better."""
    if trial not in metrics or tuning["larger_better"] is None:
        return None
    sign = 1 if tuning["larger_better"] else -1
    margin = app.threshold("expensive_trial", "metric_ratio") * (max(metrics.values()) - min(metrics.values()))
    cost = costs[trial]
    good = [
        one
        for one, value in metrics.items()
        if costs.get(one, cost) * 2 < cost and sign * value >= sign * metrics[trial] - margin
    ]
    return max(good, key=lambda one: sign * metrics[one], default=None)


def _features(app: ApplicationView, tuning: Row, trials: list[Row], fits: list[Row]) -> Iterator[Candidate]:
    uid, last = tuning["tuning_uid"], tuning["estimator_class"]
    if last is None or len(trials) < app.threshold("repeated_features", "trials"):
        return
    jobs: dict[Any, list[Row]] = {}
    for job in app.jobs:
        if job["tuning_uid"] == uid and job["phase"] == "fit" and job["submission_time_ms"] is not None:
            jobs.setdefault((job["trial"], job["fold"]), []).append(job)
    settings = {row["trial"]: _setting(row["params_json"], last) for row in trials}
    spent: dict[tuple[Any, str], list[int]] = {}
    classes: dict[str, None] = {}
    for fit in fits:
        own = jobs.get((fit["trial"], fit["fold"]), [])
        features = [job for job in own if job["estimator_class"] not in (None, last)]
        if not features:
            continue
        classes.update(dict.fromkeys(str(job["estimator_class"]) for job in features))
        spent.setdefault((fit["fold"], settings[fit["trial"]]), []).append(_before(fit, own, features, last))
    again = [ms for of_fold in spent.values() for ms in of_fold[1:]]
    if not again:
        return
    yield Candidate(
        "repeated_features",
        sum(again) / max(tuning["parallelism"] or 1, 1),
        f"tuning {uid}",
        f"{', '.join(classes)} {'was' if len(classes) == 1 else 'were'} fitted in {count(len(fits))} fits, "
        f"{count(len(again))} times on data that an earlier trial had already used. "
        f"Repeating it took {seconds(sum(again) / 1e3)}.",
        figures={"again_ms": sum(again), "num_again": len(again), "estimators": list(classes)},
        tuning_uid=uid,
        confidence=confidence_of(tuning),
    )


def _before(fit: Row, jobs: list[Row], features: list[Row], last: str) -> int:
    """How long the feature stages of a fit took in ms, including the driver's work between them."""
    start = fit["fit_start_time_ms"] or min(job["submission_time_ms"] for job in jobs)
    begun = max(job["submission_time_ms"] for job in features)
    ends = [job["submission_time_ms"] for job in jobs if job["estimator_class"] == last]
    ends = [at for at in ends if at >= begun] or [max(job["completion_time_ms"] or begun for job in features)]
    return max(int(min(ends) - start), 0)


def _setting(params: str | None, last: str) -> str:
    """The params of all stages but the last, as text; empty if the log has no params."""
    try:
        values = json.loads(params) if params else {}
    except ValueError:
        return ""
    if not isinstance(values, dict):
        return ""
    return json.dumps({key: value for key, value in values.items() if key.split(".")[0] != last}, sort_keys=True)
