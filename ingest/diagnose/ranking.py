"""Filter, merge, rate and sort candidates into the rows of the findings table."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.findings import FINDING_CODES
from ...schemas.findings.interface import SEVERITIES, Severity
from ...schemas.tables import FINDINGS
from .. import arrow
from ..application_view import ApplicationView
from ..task_arrays import Row
from ..units import count, seconds
from .intervals import Span, length, spans
from .proposed_settings import proposed_settings

_FIRST = ("application_failed", "job_failed")
_STAGES_NAMED = 50
_WITHIN_KEPT = 100
_TEXT = 600


@dataclass(frozen=True, slots=True)
class Candidate:
    """The columns of `findings`. Candidates with the same `group` become one finding, whose cost is their sum.

    `stages` are the positions of the stages that it is about, if there are several. Their wall time limits the cost,
    together with `driver_ms`, the time that the driver spent outside of them. `at_most` limits the severity.
    `possible_ms` is a cost that the log does not prove; it makes a finding worth a note.
    """

    code: str
    cost_ms: float | None
    subject: str
    message: str
    cause: str | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    covered_by: str | None = None
    level: str | None = None
    stage_id: int | None = None
    stage_attempt: int | None = None
    job_id: int | None = None
    executor_id: str | None = None
    host: str | None = None
    tuning_uid: str | None = None
    trial: int | None = None
    task_id: int | None = None
    confidence: float = 1.0
    stages: tuple[int, ...] = ()
    driver_ms: float = 0.0
    at_most: Severity | None = None
    possible_ms: float | None = None


def about_stage(app: ApplicationView, stage: int) -> dict[str, Any]:
    """The columns that make stage i a candidate's subject. Candidates of stages with the same name are merged."""
    row = app.stages[stage]
    return {
        "stage_id": row["stage_id"],
        "stage_attempt": row["stage_attempt"],
        "job_id": row["job_id"],
        "subject": app.subject(stage),
        "group": row["name"],
    }


def confidence_of(tuning: Row) -> float:
    """The confidence of a finding about a search: that of the search, or 1 if the log states the search."""
    return 1.0 if tuning["confidence"] is None else float(tuning["confidence"])


def findings_table(found: Iterable[Candidate], app: ApplicationView) -> pa.Table:
    """The findings table: failed applications and jobs first, then by cost; figures of the application last."""
    kept = [one for one in _merged(found, app) if one.covered_by is None and _worth(one, app)]
    codes = {one.code for one in kept}
    details = [one for one in _details(found) if one.covered_by in codes]
    ordered = sorted([*kept, *details], key=_order)
    return arrow.from_rows(FINDINGS, (_row(one, app) for one in ordered))


def _details(found: Iterable[Candidate]) -> list[Candidate]:
    details = [one for one in found if one.covered_by is not None]
    return sorted(details, key=lambda one: -(one.cost_ms or 0))[:_WITHIN_KEPT]


def _order(one: Candidate) -> tuple[Any, ...]:
    names = list(FINDING_CODES)
    detail, figure = one.covered_by is not None, one.cost_ms is None
    return (detail, figure, one.code not in _FIRST, -(one.cost_ms or 0), names.index(one.code), one.subject)


def _merged(found: Iterable[Candidate], app: ApplicationView) -> list[Candidate]:
    """Merge candidates by code, cause and group. The cost is at most the time in which any of the stages ran."""
    spans_of = {(row["stage_id"], row["stage_attempt"]): app.span(stage) for stage, row in enumerate(app.stages)}
    groups: dict[Any, list[Candidate]] = {}
    for number, one in enumerate(found):
        key = number if one.group is None or one.covered_by else (one.code, one.cause, one.group)
        groups.setdefault(key, []).append(one)
    return [_one_of(group, spans_of, app) for group in groups.values()]


def _one_of(
    group: list[Candidate], spans_of: Mapping[tuple[int | None, int | None], Span], app: ApplicationView
) -> Candidate:
    own = [app.span(stage) for one in group for stage in one.stages]
    own += [spans_of[key] for one in group if not one.stages and (key := (one.stage_id, one.stage_attempt)) in spans_of]
    most = float(length(spans(*np.array(own, np.int64).T))) if own else math.inf
    most += sum(one.driver_ms for one in group)
    if len(group) == 1:
        (one,) = group
        return one if one.cost_ms is None else replace(one, cost_ms=min(one.cost_ms, most))
    costliest = max(group, key=lambda one: one.cost_ms or 0)
    total = min(sum(one.cost_ms or 0 for one in group), most)
    stages = [f"{one.stage_id}.{one.stage_attempt}" for one in group]
    more = len(group) - 1
    message = (
        f"{costliest.message} {count(more)} more stage{'' if more == 1 else 's'} of this name "
        f"{'has' if more == 1 else 'have'} the same problem; all of them together cost {seconds(total / 1e3)}."
    )
    figures = {**costliest.figures, "num_stages": len(group), "stages": stages[:_STAGES_NAMED]}
    return replace(costliest, cost_ms=total, message=message, figures=figures)


def _worth(one: Candidate, app: ApplicationView) -> bool:
    code = FINDING_CODES[one.code]
    if code.informational or code.always_reported:
        return True
    cost = max(one.cost_ms or 0, one.possible_ms or 0)
    return (
        cost >= app.threshold(one.code, "cost_s") * 1e3
        and cost >= app.threshold(one.code, "cost_ratio") * app.duration_ms
    )


def _severity(one: Candidate, app: ApplicationView) -> Severity:
    code = FINDING_CODES[one.code]
    share = (one.cost_ms or 0) / max(app.duration_ms, 1)
    level: Severity = "note"
    if not code.informational:
        if share >= app.threshold(one.code, "warning_ratio"):
            level = "warning"
        if share >= app.threshold(one.code, "critical_ratio"):
            level = "critical"
    ranks = SEVERITIES.index
    at_least = code.at_least if code.at_least == "critical" or not one.at_most else one.at_most
    rank = min(max(ranks(level), ranks(one.at_most or code.at_most), ranks(code.at_most)), ranks(at_least))
    return SEVERITIES[rank]


def _row(one: Candidate, app: ApplicationView) -> list[Any]:
    code = FINDING_CODES[one.code]
    derived = {
        "severity": _severity(one, app),
        "level": one.level or code.level,
        "cost_ms": None if one.cost_ms is None else round(min(one.cost_ms, app.duration_ms)),
        "advice": code.advice_for(one.cause),
        "settings": proposed_settings(app, one.code, one.cause),
        "message": _cut(one.message),
        "subject": _cut(one.subject),
        "figures": json.dumps({name: _plain(value) for name, value in one.figures.items()}, ensure_ascii=False),
    }
    return [derived[c.name] if c.name in derived else getattr(one, c.name) for c in FINDINGS]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else line[: _TEXT - 1] + "…"


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    return float(f"{value:.6g}") if isinstance(value, float) else value
