"""Seeded faults: real Spark jobs with one known fault each and their healthy twins. Is the fault found, at the right
stage, executor or search, with the right cause; and is anything said of the twins?

python -m benchmarks seeded [--only skewed_key]

AFTERGLOW_SEEDED_LOGS names a folder in which logs are kept; a job whose log is there is not run again.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark

from afterglow.ingest import units
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.findings import FINDING_CODES

from .peer_rules import peers
from .seeded_jobs import JOBS

_TIMEOUT_S = 300


@dataclass(frozen=True)
class Expected:
    """What has to be said: the code, what its cause or its sentence has to hold, and what follows from the fault "
    "too."""

    code: str
    cause: str | None = None
    says: str = ""
    follows: tuple[str, ...] = ()


EXPECTED = {
    "skewed_key": Expected("skew", "shuffle read"),
    "slow_worker": Expected("slow_executor", "waiting"),
    "low_memory": Expected("spill"),
    "gc_storm": Expected("gc"),
    "tiny_tasks": Expected("tiny_tasks"),
    "failing_tasks": Expected("failed_tasks", says="seeded: the connection was reset"),
    "lost_executor": Expected("executor_lost", "killed", follows=("stage_retry",)),
    "uncached_search": Expected("not_cached"),
    "features_inside": Expected("repeated_features", says="PCA"),
}


def main(only: str | None = None, repeats: int = 1) -> None:
    """Runs the jobs, one after the other, and prints the table."""
    kept = os.environ.get("AFTERGLOW_SEEDED_LOGS")
    print(
        "| fault | found | at | right place | right cause | took / costs | beside it | of the healthy twin | "
        "rules of others, faulty | healthy |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="afterglow-seeded-") as folder:
        for name in JOBS:
            if only in (None, name):
                faulty, truth = _ran(name, "faulty", Path(kept or folder))
                healthy, _ = _ran(name, "healthy", Path(kept or folder))
                print(_line(name, faulty, truth, healthy), flush=True)


def _ran(name: str, state: str, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The tables of a job, run unless its log is there, and its truth."""
    logs = folder / f"{name}-{state}"
    told = logs.with_suffix(".json")
    if not told.exists():
        logs.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "SPARK_HOME": pyspark.__path__[0], "PYSPARK_PYTHON": sys.executable}
        command = [sys.executable, "-m", "benchmarks.seeded_jobs", name, state, str(logs)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        if ran.returncode:
            raise RuntimeError(f"{name} {state} failed:\n{ran.stderr[-3000:]}")
        told.write_text(ran.stdout.strip().splitlines()[-1])
    (log,) = find_logs([str(logs)])
    return read_log(log), json.loads(told.read_text())


def _said(tables: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tables["findings"].to_pylist()
    return [row for row in rows if row["covered_by"] is None and not FINDING_CODES[row["code"]].informational]


def _line(name: str, tables: Any, truth: dict[str, Any], healthy: Any) -> str:
    expected, said, place = EXPECTED[name], _said(tables), _place(tables, truth)
    found = [row for row in said if row["code"] == expected.code]
    right = [row for row in found if all(row[column] == value for column, value in place.items())]
    row = (right or found or [None])[0]
    cause = row is not None and row["cause"] == expected.cause and expected.says in row["message"]
    others = [one for one in said if one["code"] not in (expected.code, *expected.follows)]
    app = tables.application
    cells = [
        name,
        f"yes: {expected.code}" if found else "NO",
        row["subject"] if row else "",
        "yes" if right else "NO",
        ("yes" + (f": {expected.cause or expected.says}" if expected.cause or expected.says else ""))
        if cause
        else "NO",
        f"{units.seconds(app['duration_ms'] / 1e3)} / {units.seconds(row['cost_ms'] / 1e3) if row else ''}",
        ", ".join(_short(one) for one in said if one not in others and one not in right) + _listed(others),
        _listed(_said(healthy)) or "nothing",
        _peers(tables),
        _peers(healthy),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _peers(tables: Any) -> str:
    """How many stages each other tool's rule names."""
    named = {tool: len(stages) for tool, stages in peers(tables).items() if stages}
    return ", ".join(f"{tool} {number}" for tool, number in named.items()) or "nothing"


def _listed(rows: list[dict[str, Any]]) -> str:
    return "; ".join(_short(row) for row in rows)


def _short(row: dict[str, Any]) -> str:
    return f"{row['code']}" + (f" ({row['cause']})" if row["cause"] else "") + f" {row['cost_ms'] / 1e3:.1f} s"


def _place(tables: Any, truth: dict[str, Any]) -> dict[str, Any]:
    """The columns that the finding has to have."""
    if "stage" not in truth:
        return truth
    stages = [row for row in tables["stages"].to_pylist() if row["status"] in ("COMPLETE", "FAILED")]
    by = {"most tasks": "num_tasks", "last": "stage_id"}[truth["stage"]]
    return {"stage_id": max(stages, key=lambda row: (row[by], row["stage_id"]))["stage_id"]}


if __name__ == "__main__":
    main()
