"""Models that tasks trained, one per group: rows of the table models, and the fits that they belong to."""

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

from ...schemas.tables import MODELS
from .. import arrow
from .state import FitKey, Row


def model_rows(
    logged: Sequence[Row], tasks: pa.Table, stage_fits: Mapping[int, FitKey], fits: Mapping[FitKey, Row]
) -> pa.Table:
    """The table models. `logged` are rows with stage_id, task_id and what the job said of the model.

    Spark runs a task again where the executor that held its result was lost, and both attempts succeeded. Within a
    stage attempt the models of the last successful attempt of each task index count. A later attempt of the stage runs
    other indexes, so there a group counts once by its key. `stage_fits`: stage -> its fit; a fit of models alone is
    named after their number.
    """
    attempts = _last_attempts(tasks, {row["stage_id"] for row in logged})
    rows = []
    for row in logged:
        known, last = attempts.get((row["stage_id"], row["task_id"]), (None, True))
        if last:
            rows.append({**row, "stage_attempt": known, **_fit_columns(stage_fits.get(row["stage_id"]))})
    latest: dict[tuple[int, str], int] = {}
    for row in rows:
        group = row["stage_id"], row["group_key"]
        latest[group] = max(latest.get(group, 0), row["stage_attempt"] or 0)
    rows = [row for row in rows if (row["stage_attempt"] or 0) == latest[row["stage_id"], row["group_key"]]]
    rows.sort(key=lambda row: (row["stage_id"], row["end_time_ms"], row["task_id"], row["group_key"]))
    for number, row in enumerate(rows):
        row["model"] = number
    for key in {stage_fits[row["stage_id"]] for row in rows if row["stage_id"] in stage_fits}:
        of_fit = sum(stage_fits.get(row["stage_id"]) == key for row in rows)
        fit = fits.get(key)
        if fit is not None and fit.get("framework") == "models":
            fit["name"] = f"{of_fit} model{'' if of_fit == 1 else 's'}"
    return arrow.from_rows(MODELS, ([row.get(c.name) for c in MODELS] for row in rows))


def read_models(event: Row) -> list[Row]:
    """The rows of one `models` event. A row of another form is left out."""
    found = []
    for value in event.get("values", ()):
        if len(value) != 8 or not all(isinstance(part, int) for part in value[:3]) or not isinstance(value[3], str):
            continue
        stage, task, end_ms, key, params, metrics, rows, seconds = value
        found.append(
            {
                "stage_id": stage,
                "task_id": task,
                "end_time_ms": end_ms,
                "group_key": key,
                "params_json": json.dumps(params) if isinstance(params, dict) and params else None,
                "metrics_json": json.dumps(metrics) if isinstance(metrics, dict) and metrics else None,
                "rows": rows if isinstance(rows, int) else None,
                "seconds": float(seconds) if isinstance(seconds, int | float) else None,
            }
        )
    return found


def _last_attempts(tasks: pa.Table, stages: set[int]) -> dict[tuple[int, int], tuple[int | None, bool]]:
    """Stage and task -> its stage attempt, and whether it is the last successful attempt of its partition."""
    if not stages:
        return {}
    names = ["stage_id", "stage_attempt", "task_id", "index", "status"]
    rows = [row for row in tasks.select(names).to_pylist() if row["stage_id"] in stages]
    last: dict[tuple[int, int, int], int] = {}
    for row in rows:
        if row["status"] == "SUCCESS":
            partition = row["stage_id"], row["stage_attempt"], row["index"]
            last[partition] = max(last.get(partition, -1), row["task_id"])
    return {
        (row["stage_id"], row["task_id"]): (
            row["stage_attempt"],
            last.get((row["stage_id"], row["stage_attempt"], row["index"]), row["task_id"]) == row["task_id"],
        )
        for row in rows
    }


def _fit_columns(key: FitKey | None) -> Row:
    return dict(zip(("tuning_uid", "trial", "fold", "fit_uid"), key or (None,) * 4, strict=True))
