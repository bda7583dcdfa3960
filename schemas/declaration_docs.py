"""The declarations as documents, for `afterglow schema`, docs/tables.md, docs/runs.md and docs/findings.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .findings import FINDINGS
from .findings.interface import ANY, ANY_THRESHOLDS, Threshold
from .findings.settings import SettingAdvice
from .issues import ISSUE_CODES
from .runs.levels import LEVELS
from .runs.metrics import RUN_METRICS
from .runs.params_tags import RUN_PARAMS, RUN_TAGS
from .tables import TABLES


@dataclass(frozen=True, slots=True)
class Document:
    """One subject of the reference: its description, and one row per item."""

    doc: str
    rows: list[dict[str, Any]]


def documents() -> dict[str, Document]:
    """Return every table by name, then levels, metrics, params, tags, issue and finding codes, thresholds, causes."""
    found = {
        table.name: Document(
            f"one row is {table.grain}",
            [
                {"name": c.name, "type": c.type, "unit": c.unit, "what": c.doc, "source": c.source, "since": c.since}
                for c in table
            ],
        )
        for table in TABLES
    }
    found["levels"] = Document(
        "the run tree", [{"name": x.level, "what": x.doc, "key": x.key, "run name": x.name} for x in LEVELS]
    )
    found["metrics"] = Document(
        "metrics of the runs, with the same meaning at every level",
        [{"name": m.name, "unit": m.unit, "levels": ", ".join(m.levels), "what": m.doc} for m in RUN_METRICS],
    )
    for name, texts, doc in (("params", RUN_PARAMS, "params of the runs"), ("tags", RUN_TAGS, "tags of the runs")):
        found[name] = Document(doc, [{"name": t.name, "levels": ", ".join(t.levels), "what": t.doc} for t in texts])
    found["issue-codes"] = Document(
        "issues of event logs",
        [{"name": i.code, "severity": i.severity, "what": i.doc, "advice": i.advice} for i in ISSUE_CODES.values()],
    )
    found["finding-codes"] = Document(
        "findings",
        [
            {
                "name": f.code,
                "about": f.level,
                "what": f.doc,
                "formula": f.formula,
                "cost": f.cost,
                "advice": f.advice,
                "settings": _keys(f.settings),
            }
            for f in FINDINGS
        ],
    )
    found["thresholds"] = Document(
        "thresholds of findings; change them with --thresholds FILE.toml or --threshold NAME=VALUE",
        [_threshold(ANY, one) for one in ANY_THRESHOLDS]
        + [_threshold(f.code, one) for f in FINDINGS for one in f.thresholds],
    )
    found["causes"] = Document(
        "causes of findings",
        [
            {"name": f"{f.code}: {c.name}", "what": c.doc, "advice": c.advice, "settings": _keys(c.settings)}
            for f in FINDINGS
            for c in f.causes
        ],
    )
    return found


def _keys(declared: Sequence[SettingAdvice]) -> str:
    return ", ".join(dict.fromkeys(one.key for one in declared))


def _threshold(code: str, one: Threshold) -> dict[str, Any]:
    return {"name": f"{code}.{one.name}", "default": f"{one.default:,g}", "what": one.doc}
