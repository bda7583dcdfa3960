"""A log -> the text that golden tests compare: every row of every table, every run of the tree. One line each."""

import hashlib
import json
from pathlib import Path
from typing import Any

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log

_HERE = Path(__file__).parent


def snapshot(log: Path) -> dict[str, str]:
    """File name -> text, for the one log at this path."""
    (found,) = find_logs([str(log)])
    tables = read_log(found)
    here = str(log.parent) + "/"
    rows = [_line({"table": name, **row}, here) for name in sorted(tables.tables) for row in tables[name].to_pylist()]
    tree = derive(ApplicationView(tables))
    runs = [
        _line(
            {
                "level": r.level,
                "key": r.key,
                "parent": r.parent,
                "name": r.name,
                "status": r.status,
                "start_ms": r.start_ms,
                "end_ms": r.end_ms,
                "params": r.params,
                "tags": r.tags,
                "metrics": r.metrics,
                "history": {name: [list(point) for point in points] for name, points in r.history.items()},
            },
            here,
        )
        for r in tree.all()
    ]
    datasets = {key: list(map(list, sources)) for key, sources in tree.datasets.items()}
    return {
        "tables.jsonl": "".join(rows),
        "runs.jsonl": "".join(
            [
                *runs,
                _line({"datasets": datasets}, here),
            ]
        ),
    }


def _line(row: dict[str, Any], here: str) -> str:
    present = {name: value for name, value in row.items() if value not in (None, {}, [])}
    return json.dumps(_rounded(present), ensure_ascii=False).replace(here, "") + "\n"


def _rounded(value: Any) -> Any:
    """Nine digits, as sums of floats differ in the last ones between machines; of long texts the beginning."""
    if isinstance(value, str) and len(value) > 300:
        return f"{value[:100]}... {len(value)} characters, {hashlib.sha256(value.encode()).hexdigest()[:8]}"
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def golden(sample: str) -> Path:
    """Where a sample's expected text lies."""
    return _HERE / "expected" / sample
