"""The history of a job for readers: rows of text for the terminal, and one small HTML file with charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...schemas.job_history import CORE_HOURS, COST, DATA, DURATION, SPILL, JobRun, Verdict
from ..control_characters import replace_controls
from ..units import count, seconds, significant, size
from .judge import short_summary, summary

Judged = tuple[JobRun, Verdict | None]

MISSING = "–"
_WIDTH, _HEIGHT, _PAD = 900, 120, 6


@dataclass(frozen=True, slots=True)
class _Figure:
    title: str
    metric: str
    unit: str


def history_rows(runs: Sequence[Judged]) -> list[dict[str, Any]]:
    """One row per run, oldest first: texts for the terminal and the page. `changed` marks where a regression began."""
    longest = max((run.metrics.get(DURATION, 0.0) for run, _ in runs), default=0.0)
    data = _data_metric(runs)
    price = _price_metric(runs)
    return [
        {
            "start": f"{datetime.fromtimestamp(run.start_ms / 1000, timezone.utc):%Y-%m-%d %H:%M}",
            "app_id": run.app_id,
            "url": run.url or "",
            "status": _status(run),
            "duration": _shown(run, DURATION, "s"),
            "bar": _bar(run.metrics.get(DURATION, 0.0), longest),
            "cost": _shown(run, price, ""),
            "data": _shown(run, data.metric, data.unit) if data else "",
            "spill": _shown(run, SPILL, "bytes") if run.metrics.get(SPILL) else "",
            "findings": ", ".join(run.findings),
            "num_findings": count(len(run.findings)) if run.findings else "",
            "regression": ", ".join(verdict.kinds) if verdict else "",
            "short": short_summary(verdict),
            "changed": bool(verdict and verdict.kinds and verdict.since == run.app_id),
            "verdict": summary(verdict) if verdict else "its log is not complete",
        }
        for run, verdict in runs
    ]


def cost_heading(runs: Sequence[Judged]) -> str:
    """The title of the column of costs, with the currency if all costs have the same."""
    if _price_metric(runs) != COST:
        return "core hours"
    currencies = {run.currency for run, _ in runs if COST in run.metrics}
    return f"cost ({min(currencies)})" if len(currencies) == 1 and min(currencies) else "cost"


def history_page(job: str, runs: Sequence[Judged]) -> bytes:
    """One HTML file without a script; all text is escaped. The same history gives the same bytes."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((Path(__file__).parent / "history.html").read_text(encoding="utf-8"))
    rows = history_rows(runs)
    data, cost = _data_metric(runs), cost_heading(runs)
    figures = [
        _Figure("Duration", DURATION, "s"),
        _Figure(cost[:1].upper() + cost[1:], _price_metric(runs), ""),
        *([_Figure("Data", data.metric, data.unit)] if data else []),
        _Figure("Spill to disk", SPILL, "bytes"),
    ]
    charts = [_chart(one.title, [run.metrics.get(one.metric) for run, _ in runs], one, rows) for one in figures]
    findings = [float(len(run.findings)) for run, _ in runs]
    charts.append(_chart("Warnings and critical findings", findings, _Figure("", "", "count"), rows))
    text: str = template.render(
        job=job,
        charts=[chart for chart in charts if any(bar["height"] for bar in chart["bars"])],
        rows=list(reversed(rows)),
        cost=cost,
        width=_WIDTH,
        height=_HEIGHT,
        changed=[row for row in rows if row["changed"]],
    )
    return replace_controls(text).encode("utf-8", "replace")


def _chart(
    title: str, values: Sequence[float | None], figure: _Figure, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Bars of one figure, one per run; a run in which a regression began has its own color."""
    highest = max((value or 0.0 for value in values), default=0.0) or 1.0
    step = _WIDTH / max(len(values), 1)
    bars = [
        {
            "x": round(at * step + step * 0.1, 2),
            "y": round(_HEIGHT - (value or 0.0) / highest * (_HEIGHT - _PAD), 2),
            "width": round(step * 0.8, 2),
            "height": round((value or 0.0) / highest * (_HEIGHT - _PAD), 2),
            "kind": "changed" if row["changed"] else "worse" if row["regression"] else row["status"],
            "title": f"{row['start']} {row['app_id']}: {_form(value, figure.unit)}. {row['verdict']}",
        }
        for at, (value, row) in enumerate(zip(values, rows, strict=True))
    ]
    return {"title": title, "highest": _form(highest, figure.unit), "bars": bars}


def _data_metric(runs: Sequence[Judged]) -> _Figure | None:
    units = {"io/max_stage_input_bytes": "bytes"}
    for name in DATA:
        if any(run.metrics.get(name) for run, _ in runs):
            return _Figure("Data", name, units.get(name, "count"))
    return None


def _price_metric(runs: Sequence[Judged]) -> str:
    return COST if any(COST in run.metrics for run, _ in runs) else CORE_HOURS


def _status(run: JobRun) -> str:
    if run.status == "FINISHED":
        return "finished" if run.is_comparable else "incomplete"
    return {"FAILED": "failed", "KILLED": "killed"}.get(run.status, "running")


def _shown(run: JobRun, metric: str, unit: str) -> str:
    return _form(run.metrics.get(metric), unit)


def _form(value: float | None, unit: str) -> str:
    if value is None:
        return MISSING
    forms = {"s": seconds, "bytes": size, "count": count}
    return forms.get(unit, significant)(value)


def _bar(value: float, longest: float) -> str:
    """One to eight blocks."""
    if longest <= 0 or value <= 0:
        return ""
    eighths = max(round(value / longest * 80), 1)
    return "█" * (eighths // 8) + (_BARS_LEFT[eighths % 8] if eighths % 8 else "")


_BARS_LEFT = " ▏▎▍▌▋▊▉"
