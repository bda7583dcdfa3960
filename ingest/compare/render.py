"""A comparison as people read it: rows of text for the terminal, and one small HTML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...schemas.comparison import Change, Comparison, StageChange
from ..control_characters import replace_controls
from ..units import count, seconds, share, size
from .compare import small

_STAGES, _FINDINGS = 25, 15


def shown(value: float | None, unit: str) -> str:
    """A figure in the unit that people read."""
    if value is None:
        return "–"
    if unit == "s":
        return seconds(value)
    if unit == "bytes":
        return size(value)
    if unit == "ratio":
        return share(value)
    return count(value)


def changed(one: Change) -> str:
    """By how much, with its sign, and by which share."""
    if not one.by:
        return "0"
    sign = "+" if one.by > 0 else "−"
    ratio = "" if one.ratio is None or one.unit == "ratio" else f" ({sign}{share(abs(one.ratio))})"
    points = " points" if one.unit == "ratio" else ""
    return f"{sign}{shown(abs(one.by), one.unit)}{points}{ratio}"


def stage_rows(of: Comparison, at_most: int = _STAGES) -> list[dict[str, Any]]:
    """The stages that changed most; those without a change to speak of only where there is nothing else."""
    told = [one for one in of.stages if not small(one.duration)] or list(of.stages[:5])
    most = max((abs(one.duration.by) for one in told), default=0.0) or 1.0
    return [_stage_row(one, most) for one in told[:at_most]]


def _stage_row(one: StageChange, most: float) -> dict[str, Any]:
    counts = ""
    if one.count_a != one.count_b:
        counts = f"{count(one.count_a)} before, {count(one.count_b)} after"
    elif one.count_a > 1:
        counts = f"{count(one.count_a)} alike"
    return {
        "name": one.name,
        "counts": counts,
        "a": shown(one.duration.a, "s"),
        "b": shown(one.duration.b, "s"),
        "change": changed(one.duration),
        "way": "worse" if one.duration.by > 0 else "better",
        "width": round(100 * abs(one.duration.by) / most, 1),
        "why": "; ".join(one.why),
    }


def finding_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Findings, the dearest first."""
    return [
        {
            "code": str(row.get("code") or "").replace("_", " "),
            "cost": seconds(row["cost_ms"] / 1e3) if row.get("cost_ms") else "",
            "message": str(row.get("message") or ""),
        }
        for row in rows[:_FINDINGS]
    ]


def page(of: Comparison, broken: Sequence[str] = ()) -> bytes:
    """One HTML file, without a script; all text is escaped. The same comparison gives the same bytes."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((Path(__file__).parent / "comparison.html").read_text(encoding="utf-8"))
    rows = stage_rows(of)
    text: str = template.render(
        a=of.a,
        b=of.b,
        verdict=of.verdict,
        sentence=of.sentence,
        broken=broken,
        stages=rows,
        left=len(of.stages) - len(rows),
        findings=[("New findings", finding_rows(of.findings_new)), ("Findings gone", finding_rows(of.findings_gone))],
        metrics=[
            {"name": c.name, "a": shown(c.a, c.unit), "b": shown(c.b, c.unit), "change": changed(c)} for c in of.metrics
        ],
    )
    return replace_controls(text).encode("utf-8", "replace")
