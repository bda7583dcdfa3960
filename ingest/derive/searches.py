"""Derive the runs between application and job, without task metrics: searches, trials, fits, annotated runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...schemas.logs import EventLogTables
from ...schemas.runs.levels import Level
from ...schemas.runs.tree import Status
from ..run_names import trial_name

_STATUS: Mapping[str, Status] = {"FINISHED": "FINISHED", "FAILED": "FAILED", "KILLED": "KILLED"}


@dataclass(frozen=True, slots=True)
class Branch:
    """One run above jobs. `status` is None if the log has no end of it. Times are None if none of its jobs has any."""

    level: Level
    key: str
    parent: str
    name: str
    status: Status | None
    start_ms: int | None
    end_ms: int | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)


def branches(tables: EventLogTables, root: str) -> list[Branch]:
    """The runs of all searches of the application with the key `root`. A nested search is under the fit that ran it."""
    tunings, trials, fits = (tables[name].to_pylist() for name in ("tunings", "trials", "fits"))
    found: list[Branch] = []
    runs = tables["annotated_runs"].to_pylist()
    keys = {fit_key(root, row) for row in fits} | {run_key(root, row["run"]) for row in runs}
    for row in runs:
        outside = run_key(root, row["parent"])
        found.append(
            Branch(
                "run",
                run_key(root, row["run"]),
                outside if outside in keys else root,
                row["name"] or "unnamed",
                _STATUS.get(row["status"]),
                row["start_time_ms"],
                row["end_time_ms"],
            )
        )
    metric = {row["tuning_uid"]: row["metric_name"] for row in tunings}
    kind = {row["tuning_uid"]: row["kind"] for row in tunings}
    for row in tunings:
        of_search = [fit for fit in fits if fit["tuning_uid"] == row["tuning_uid"]]
        outer = {"tuning_uid": row["parent_uid"], "trial": row["parent_trial"], "fold": row["parent_fold"]}
        around = fit_key(root, outer)
        named = run_key(root, row["annotated_run"])
        above = next((key for key in (around, named) if key in keys), root)
        found.append(
            _branch(
                "tuning",
                tuning_key(root, row),
                above,
                _title(row),
                row,
                {
                    "trials/total": float(row["num_trials"] or 0),
                    "time/fits_s": _cost(of_search),
                    **_fit_counts(of_search),
                },
                tags={
                    "afterglow.tuning.kind": row["kind"],
                    "afterglow.framework": row["framework"],
                    "afterglow.tuning.source": row["source"],
                    "afterglow.tuning.found_by": row["found_by"],
                    "afterglow.tuning.confidence": row["confidence"],
                    "afterglow.tuning.parallelism": row["parallelism"],
                    "afterglow.tuning.folds": row["num_folds"],
                    "afterglow.tuning.metric": row["metric_name"],
                    "afterglow.estimator": row["estimator_class"],
                    "afterglow.estimator.uid": row["estimator_uid"],
                    "afterglow.evaluator": row["evaluator_class"],
                },
            )
        )
    for row in trials:
        of_trial = [f for f in fits if (f["tuning_uid"], f["trial"]) == (row["tuning_uid"], row["trial"])]
        name = metric.get(row["tuning_uid"])
        scores = {f"avg_{name}": row["avg_metric"], f"std_{name}": row["std_metric"]} if name else {}
        if name and kind[row["tuning_uid"]] == "TrainValidationSplit":
            scores[name] = row["avg_metric"]  # as autologging names it; avg_ too, so that all trials compare
        found.append(
            _branch(
                "trial",
                trial_key(root, row),
                tuning_key(root, row),
                trial_name(row),
                row,
                {**_fit_counts(of_trial), "time/fits_s": _cost(of_trial), **_known(scores)},
                _params(row["params_json"]),
                {"afterglow.trial": row["trial"]},
            )
        )
    for row in fits:
        name = metric.get(row["tuning_uid"]) if row["tuning_uid"] else None
        spans = {
            f"time/{phase}_s": _seconds(row[f"{phase}_start_time_ms"], row[f"{phase}_end_time_ms"])
            for phase in ("fit", "evaluate")
        }
        named = f"fold {row['fold']}" if row["fit_uid"] is None else row["name"] or row["estimator_class"]
        found.append(
            _branch(
                "fit",
                fit_key(root, row),
                _above_fit(root, row, keys),
                named or row["fit_uid"],
                row,
                _known({**spans, **({name: row["metric"]} if name else {})}),
                _params(row["params_json"]),
                {
                    "afterglow.trial": row["trial"],
                    "afterglow.fold": row["fold"],
                    "afterglow.fit.uid": row["fit_uid"],
                    "afterglow.framework": row["framework"],
                    "afterglow.estimator": row["estimator_class"],
                    "afterglow.estimator.uid": row["estimator_uid"],
                    "afterglow.tuning.confidence": row["confidence"],
                },
            )
        )
    return found


def tuning_key(root: str, row: Mapping[str, Any]) -> str:
    """Key of a search's run."""
    return f"{root}/tuning/{row['tuning_uid']}"


