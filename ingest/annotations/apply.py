"""What the job wrote itself, applied to the tables that were rebuilt without it.

Params, metrics and tags become rows of `annotations`, each with the run it belongs to. Searches, trials and fits get
what only the job can know. A second value for one param or tag is kept under another name and reported as an issue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...schemas.issues import ImportIssue
from ...schemas.tables import ANNOTATED_RUNS, ANNOTATIONS, FITS, TASK_METRICS, TRIALS, TUNINGS
from .. import arrow
from .group_models import model_rows
from .handlers import HANDLERS
from .read import JobAnnotations
from .state import AnnotationState, FitKey, Row


@dataclass(frozen=True, slots=True)
class AppliedAnnotations:
    """The tables that changed or are new, the MLflow run that was active in the driver, and issues."""

    tables: Mapping[str, pa.Table]
    mlflow_run_id: str | None
    mlflow_tracking_uri: str | None
    issues: tuple[ImportIssue, ...]


def apply_annotations(
    tables: Mapping[str, pa.Table],
    written: JobAnnotations,
    fit_keys: Mapping[str, FitKey],
    stage_fits: Mapping[int, FitKey],
    ended: bool,
) -> AppliedAnnotations:
    """`tables` holds tunings, trials, fits, task_metrics and tasks. `fit_keys`: the id of an annotated fit outside
    searches -> its key in fits. `stage_fits`: a stage whose tasks recorded models -> its fit. `ended`: what has no end
    has failed."""
    tunings, trials, fits = (_by_key(tables[t.name], t.key) for t in (TUNINGS, TRIALS, FITS))
    state = AnnotationState(written.search_names, fit_keys, tunings, trials, fits)
    for event in written.events:
        HANDLERS[event["event"]](state, event)
    _close(state, ended)
    models = model_rows(state.models, tables["tasks"], stage_fits, fits)
    changed = (
        {
            table.name: arrow.from_rows(table, ([row.get(c.name) for c in table] for row in _ordered(rows)))
            for table, rows in ((TUNINGS, state.tunings), (TRIALS, state.trials), (FITS, state.fits))
        }
        if written.events
        else {name: tables[name] for name in ("tunings", "trials", "fits")}
    )
    changed["models"] = models
    changed["annotations"] = arrow.from_rows(
        ANNOTATIONS, ([row.get(c.name) for c in ANNOTATIONS] for row in state.values)
    )
    changed["annotated_runs"] = arrow.from_rows(
        ANNOTATED_RUNS, ([row.get(c.name) for c in ANNOTATED_RUNS] for row in state.runs.values())
    )
    changed["task_metrics"] = _with_task_values(tables, state.task_values)
    return AppliedAnnotations(changed, *state.mlflow, (*written.issues, *state.issues))


def _ordered(rows: Mapping[Any, Row]) -> list[Row]:
    """By key; a key may hold null, which comes last."""
    return [row for _, row in sorted(rows.items(), key=lambda item: [(part is None, part or 0) for part in item[0]])]


def _by_key(table: pa.Table, key: tuple[str, ...]) -> dict[Any, Row]:
    return {tuple(row[name] for name in key): row for row in table.to_pylist()}


def _close(state: AnnotationState, ended: bool) -> None:
    """Trials from their fits, and what never ended."""
    for (uid, trial), row in state.trials.items():
        if state.tunings.get((uid,), {}).get("source") != "annotated":
            continue
        fits = [fit for key, fit in state.fits.items() if key[:2] == (uid, trial)]
        starts = [fit["start_time_ms"] for fit in fits if fit.get("start_time_ms") is not None]
        ends = [fit["end_time_ms"] for fit in fits if fit.get("end_time_ms") is not None]
        states = {fit.get("status") for fit in fits}
        row.update(
            num_folds=len(fits),
            start_time_ms=min(starts, default=None),
            end_time_ms=max(ends, default=None),
            status=_worst(states) if fits else "RUNNING",
        )
        if row.get("avg_metric") is None and len(fits) == 1:
            row["avg_metric"] = fits[0].get("metric")
    for uid, row in state.tunings.items():
        if row.get("source") == "annotated":
            row["num_fits"] = sum(key[0] == uid[0] for key in state.fits)
            row["num_trials"] = sum(key[0] == uid[0] for key in state.trials) or row.get("num_trials")
    for row in (*state.tunings.values(), *state.trials.values(), *state.runs.values()):
        if ended and row.get("status") == "RUNNING":
            row["status"] = "FAILED"


def _worst(states: set[str | None]) -> str:
    return next((status for status in ("FAILED", "RUNNING", "KILLED") if status in states), "FINISHED")


def _with_task_values(tables: Mapping[str, pa.Table], values: list[tuple[int, int, str, float]]) -> pa.Table:
    """User accumulators, and the values that annotate.task_metrics collected, by task."""
    if not values:
        return tables["task_metrics"]
    tasks = tables["tasks"]
    attempts = dict(
        zip(arrow.numbers(tasks, "task_id").tolist(), arrow.numbers(tasks, "stage_attempt").tolist(), strict=True)
    )
    rows = [
        *(tuple(row.values()) for row in tables["task_metrics"].to_pylist()),
        *((stage, attempts.get(task, 0), task, name, value) for stage, task, name, value in values),
    ]
    return arrow.from_rows(TASK_METRICS, sorted(rows))
