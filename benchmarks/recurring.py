"""Recurring jobs: which of six seeded regressions are found in thirty runs of three real Spark jobs, and what else is.

python -m benchmarks recurring

AFTERGLOW_RECURRING_LOGS names a folder in which the logs are kept; jobs whose logs are there are not run again.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyspark

from afterglow.ingest import units
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.job_history import judge_all
from afterglow.ingest.job_run import job_run_of_tree
from afterglow.ingest.pipeline import derive_tree, read_view


def main(only: str | None = None, repeats: int = 1) -> None:
    """Runs the jobs and prints every run with its verdict, then the counts."""
    with tempfile.TemporaryDirectory(prefix="afterglow-recurring-") as folder:
        logs = Path(os.environ.get("AFTERGLOW_RECURRING_LOGS", folder))
        if not (logs / "truth.json").exists():
            environment = {**os.environ, "SPARK_HOME": pyspark.__path__[0], "PYSPARK_PYTHON": sys.executable}
            command = [sys.executable, "-m", "benchmarks.recurring_jobs", str(logs)]
            subprocess.run(command, env=environment, check=True)
        report(logs)


def report(logs: Path) -> None:
    """The table, and the three counts."""
    truth: dict[str, dict[str, Any]] = json.loads((logs / "truth.json").read_text())
    runs: dict[str, list[Any]] = {}
    for log in find_logs([str(logs)]):
        run = job_run_of_tree(derive_tree(read_view(log), "none"))
        if run is not None:
            runs.setdefault(run.job, []).append(run)
    found, false, excused = [], [], []
    print("| job | run | seeded | data | took | usually | spilled | verdict |\n|---|---|---|---|---|---|---|---|")
    for job, own in runs.items():
        for number, (run, verdict) in enumerate(judge_all(own), 1):
            seeded, copies = truth[run.app_id]["seeded"], truth[run.app_id]["copies"]
            kinds = verdict.kinds if verdict else ()
            if seeded and kinds:
                found.append(seeded)
            if kinds and not seeded:
                (false if copies == 1 else excused).append(f"{job} {number}")
            ratio = verdict.ratios.get("duration_ratio") if verdict else None
            took = run.metrics["time/duration_s"]
            notes = [one.kind for one in verdict.deviations if one.kind not in kinds] if verdict else []
            cells = [
                job,
                str(number),
                seeded,
                f"{copies}x",
                units.seconds(took),
                units.seconds(took / ratio) if ratio else "",
                units.size(run.metrics.get("spill/disk_bytes", 0.0)),
                ", ".join([*kinds, *(f"({kind})" for kind in notes)]),
            ]
            print("| " + " | ".join(cells) + " |")
    seeded = sum(bool(one["seeded"]) for one in truth.values())
    print(f"\nRegressions found: {len(found)} of {seeded}. False alarms: {len(false)} {false}. ", end="")
    print(f"Twice the data called a regression: {len(excused)} {excused}.")


if __name__ == "__main__":
    main()
