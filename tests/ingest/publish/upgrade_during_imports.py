"""`mlflow db upgrade` from one MLflow to the next while 20 applications are imported: none lost, none doubled.

    python -m tests.ingest.publish.upgrade_during_imports --old PYTHON --new PYTHON [--store URI]

Each PYTHON has Afterglow and its MLflow. The old one imports 20 logs, four at a time, each in a process; the new one
upgrades the database as soon as a first application is in it, and then imports all logs. Prints a line of counts.
Exits 1 where an application is missing, is there twice or lacks runs, or where anything printed a traceback. `nox -s
upgrade` runs it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.ingest.cli.logs import write_log

APPLICATIONS, PROCESSES, TASKS = 20, 4, 60
RUNS = TASKS + 3  # application, job, stage, tasks
_COUNT = """
import sys, json, mlflow
client = mlflow.MlflowClient(sys.argv[1])
found, token = [], None
experiment = client.get_experiment_by_name("upgrade")
while experiment is not None:
    page = client.search_runs([experiment.experiment_id], max_results=1000, page_token=token)
    found += [(run.data.tags["spark.app.id"], run.data.tags["afterglow.key"], run.info.status) for run in page]
    token = page.token
    if not token:
        break
print(json.dumps(found))
"""


def command(python: str, logs: Sequence[Path], store: str) -> list[str]:
    words = ["-m", "afterglow.ingest.cli", "import", *map(str, logs)]
    return [python, *words, "--tracking-uri", store, "--experiment", "upgrade", "--report", "none"]


def printed(words: Sequence[str]) -> str:
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    return done.stdout


def stored(python: str, store: str) -> list[tuple[str, str, str]]:
    done = subprocess.run([python, "-c", _COUNT, store], capture_output=True, text=True)
    return [(app, key, status) for app, key, status in json.loads(done.stdout)] if done.returncode == 0 else []


def upgrade(python: str, store: str) -> str:
    words = [python, "-m", "mlflow", "db", "upgrade", store]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout + done.stderr


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--old", required=True)
    parser.add_argument("--new", required=True)
    parser.add_argument("--store")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        store = given.store or f"sqlite:///{folder}/mlflow.db"
        logs = [
            write_log(folder, f"job {n}", f"app-{n}", 1_700_000_000_000 + n, TASKS, f"log-{n}")
            for n in range(APPLICATIONS)
        ]
        upgrade(given.old, store)
        with ThreadPoolExecutor(PROCESSES) as pool:
            running = [pool.submit(printed, command(given.old, [log], store)) for log in logs]
            next(as_completed(running))
            upgrade(given.new, store)
        outputs = [one.result() for one in running]
        outputs.append(printed(command(given.new, logs, store)))
        runs = stored(given.new, store)
    counts = Counter((app, key) for app, key, _ in runs)
    per_app = Counter(app for app, _ in counts)
    lost = sum(per_app[f"app-{n}"] != RUNS for n in range(APPLICATIONS))
    doubled = sum(number > 1 for number in counts.values())
    open_runs = sum(status != "FINISHED" for _, _, status in runs)
    tracebacks = sum("Traceback" in output for output in outputs)
    done = sum("runs written" in line for output in outputs[:APPLICATIONS] for line in output.splitlines())
    refused = sum(line.startswith("error:") for output in outputs for line in output.splitlines())
    print(
        f"{APPLICATIONS} applications, {done} written by the old one, {refused} refused with a line; "
        f"afterwards {lost} lost, {doubled} doubled, {open_runs} runs not finished, {tracebacks} tracebacks"
    )
    for output in outputs:
        print(*sorted({line for line in output.splitlines() if line.startswith(("error", "note"))}), sep="\n")
    return int(bool(lost or doubled or open_runs or tracebacks))


if __name__ == "__main__":
    sys.exit(main())
