"""The trials of a search as one table: params, metric with deviation, fitting time, slowest fold."""

from collections.abc import Mapping, Sequence

from ....schemas.runs.tree import Run
from ... import units
from ...units import count, seconds
from .text import Link, escape, table

_SHOWN = 12


def list_trials(run: Run, below: Mapping[str, Sequence[Run]], link: Link) -> str:
    """The table of a search's trials, or of the only search of an application; else ""."""
    search = run
    if run.level == "application":
        searches = [child for child in below.get(run.key, ()) if child.level == "tuning"]
        if len(searches) != 1:
            return ""
        (search,) = searches
    elif run.level != "tuning":
        return ""
    trials = _ranked(search, below)
    name = score_name(search)
    scored = bool(name) and any(score(trial, name) for trial in trials)
    folds = any(len(_fits(trial, below)) > 1 for trial in trials)
    heading = ("trial", "params", *((escape(name or ""),) if scored else ()), "fitting time")
    rows = [
        (
            escape(trial.tags.get("afterglow.trial", "")),
            f"[{escape(trial.name, 80)}]({link(trial.key)})" + (" failed" if trial.status == "FAILED" else ""),
            *((score(trial, name) or "—",) if scored else ()),
            seconds(cost(trial)),
            *((_slowest(trial, below, link),) if folds else ()),
        )
        for trial in trials[:_SHOWN]
    ]
    more = f" (the first {_SHOWN} of {count(len(trials))})" if len(trials) > _SHOWN else ""
    order = "best first" if scored and best_trial(search, below) else "longest first"
    return table(f"Trials, {order}{more}", (*heading, *(("slowest fold",) if folds else ())), rows)


def best_trial(search: Run, below: Mapping[str, Sequence[Run]]) -> Run | None:
    """The trial that the log calls the best; None where it does not say."""
    number = search.tags.get("afterglow.tuning.best_trial")
    trials = (run for run in below.get(search.key, ()) if run.level == "trial")
    return next((run for run in trials if number is not None and run.tags.get("afterglow.trial") == number), None)


def cost(run: Run) -> float:
    """What a trial or fit cost: its fitting time, in seconds. Wall time includes waiting for other trials."""
    return run.metrics.get("time/fit_s", run.duration_s or 0.0)


def score_name(search: Run) -> str | None:
    """The evaluator's metric."""
    return search.tags.get("afterglow.tuning.metric")


def score(trial: Run, name: str | None) -> str:
    """`0.837 ± 0.004`; without deviation where there is one fold; "" where the log has no metric."""
    average = trial.metrics.get(f"avg_{name}")
    if average is None:
        return ""
    deviation = trial.metrics.get(f"std_{name}")
    return units.score(average, deviation)


def _ranked(search: Run, below: Mapping[str, Sequence[Run]]) -> list[Run]:
    trials = [run for run in below.get(search.key, ()) if run.level == "trial"]
    best, name = best_trial(search, below), f"avg_{score_name(search)}"
    known = [run.metrics[name] for run in trials if name in run.metrics]
    if best is None or name not in best.metrics:
        return sorted(trials, key=cost, reverse=True)
    # The log says which trial is best, and so whether a larger metric is better.
    sign = -1.0 if best.metrics[name] == max(known) else 1.0
    return sorted(trials, key=lambda run: (name not in run.metrics, sign * run.metrics.get(name, 0.0)))


def _fits(trial: Run, below: Mapping[str, Sequence[Run]]) -> list[Run]:
    return [run for run in below.get(trial.key, ()) if run.level == "fit"]


def _slowest(trial: Run, below: Mapping[str, Sequence[Run]], link: Link) -> str:
    fits = _fits(trial, below)
    if not fits:
        return "—"
    slow = max(fits, key=cost)
    return f"[{escape(slow.name, 40)}]({link(slow.key)}) {seconds(cost(slow))}"
