"""Convert a run tree to the spans of its trace, within what MLflow's page can show."""

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....schemas.mlflow import MAX_RUN_NAME
from ....schemas.runs.spans import MAX_SPANS, SPAN_FIGURES, SPAN_PARAMS, SPAN_TAGS
from ....schemas.runs.tree import Run, RunTree
from ...control_characters import replace_controls
from ..records import text_digest

_NAMESPACE = uuid.UUID("5f2c6a4e-7a55-5b0e-9d1e-afe1061088c7")


Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span. Ids number the spans of a trace from 1; `parent` is None for the root."""

    id: int
    parent: int | None
    name: str
    kind: str
    failed: bool
    open: bool
    start_ms: int
    end_ms: int
    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]


def spans_of(tree: RunTree, at_most: int = MAX_SPANS) -> list[SpanRecord]:
    """The runs above the tasks as spans, the root first.

    If there are more than `at_most`, the shortest stages and jobs are left out. Their parent span has their number.
    """
    kept = _kept(tree, at_most)
    left: dict[str, dict[str, int]] = {}
    parents = {run.key: run.parent for run in tree.runs}
    for run in tree.runs:
        if run.key not in kept:
            above = parents[run.key]
            while above is not None and above not in kept:
                above = parents[above]
            counts = left.setdefault(above or tree.application.key, {})
            counts[run.level] = counts.get(run.level, 0) + 1
    last = max([run.end_ms or run.start_ms for run in tree.runs])
    numbers = {run.key: number for number, run in enumerate((run for run in tree.runs if run.key in kept), 1)}
    return [_span(run, numbers, left.get(run.key, {}), last) for run in tree.runs if run.key in kept]


def _kept(tree: RunTree, at_most: int) -> set[str]:
    """The keys of the runs that become spans: the longest runs and their ancestors."""
    if len(tree.runs) <= at_most:
        return {run.key for run in tree.runs}
    parents = {run.key: run.parent for run in tree.runs}
    order = {"application": 0, "session": 1, "run": 1, "query": 1, "tuning": 1, "trial": 2, "fit": 3}
    kept: set[str] = set()
    for run in sorted(tree.runs, key=lambda r: (order.get(r.level, 4), -(r.duration_s or math.inf), r.start_ms, r.key)):
        chain: list[str] = []
        at: str | None = run.key
        while at is not None and at not in kept:
            chain.append(at)
            at = parents[at]
        if len(kept) + len(chain) <= at_most:
            kept.update(chain)
        if len(kept) >= at_most:
            break
    return kept


def _span(run: Run, numbers: Mapping[str, int], left: Mapping[str, int], last: int) -> SpanRecord:
    # a few of the application's params, so that the page shows the metrics without scrolling
    shown = SPAN_PARAMS if run.level == "application" else run.params if run.level == "trial" else ()
    inputs: dict[str, Value] = {name: replace_controls(run.params[name]) for name in shown if name in run.params}
    inputs |= {label: replace_controls(run.tags[tag]) for tag, label in SPAN_TAGS.items() if tag in run.tags}
    outputs: dict[str, Value] = {name: _plain(value) for name, value in _figures(run).items()}
    for level, number in left.items():
        outputs[f"left out: {level} spans"] = number
    return SpanRecord(
        numbers[run.key],
        None if run.parent is None else numbers[run.parent],
        replace_controls(" ".join(run.name.split()))[:MAX_RUN_NAME] or run.level,
        run.level.upper(),
        run.status == "FAILED",
        run.status == "RUNNING",
        run.start_ms,
        max(last if run.end_ms is None else run.end_ms, run.start_ms),
        inputs,
        outputs,
    )


def _figures(run: Run) -> dict[str, float]:
    own = {name: value for name, value in run.metrics.items() if "/" not in name}  # evaluation metrics
    return {**own, **{name: run.metrics[name] for name in SPAN_FIGURES if run.metrics.get(name)}}


def _plain(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else round(value, 6)


def trace_number(experiment_id: str, key: str) -> int:
    """The 128 bits of a trace's id, the same for one application in one experiment."""
    return uuid.uuid5(_NAMESPACE, f"trace {experiment_id}/{key}").int


def digest_of(spans: Sequence[SpanRecord]) -> str:
    """A digest to detect whether a trace has changed."""
    return text_digest(json.dumps([repr(span) for span in spans]))
