"""Run tree -> the spans of its trace, no more of them than a page can show."""

import hashlib
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....schemas.mlflow import MAX_RUN_NAME
from ....schemas.runs.spans import MAX_SPANS, SPAN_FIGURES, SPAN_PARAMS, SPAN_TAGS
from ....schemas.runs.tree import Run, RunTree
from ...control_characters import replace_controls
from ..records import short_hash

_NAMESPACE = uuid.UUID("5f2c6a4e-7a55-5b0e-9d1e-afe1061088c7")


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """One span: `parent` is None for the root. `inputs` say what it was, `outputs` what it came to."""

    id: int
    parent: int | None
    name: str
    kind: str
    failed: bool
    open: bool
    start_ms: int
    end_ms: int
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


def spans_of(tree: RunTree, at_most: int = MAX_SPANS) -> list[SpanRecord]:
    """The runs above the tasks as spans, the root first. Of more than `at_most` the shortest stages and jobs are left
    out, and what is above them says how many: nothing is lost without a word."""
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
    return [_span(run, left.get(run.key, {}), last) for run in tree.runs if run.key in kept]


def _kept(tree: RunTree, at_most: int) -> set[str]:
    """The keys of the runs that become spans: the longest, with all that is above them."""
    if len(tree.runs) <= at_most:
        return {run.key for run in tree.runs}
    parents = {run.key: run.parent for run in tree.runs}
    order = {"application": 0, "run": 1, "tuning": 1, "trial": 2, "fit": 3, "job": 4, "stage": 4}
    kept: set[str] = set()
    for run in sorted(tree.runs, key=lambda r: (order[r.level], -(r.duration_s or math.inf), r.start_ms, r.key)):
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


def _span(run: Run, left: Mapping[str, int], last: int) -> SpanRecord:
    # of the application's params a few, so that the page shows the figures without scrolling; its run has them all
    said = SPAN_PARAMS if run.level == "application" else run.params if run.level == "trial" else ()
    inputs: dict[str, Any] = {name: replace_controls(run.params[name]) for name in said if name in run.params}
    inputs |= {label: replace_controls(run.tags[tag]) for tag, label in SPAN_TAGS.items() if tag in run.tags}
    outputs: dict[str, Any] = {name: _plain(value) for name, value in _figures(run).items()}
    for level, number in left.items():
        outputs[f"left out: {level} spans"] = number
    return SpanRecord(
        _span_id(run.key),
        None if run.parent is None else _span_id(run.parent),
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


def _span_id(key: str) -> int:
    """64 bits, never 0."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest(), "big") or 1


def trace_number(experiment_id: str, key: str) -> int:
    """The 128 bits of a trace's id: the same application in the same experiment has the same."""
    return uuid.uuid5(_NAMESPACE, f"trace {experiment_id}/{key}").int


def digest_of(spans: Sequence[SpanRecord]) -> str:
    """Says whether a trace is the one that was written before."""
    return short_hash(json.dumps([repr(span) for span in spans]))
