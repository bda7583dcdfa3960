"""Runs of models that tasks trained, one per group, below the fit that trained all of them."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import pyarrow as pa

from ...schemas.runs.tree import Run
from .run_factory import RunFactory
from .searches import fit_key

MOST_MODEL_RUNS = 1_000
"""Of more models in an application the slowest get a run. The table models has all of them."""

Model = Mapping[str, Any]


def add_models(runs: Sequence[Run], models: pa.Table, factory: RunFactory) -> list[Run]:
    """Add the runs of models after the runs that they are below, and the figures of all models to these."""
    if not models.num_rows:
        return list(runs)
    rows = models.to_pylist()
    known = {run.key for run in runs}
    of_fit: dict[str, list[Model]] = defaultdict(list)
    for row in rows:
        key = fit_key(factory.root, row) if row["tuning_uid"] or row["fit_uid"] else factory.root
        of_fit[key if key in known else factory.root].append(row)
    slowest = sorted(rows, key=lambda row: (-(row["seconds"] or 0.0), row["model"]))[:MOST_MODEL_RUNS]
    chosen = {row["model"] for row in slowest}
    found: list[Run] = []
    for run in runs:
        own = of_fit.get(run.key, [])
        found.append(_with_figures(run, own, len([row for row in own if row["model"] not in chosen])) if own else run)
        found.extend(_model_run(factory, run, row) for row in own if row["model"] in chosen)
    return found


def _with_figures(run: Run, models: Sequence[Model], without_run: int) -> Run:
    seconds = [row["seconds"] for row in models if row["seconds"] is not None]
    rows = [row["rows"] for row in models if row["rows"] is not None]
    metrics = {"models/total": float(len(models))}
    tags = {"afterglow.models_without_run": str(without_run)} if without_run else {}
    if rows:
        metrics.update({"models/rows_max": float(max(rows)), "models/rows_median": float(median(rows))})
    if seconds:
        middle = float(median(seconds))
        metrics.update({"models/seconds_max": float(max(seconds)), "models/seconds_median": middle})
        if middle > 0:
            metrics["models/skew_ratio"] = max(seconds) / middle
        tags["afterglow.models.slowest"] = max(models, key=lambda row: row["seconds"] or 0.0)["group_key"]
    return replace(run, metrics={**run.metrics, **metrics}, tags={**run.tags, **tags})


def _model_run(factory: RunFactory, parent: Run, row: Model) -> Run:
    end = row["end_time_ms"] or parent.end_ms or parent.start_ms
    start = max(end - round((row["seconds"] or 0.0) * 1000), parent.start_ms)
    metrics = {name: float(value) for name, value in _values(row["metrics_json"]).items()}
    if row["seconds"] is not None:
        metrics["time/duration_s"] = row["seconds"]
    if row["rows"] is not None:
        metrics["models/rows"] = float(row["rows"])
    return factory.run(
        "fit",
        f"{parent.key}/model/{row['model']}",
        parent.key,
        f"model {row['group_key']}",
        "FINISHED",
        start,
        max(end, start),
        metrics,
        {"spark.stage.id": f"{row['stage_id']}.{row['stage_attempt'] or 0}", "spark.task.id": row["task_id"]},
        {name: str(value) for name, value in _values(row["params_json"]).items()},
    )


def _values(text: str | None) -> dict[str, Any]:
    return json.loads(text) if text else {}
