"""Put the job's annotations on the runs they refer to: params, tags, metrics with their history."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ...schemas.runs.tree import Run

Point = tuple[int, int, float]


def apply_annotations(runs: Sequence[Run], annotations: pa.Table, root: str) -> list[Run]:
    """Add the rows of the annotations table to the runs they refer to. A row that refers to no run goes to the root.

    A metric with several values becomes a history. Values that Afterglow computed are not overwritten.
    """
    rows = annotations.to_pylist()
    if not rows:
        return list(runs)
    known = {run.key for run in runs}
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        key = f"{root}/{row['target']}" if row["target"] else root
        by_key.setdefault(key if key in known else root, []).append(row)
    return [_annotated(run, by_key[run.key]) if run.key in by_key else run for run in runs]


def _annotated(run: Run, rows: Sequence[Mapping[str, Any]]) -> Run:
    points: dict[str, list[Point]] = {}
    for row in rows:
        if row["kind"] == "metric":
            points.setdefault(row["name"], []).append((row["step"], row["time_ms"] or run.start_ms, row["value"]))
    params = {row["name"]: row["text"] for row in rows if row["kind"] == "param"}
    tags = {row["name"]: row["text"] for row in rows if row["kind"] == "tag"}
    single = {name: values[0][2] for name, values in points.items() if len(values) == 1}
    several = {name: values for name, values in points.items() if len(values) > 1}
    return replace(
        run,
        params={**params, **run.params},
        tags={**tags, **run.tags},
        metrics={**single, **run.metrics},
        history={**several, **run.history},
    )
