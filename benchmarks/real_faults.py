"""Faults in small real jobs and their healthy twins: is the fault found, with the right cause, and at which cost?

python -m benchmarks.real_faults [LOGS] [--only NAME...] [--repeat N]

Runs each job of `query_jobs` and `driver_jobs` whose log is not in the folder LOGS, and prints a table as markdown. The
measured cost is what the faulty job took longer than its twin, from the first job to the end: of N runs of each the
shortest. "Others" is the share of the machine's CPU time that other programs used meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyspark

from afterglow.ingest import units
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.findings import FINDING_CODES

from .run_fault import JOBS

_TIMEOUT_S = 900
_DONE = ".done"
EXPECTED: dict[str, tuple[str, str | None]] = {
    "exploded_rows": ("multiplied_rows", None),
    "python_rows": ("python_udf", None),
    "small_output": ("small_output", None),
    "repeated_counts": ("recomputed", None),
    "unused_cache": ("cache_unused", None),
    "evicted_cache": ("cache_lost", "memory"),
    "many_frames": ("planning", None),
    "late_filter": ("late_filter", None),
    "every_pair": ("cartesian_product", None),
    "broadcast_large": ("large_broadcast", None),
    "sorted_join": ("broadcast_missed", None),
    "gzip_input": ("few_partitions", "input"),
    "skewed_group": ("skew", "shuffle read"),
    "null_keys": ("skew", "join"),
    "whole_window": ("few_partitions", "window"),
    "one_writer": ("few_partitions", "coalesce"),
    "many_partitions": ("tiny_tasks", None),
    "rows_on_driver": ("large_collect", None),
    "bad_record": ("job_failed", "exception"),
    "killed_executor": ("executor_lost", "killed"),
    "sleeping_task": ("straggler", "waiting"),
    "out_of_memory": ("job_failed", "out of memory"),
    "loop_of_queries": ("repeated_actions", None),
    "idle_driver": ("no_tasks_running", "between jobs"),
    "retried_task": ("failed_tasks", None),
}
"""Job -> the code and the cause of its fault."""


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="?", default="build/faults", type=Path)
    parser.add_argument("--only", nargs="*", default=list(JOBS))
    parser.add_argument("--repeat", type=int, default=1)
    given = parser.parse_args()
    print("| fault | found | place | cost | measured | others | beside it | of the healthy twin |")
    print("|---|---|---|--:|--:|--:|---|---|")
    for name in given.only:
        logs = [_run(name, given.logs.resolve(), number) for number in range(given.repeat)]
        print(_row(name, [faulty for faulty, _ in logs], [healthy for _, healthy in logs]), flush=True)


def _run(name: str, folder: Path, number: int) -> tuple[Path, Path]:
    """The folders with the logs of a job and its twin, which run unless they are there."""
    found = []
    for state in ("faulty", "healthy"):
        logs = folder / f"{name}-{state}{f'-{number}' if number else ''}"
        found.append(logs)
        if not (logs / _DONE).exists():
            logs.mkdir(parents=True, exist_ok=True)
            environment = {**os.environ, "SPARK_HOME": pyspark.__path__[0], "PYSPARK_PYTHON": sys.executable}
            command = [sys.executable, "-m", "benchmarks.run_fault", name, state, str(logs)]
            ran = subprocess.run(  # in a session of its own, so that `others` are the others
                command, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=True, start_new_session=True
            )
            (logs / _DONE).write_bytes(ran.stdout.splitlines()[-1])
    return found[0], found[1]


def _tables(logs: Path) -> Any:
    (log,) = find_logs([str(logs)])
    return read_log(log)


def _row(name: str, faulty_logs: Sequence[Path], healthy_logs: Sequence[Path]) -> str:
    """Finding and cost are those of the shortest run of the faulty job; no run of the twin may have a finding."""
    code, cause = EXPECTED[name]
    all_faulty, all_healthy = [_tables(log) for log in faulty_logs], [_tables(log) for log in healthy_logs]
    faulty, healthy = min(all_faulty, key=_working_s), min(all_healthy, key=_working_s)
    said = _said(faulty)
    others = [json.loads((log / _DONE).read_text())["others_ratio"] for log in (*faulty_logs, *healthy_logs)]
    found = [row for row in said if row["code"] == code]
    right = next((row for row in found if row["cause"] == cause), None)
    shown = right or (found or [None])[0]
    what = "no" if shown is None else code + (f" ({shown['cause']})" if shown["cause"] else "")
    cells = (
        name,
        what if right else f"{what}, WRONG CAUSE" if shown else what,
        shown["subject"].replace("|", "&#124;") if shown else "",
        units.seconds(shown["cost_ms"] / 1e3) if shown else "",
        units.seconds(max(_working_s(faulty) - _working_s(healthy), 0.0)),
        units.share(max(others)),
        _listed([row for row in said if row is not shown]),
        "; ".join(_listed(found) for found in map(_said, all_healthy) if found) or "nothing",
    )
    return "| " + " | ".join(cells) + " |"


def _said(tables: Any) -> list[dict[str, Any]]:
    """The warnings and critical findings."""
    rows = tables["findings"].to_pylist()
    kept = [row for row in rows if row["covered_by"] is None and not FINDING_CODES[row["code"]].informational]
    return [row for row in kept if row["severity"] != "note" or row["code"] in ("few_partitions", "parallelism")]


def _working_s(tables: Any) -> float:
    """From the first job to the end of the application."""
    begin = min(row["submission_time_ms"] for row in tables["jobs"].to_pylist())
    end = tables.application["end_time_ms"] or tables.application["last_event_time_ms"]
    return float(end - begin) / 1e3


def _listed(rows: list[dict[str, Any]]) -> str:
    return ", ".join(f"{row['code']} {units.seconds(row['cost_ms'] / 1e3)}" for row in rows)


if __name__ == "__main__":
    main()
