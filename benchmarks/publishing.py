"""Writing runs, side by side in one run: bare MlflowClient calls, the `client` writer and the `sql` writer.

The bare calls are the fewest that make a run: create_run, log_batch, set_terminated, one after the other, with the
same tags, params and metrics. Every measurement is a process of its own against a store of its own.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from . import make_log
from .measure import Measured, run
from .reading import CACHE

TASKS, MANY_TASKS, FEW_TASKS = 20_000, 100_000, 250
BARE_RUNS = 150
POSTGRES = Path("/usr/lib/postgresql")


def log_of(tasks: int) -> Path:
    """An application of so many tasks, 20 metrics each."""
    path = CACHE / f"publish-{tasks}" / "app-benchmark-publish"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        make_log.write(path, tasks)
    return path


def write(kind: str, uri: str, log: str) -> None:
    """One measured process: writes the log's runs, prints how many and in how many seconds, reading not counted."""
    from afterglow.ingest import pipeline
    from afterglow.ingest.derive import TaskRuns, derive
    from afterglow.ingest.publish import open_writer, publish, write_artifacts
    from afterglow.ingest.publish.names import Fitting
    from afterglow.ingest.publish.plan import record

    tables = pipeline.read_log(*pipeline.find_logs([log]))
    tree = derive(tables, TaskRuns("all", 2**31))
    if kind != "bare":
        writer = open_writer(uri, "benchmark", kind)
        assert writer.name == kind
        began = time.perf_counter()
        number = publish(tree, None, partial(write_artifacts, tables), writer, "benchmark", "0").written
    else:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag

        client, fit, number = MlflowClient(uri), Fitting(), 0
        experiment = client.create_experiment("benchmark")
        tasks = (one for stage in tree.tasks.values() for one in stage)
        began = time.perf_counter()
        for one in islice(tasks, BARE_RUNS):
            made = record(one, fit)
            found = client.create_run(experiment, made.start_ms, dict(made.tags), made.name)
            params = [Param(key, value) for key, value in made.params.items()]
            client.log_batch(found.info.run_id, [Metric(*m) for m in made.metrics], params, [RunTag("a", "b")])
            client.set_terminated(found.info.run_id, made.status, made.end_ms)
            number += 1
    print(json.dumps({"runs": number, "seconds": time.perf_counter() - began}))


@contextmanager
def server(folder: str, workers: int = 2) -> Iterator[str]:
    """A real MLflow server on loopback, over SQLite."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", str(workers)]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/server.db",
        "--artifacts-destination",
        f"{folder}/artifacts",
    ]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, stdout=quiet, stderr=quiet)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@contextmanager
def postgres(folder: str) -> Iterator[str | None]:
    """A PostgreSQL server on loopback; None where it is not installed."""
    programs = sorted(POSTGRES.glob("*/bin/initdb"))
    if not programs:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bin_folder, data = programs[-1].parent, f"{folder}/postgres"
    os.makedirs(data)
    user: dict[str, str] = {}
    if os.getuid() == 0:  # it refuses to run as root
        shutil.chown(data, "postgres", "postgres")
        Path(folder).chmod(0o755)
        user = {"user": "postgres", "group": "postgres"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([f"{bin_folder}/initdb", "-D", data, "-A", "trust", "-U", "postgres"], check=True, **quiet, **user)
    command = [f"{bin_folder}/postgres", "-D", data, "-p", str(port), "-k", data, "-h", "127.0.0.1"]
    process = subprocess.Popen(command, **quiet, **user)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        time.sleep(1)
        yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def measured(kind: str, uri: str, tasks: int) -> tuple[int, float, Measured]:
    """Runs and seconds that one process took, and what it used."""
    folder = CACHE / "publishing"
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.publishing", kind, uri, str(log_of(tasks))]
    found = run(command)
    if found.exit_code:
        raise RuntimeError(f"{kind} to {uri} failed: {found.output[-2000:]}")
    told = json.loads(found.output.strip().splitlines()[-1])
    return told["runs"], told["seconds"], found


def main(only: str | None, repeats: int) -> None:
    """Prints the table; `only` names one kind of store: sqlite, rest, postgres or many."""
    print("\n## Publishing\n")
    print(
        "| writer and store | runs | s | runs/s | x bare calls on it | peak MB |\n|---|--:|--:|--:|--:|--:|", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="afterglow-publish-") as folder:
        if only in (None, "sqlite"):
            bare = _row("bare MlflowClient, SQLite", "bare", f"sqlite:///{folder}/bare.db", FEW_TASKS)
            _row("client, SQLite", "client", f"sqlite:///{folder}/client.db", FEW_TASKS, bare)
            _row(f"sql, SQLite, {TASKS:,} tasks", "sql", f"sqlite:///{folder}/sql.db", TASKS, bare)
        if only in (None, "rest"):
            with server(folder) as address:
                bare = _row("bare MlflowClient, server", "bare", address, FEW_TASKS)
            os.remove(f"{folder}/server.db")
            with server(folder) as address:
                _row("client, server", "client", address, FEW_TASKS, bare)
        if only in (None, "postgres"):
            with postgres(folder) as uri:
                if uri is None:
                    print("| PostgreSQL is not installed: not measured | | | | | |")
                else:
                    bare = _row("bare MlflowClient, PostgreSQL", "bare", uri, FEW_TASKS)
                    subprocess.run([sys.executable, "-c", _FRESH, uri], check=True)
                    _row(f"sql, PostgreSQL, {TASKS:,} tasks", "sql", uri, TASKS, bare)
        if only in (None, "many"):
            _row(f"sql, SQLite, {MANY_TASKS:,} tasks", "sql", f"sqlite:///{folder}/many.db", MANY_TASKS)


_FRESH = """
import sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
client.rename_experiment(client.get_experiment_by_name("benchmark").experiment_id, "bare")
"""


def _row(title: str, kind: str, uri: str, tasks: int, bare: float | None = None) -> float:
    runs, seconds, found = measured(kind, uri, tasks)
    rate = runs / seconds
    ratio = f"{rate / bare:.1f}" if bare else ""
    print(f"| {title} | {runs:,} | {seconds:.1f} | {rate:,.0f} | {ratio} | {found.peak_mb:,.0f} |", flush=True)
    return rate


if __name__ == "__main__":
    write(*sys.argv[1:4])
