"""Derive the runs between application and job, without task metrics: searches, trials, fits, annotated runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...schemas.logs import EventLogTables
from ...schemas.runs.levels import Level
from ...schemas.runs.tree import Status
from ..run_names import trial_name
from ..units import score

_PHASES = ("fit", "evaluate")
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
    tasks: frozenset[tuple[int, int, int]] = frozenset()
    """Stage, stage attempt and task id of each task that is this run, where it is tasks and not jobs."""


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
                _title(row, trials),
                row,
                {
                    **best_metric(row, trials),
                    "trials/total": float(row["num_trials"] or 0),
                    **_phase_times(of_search),
                    **_fit_counts(of_search),
                },
                best_params(row, trials),
                tags={
                    "afterglow.tuning.kind": row["kind"],
                    "afterglow.framework": row["framework"],
                    "afterglow.tuning.source": row["source"],
                    "afterglow.tuning.found_by": row["found_by"],
                    "afterglow.tuning.confidence": row["confidence"],
                    "afterglow.tuning.parallelism": row["parallelism"],
                    "afterglow.tuning.folds": row["num_folds"],
                    "afterglow.tuning.metric": row["metric_name"],
                    "afterglow.tuning.best_trial": row["best_trial"],
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
                {**_known(scores), **_phase_times(of_trial), **_fit_counts(of_trial)},
                _params(row["params_json"]),
                {"afterglow.trial": row["trial"]},
                _tasks(of_trial),
            )
        )
    for row in fits:
        if fit_key(root, row) == trial_key(root, row):
            continue
        name = metric.get(row["tuning_uid"]) if row["tuning_uid"] else None
        named = f"fold {row['fold']}" if row["fit_uid"] is None else row["name"] or row["estimator_class"]
        found.append(
            _branch(
                "fit",
                fit_key(root, row),
                _above_fit(root, row, keys),
                named or row["fit_uid"],
                row,
                {**_known({name: row["metric"]} if name else {}), **_phase_times([row])},
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
                _tasks([row]),
            )
        )
    return found


def _tasks(fits: Sequence[Mapping[str, Any]]) -> frozenset[tuple[int, int, int]]:
    names = ("stage_id", "stage_attempt", "task_id")
    return frozenset((fit[names[0]], fit[names[1]], fit[names[2]]) for fit in fits if fit["task_id"] is not None)


def tuning_key(root: str, row: Mapping[str, Any]) -> str:
    """Key of a search's run."""
    return f"{root}/tuning/{row['tuning_uid']}"


def refit_key(root: str, row: Mapping[str, Any]) -> str:
    """Key of the run of a search's refit."""
    return f"{tuning_key(root, row)}/refit"


def trial_key(root: str, row: Mapping[str, Any]) -> str:
    """Key of a trial's run."""
    return f"{tuning_key(root, row)}/trial/{row['trial']}"


def fit_key(root: str, row: Mapping[str, Any]) -> str:
    """Key of a fit's run, which is below its trial, its search or the application. `row` is a row of fits or jobs.

    The only fit of a trial that is one job or one task is the trial itself.
    """
    if row.get("fit_uid") is None and row["fold"] is None:
        return trial_key(root, row)
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
    """Key of a job's parent run: its fit, its search's refit, the search it prepares, its annotated run, or the
    application."""
    inside = [fit_key(root, job)] if job["tuning_uid"] or job["fit_uid"] else []
    refit = [refit_key(root, job)] if job["phase"] == "refit" else []
    wanted = (
        [*inside, *refit, tuning_key(root, job)]
        if job["tuning_uid"]
        else [*inside, run_key(root, job["annotated_run"])]
    )
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
    tasks: frozenset[tuple[int, int, int]] = frozenset(),
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
        tasks,
    )


def _title(row: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> str:
    """The result first, where the log has it: MLflow's page shows the name above everything else."""
    number = f"{row['num_trials']} trial{'' if row['num_trials'] == 1 else 's'}" if row["num_trials"] else None
    folds = f"{row['num_folds']} folds" if (row["num_folds"] or 1) > 1 else None
    size = " x ".join(part for part in (folds, number) if part)
    kind, name = ("loop", row["estimator_class"]) if row["kind"] == "loop" else ("tuning", row["tuning_uid"])
    best, metric = _best(row, trials), best_metric(row, trials)
    if best is not None and metric:
        kind += f" → {score(best['avg_metric'])} {row['metric_name']} · {trial_name(best)} ·"
    return f"{kind} {name or ''}".rstrip(" ·") + (f" · {size}" if size else "")


def _fit_counts(fits: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    failed = sum(row["status"] == "FAILED" for row in fits)
    return {"fits/total": float(len(fits)), "fits/failed": float(failed)}


def best_metric(row: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """`best_<metric>`: the average of the search's best trial, where the log says which one that is."""
    best = _best(row, trials)
    known = best is not None and best["avg_metric"] is not None and row["metric_name"]
    return {f"best_{row['metric_name']}": float(best["avg_metric"])} if best is not None and known else {}


def best_params(row: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """`best_<param>` of the search's best trial, as MLflow's autologging names them (mlflow/pyspark/ml)."""
    best = _best(row, trials)
    return {} if best is None else {f"best_{name}": value for name, value in _params(best["params_json"]).items()}


def _best(row: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    wanted = (row["tuning_uid"], row["best_trial"])
    return next((one for one in trials if (one["tuning_uid"], one["trial"]) == wanted), None)


def _phase_times(fits: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of fitting and of evaluation of these fits together: what they cost. The wall time of a trial is
    misleading, because other trials run between its folds. A fit whose phases the log does not separate counts whole.
    """
    found: dict[str, float] = {}
    for row in fits:
        spans = {phase: _seconds(row[f"{phase}_start_time_ms"], row[f"{phase}_end_time_ms"]) for phase in _PHASES}
        if not any(value is not None for value in spans.values()):
            spans["fit"] = _seconds(row["start_time_ms"], row["end_time_ms"])
        for phase, value in spans.items():
            if value is not None:
                found[f"time/{phase}_s"] = found.get(f"time/{phase}_s", 0.0) + value
    return found


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