def trial_key(root: str, row: Mapping[str, Any]) -> str:
    """Key of a trial's run."""
    return f"{tuning_key(root, row)}/trial/{row['trial']}"


def fit_key(root: str, row: Mapping[str, Any]) -> str:
    """Key of a fit's run, which is below its trial, its search or the application. `row` is a row of fits or jobs."""
    if row.get("fit_uid") is None:
        return f"{trial_key(root, row)}/fold/{row['fold']}"
    return f"{_place_key(root, row)}/fit/{row['fit_uid']}"


def _place_key(root: str, row: Mapping[str, Any]) -> str:
    if row["tuning_uid"] is None:
        return root
    return tuning_key(root, row) if row["trial"] is None else trial_key(root, row)


def _above_fit(root: str, row: Mapping[str, Any], keys: set[str]) -> str:
    """Key of a fit's parent run: the fit that called it, its trial, its search, or the application."""
    if row["parent_fit_uid"] is not None:
        caller = fit_key(root, {**row, "fit_uid": row["parent_fit_uid"]})
        if caller in keys:
            return caller
    named = run_key(root, row["annotated_run"])
    return named if row["tuning_uid"] is None and named in keys else _place_key(root, row)


def run_key(root: str, run: str | None) -> str:
    """Key of the run of an annotate.run."""
    return f"{root}/run/{run}"


def job_parent(root: str, job: Mapping[str, Any], keys: set[str]) -> str:
    """Key of a job's parent run: its fit, the search it prepares or refits for, its annotated run, or the
    application."""
    inside = [fit_key(root, job)] if job["tuning_uid"] or job["fit_uid"] else []
    wanted = [*inside, tuning_key(root, job)] if job["tuning_uid"] else [*inside, run_key(root, job["annotated_run"])]
    return next((key for key in wanted if key in keys), root)


def _branch(
    level: Level,
    key: str,
    parent: str,
    name: str,
    row: Mapping[str, Any],
    metrics: Mapping[str, float],
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> Branch:
    own = {"afterglow.tuning.uid": row["tuning_uid"], **(tags or {})}
    return Branch(
        level,
        key,
        parent,
        name,
        _STATUS.get(row["status"]),
        row["start_time_ms"],
        row["end_time_ms"],
        metrics,
        params or {},
        own,
    )


def _title(row: Mapping[str, Any]) -> str:
    trials = f"{row['num_trials']} trial{'' if row['num_trials'] == 1 else 's'}" if row["num_trials"] else None
    folds = f"{row['num_folds']} folds" if (row["num_folds"] or 1) > 1 else None
    size = " x ".join(part for part in (folds, trials) if part)
    name = f"loop {row['estimator_class'] or ''}".rstrip() if row["kind"] == "loop" else f"tuning {row['tuning_uid']}"
    return name + (f" · {size}" if size else "")


def _fit_counts(fits: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    failed = sum(row["status"] == "FAILED" for row in fits)
    return {"fits/total": float(len(fits)), "fits/failed": float(failed)}


def _cost(fits: Sequence[Mapping[str, Any]]) -> float:
    """Seconds of all fits together. A trial's own duration is misleading, because other trials run between its
    folds."""
    return sum(_seconds(row["start_time_ms"], row["end_time_ms"]) or 0.0 for row in fits)


def _known(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if value is not None}


def _seconds(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else max(end - start, 0) / 1e3


def _params(text: str | None) -> dict[str, str]:
    try:
        values = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {}
