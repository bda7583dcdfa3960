"""Writing runs, side by side in one run: bare MlflowClient calls, the `client` writer and the `sql` writer.

The bare calls are the fewest that make a run: create_run, log_batch, set_terminated, one after the other, with the
same tags, params and metrics. Every measurement is a process of its own against a store of its own.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from . import make_log
from .process_stats import Measured, run
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
    from afterglow.ingest.application_view import ApplicationView
    from afterglow.ingest.derive import TaskRuns, derive
    from afterglow.ingest.find_logs import find_logs
    from afterglow.ingest.pipeline import read_log
    from afterglow.ingest.publish import Import, open_writer, publish, write_artifacts
    from afterglow.ingest.publish.limits import LimitEnforcer
    from afterglow.ingest.publish.records import record

    tables = read_log(*find_logs([log]))
    tree = derive(ApplicationView(tables), TaskRuns("all", 2**31))
    if kind != "bare":
        writer = open_writer(uri, "benchmark", kind)
        assert writer.name == kind
        began = time.perf_counter()
        number = publish(Import(tree, "benchmark", "0", partial(write_artifacts, tables)), writer).written
    else:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param, RunTag

        client, fit, number = MlflowClient(uri), LimitEnforcer(), 0
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
def server(folder: str, name: str, workers: int = 2, access_log: Path | None = None) -> Iterator[str]:
    """A real MLflow server on loopback, over SQLite. It writes a line per request to `access_log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", str(workers)]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/{name}.db",
        "--artifacts-destination",
        f"{folder}/{name}",
    ]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with open(access_log or os.devnull, "w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, stdout=log, stderr=log)
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


@dataclass
class Row:
    """One writer over one kind of store: what each round came to, and how many times the bare calls of that round."""

    title: str
    kind: str
    tasks: int
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    peaks_mb: list[float] = field(default_factory=list)
    runs: int = 0

    def measure(self, uri: str, bare: float | None = None) -> float:
        """Runs per second of one process against one empty store."""
        self.runs, seconds, found = measured(self.kind, uri, self.tasks)
        rate = self.runs / seconds
        self.rates.append(rate)
        self.seconds.append(seconds)
        self.peaks_mb.append(found.peak_mb)
        if bare:
            self.ratios.append(rate / bare)
        print(f"{self.title}: {rate:,.0f} runs/s" + (f", {rate / bare:.1f}" if bare else ""), file=sys.stderr)
        return rate

    def print(self) -> None:
        """Medians; the peak is the highest."""
        middle, ratio = statistics.median(self.rates), f"{statistics.median(self.ratios):.1f}" if self.ratios else ""
        ends = f"{min(self.ratios):.1f} to {max(self.ratios):.1f}" if self.ratios else ""
        took, peak = statistics.median(self.seconds), max(self.peaks_mb)
        print(
            f"| {self.title} | {self.runs:,} | {took:.1f} | {middle:,.0f} | {ratio} | {ends} | {peak:,.0f} |",
            flush=True,
        )


def main(only: str | None, repeats: int) -> None:
    """Prints the table; `only` names one kind of store: sqlite, rest, postgres or many.

    A round measures the bare calls and then every writer on the same kind of store, each on an empty one. Ratios are of
    one round, for a machine's speed changes from minute to minute; the table has the middle one.
    """
    print("\n## Publishing\n")
    print(f"Medians of {repeats} rounds.\n")
    print("| writer and store | runs | s | runs/s | x bare calls on it | least to most | peak MB |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory(prefix="afterglow-publish-") as folder:
        if only in (None, "sqlite"):
            _on_sqlite(folder, repeats)
        if only in (None, "rest"):
            _over_rest(folder, repeats)
        if only in (None, "postgres"):
            _on_postgres(folder, repeats)
        if only in (None, "many"):
            row = Row(f"sql, SQLite, {MANY_TASKS:,} tasks", "sql", MANY_TASKS)
            row.measure(f"sqlite:///{folder}/many.db")
            row.print()


def _on_sqlite(folder: str, repeats: int) -> None:
    bare = Row("bare MlflowClient, SQLite", "bare", FEW_TASKS)
    client = Row("rest, SQLite", "rest", FEW_TASKS)
    sql = Row(f"sql, SQLite, {TASKS:,} tasks", "sql", TASKS)
    for number in range(repeats):
        rate = bare.measure(f"sqlite:///{folder}/bare{number}.db")
        sql.measure(f"sqlite:///{folder}/sql{number}.db", rate)
        client.measure(f"sqlite:///{folder}/client{number}.db", rate)
    for row in (bare, client, sql):
        row.print()


def _over_rest(folder: str, repeats: int) -> None:
    bare = Row("bare MlflowClient, server", "bare", FEW_TASKS)
    client = Row("rest, server", "rest", FEW_TASKS)
    for number in range(repeats):
        with server(folder, f"server-bare{number}") as address:
            rate = bare.measure(address)
        with server(folder, f"server-client{number}") as address:
            client.measure(address, rate)
    for row in (bare, client):
        row.print()


def _on_postgres(folder: str, repeats: int) -> None:
    bare = Row("bare MlflowClient, PostgreSQL", "bare", FEW_TASKS)
    superuser = Row(f"sql, PostgreSQL as superuser, {TASKS:,} tasks", "sql", TASKS)
    owner = Row(f"sql, PostgreSQL as the owner of the database, {TASKS:,} tasks", "sql", TASKS)
    with postgres(folder) as uri:
        if uri is None:
            print("| PostgreSQL is not installed: not measured | | | | | | |")
            return
        _told(uri, "CREATE ROLE mlflow LOGIN")
        for number in range(repeats):
            rate = bare.measure(_database(uri, f"bare{number}"))
            superuser.measure(_database(uri, f"superuser{number}"), rate)
            name = _database(uri, f"owner{number}", "mlflow")
            owner.measure(name.replace("//postgres@", "//mlflow@"), rate)
        for row in (bare, superuser, owner):
            row.print()


def _database(uri: str, name: str, owner: str = "postgres") -> str:
    _told(uri, f"CREATE DATABASE {name} OWNER {owner}")
    return f"{uri.rpartition('/')[0]}/{name}"


def _told(uri: str, statement: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(uri, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


if __name__ == "__main__":
    write(*sys.argv[1:4])
