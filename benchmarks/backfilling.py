"""Backfills of many small logs: the first, the next with nothing new, one with a hundredth grown, one killed ten times,
and what listing them on an S3 server costs in requests.

`AFTERGLOW_BENCH_LOGS` is how many logs (10,000). Each application has one job of two tasks, five runs.
"""

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import make_log
from .reading import CACHE

LOGS = int(os.environ.get("AFTERGLOW_BENCH_LOGS", "10000"))
KILLS = 10
_S3_LOGS = 1_000


def main(only: str | None, repeats: int) -> None:
    """Prints the table; `only` is one of first, killed, s3."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        place = Path(folder)
        print(f"\n## Backfill of {LOGS:,} small logs, SQLite\n\n| what | logs | s | logs/s |", flush=True)
        print("|---|--:|--:|--:|", flush=True)
        if only in (None, "first"):
            few = make(place / "few", LOGS // 10)
            row("first, 1 worker", LOGS // 10, backfill(place / "one", few, "--workers", "1"))
        if only in (None, "first", "killed"):
            logs = make(place / "logs", LOGS)
        if only in (None, "first"):
            row("first, 2 workers", LOGS, backfill(place / "two", logs, "--workers", "2"))
            again(place / "two", logs, "")
        if only in (None, "killed"):
            killed(place / "killed", logs)
            if only == "killed":
                again(place / "killed", logs, " (after the kills)")
        if only in (None, "s3"):
            on_s3(place)


def make(folder: Path, count: int) -> Path:
    """So many logs, in a folder per hundred."""
    text = "".join(event if isinstance(event, str) else make_log.line(event) for event in make_log.task_events(2))
    for number in range(count):
        name = f"app-benchmark-{number:06}"
        place = folder / f"{number // 100:04}"
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text.replace("app-benchmark-tasks", name))
    return folder


def command(place: Path, logs: str, *more: str) -> list[str]:
    """The backfill's words."""
    place.mkdir(parents=True, exist_ok=True)
    store = ["--tracking-uri", f"sqlite:///{place}/m.db", "--ledger", str(place / "ledger.db")]
    words = [sys.executable, "-m", "afterglow.ingest.cli", "backfill", logs, *store]
    return [*words, "--experiment", "years", "--quiet", "--summary", str(place / "report.json"), *more]


def backfill(place: Path, logs: Path, *more: str) -> float:
    """Seconds of one that is left alone."""
    began = time.perf_counter()
    subprocess.run(command(place, str(logs), *more), check=True, cwd=place.parent, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def row(title: str, count: int, seconds: float) -> None:
    """A line of the table."""
    print(f"| {title} | {count:,} | {seconds:,.1f} | {count / seconds:,.1f} |", flush=True)


def again(place: Path, logs: Path, note: str) -> None:
    """With nothing new, and with a hundredth grown."""
    row(f"second, nothing new{note}", LOGS, backfill(place, logs))
    grown = sorted(path for path in logs.rglob("*") if path.is_file())[:: LOGS // max(LOGS // 100, 1)]
    for path in grown:
        lines = path.read_text().splitlines(keepends=True)
        with open(path, "a") as file:  # a listener that woke up late: a line more, nothing else
            file.write(lines[-1].replace("SparkListenerApplicationEnd", "SparkListenerNoSuchEvent"))
    row(f"{len(grown):,} grown{note}", LOGS, backfill(place, logs))
    done = json.loads((place / "report.json").read_text())["summary"]["imported"]
    print(f"\nof them imported anew: {done:,}; {whole(place)}\n", flush=True)


def killed(place: Path, logs: Path) -> None:
    """Killed at random moments, with all its processes, and finished."""
    began, rng = time.perf_counter(), random.Random(7)
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(place, str(logs)), start_new_session=True, stderr=subprocess.DEVNULL, cwd=place.parent
        )
        time.sleep(rng.uniform(5, 5 + LOGS / 150))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    backfill(place, logs)
    row(f"first, killed {KILLS} times and finished", LOGS, time.perf_counter() - began)
    print(f"\n{whole(place)}\n", flush=True)


def whole(place: Path) -> str:
    """What the store holds, counted past MLflow."""
    with sqlite3.connect(place / "m.db") as database:
        (roots,) = database.execute(
            "SELECT count(*) FROM tags t JOIN runs r USING (run_uuid) "
            "WHERE r.lifecycle_stage = 'active' AND t.key = 'afterglow.import_fingerprint' AND t.value <> ''"
        ).fetchone()
        keys, distinct = database.execute(
            "SELECT count(*), count(DISTINCT t.value) FROM tags t JOIN runs r USING (run_uuid) "
            "WHERE r.lifecycle_stage = 'active' AND t.key = 'afterglow.key'"
        ).fetchone()
    return f"complete applications {roots:,}, runs {keys:,}, duplicates {keys - distinct:,}, missing {LOGS - roots:,}"


def on_s3(place: Path) -> None:
    """Requests that a server of S3's protocol counts: listing, first and second time."""
    import boto3

    logs, port = make(place / "for-s3", _S3_LOGS), 5999
    access = place / "access.log"
    with open(access, "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)
        for attempt in range(100):
            try:
                client.create_bucket(Bucket="logs")
                break
            except Exception:
                time.sleep(0.3)
                assert attempt < 99, "the S3 server did not start"
        for path in logs.rglob("app-*"):
            client.upload_file(str(path), "logs", f"spark/{path.relative_to(logs)}")
        uri = f"s3://k:s@logs/spark?scheme=http&endpoint_override=127.0.0.1:{port}&region=us-east-1"
        print("\n| on S3 | logs | s | requests per 1,000 logs |\n|---|--:|--:|---|", flush=True)
        # a dry run lists and decides; nothing of the ledger's decisions is kept but what is not wanted
        for title, more in (("listing and deciding (--dry-run)", ["--dry-run"]), ("first", []), ("nothing new", [])):
            before = access.stat().st_size
            began = time.perf_counter()
            subprocess.run(command(place / "s3", uri, *more), check=True, stdout=subprocess.DEVNULL, cwd=place)
            seconds = time.perf_counter() - began
            with open(access) as log:
                log.seek(before)
                text = log.read()
            asked = re.findall(r'"(?:\x1b\[\d+m)*(GET|HEAD) (\S+) HTTP', text)  # answers other than 200 are in colour
            lists = sum("list-type" in path for _, path in asked)
            heads = sum(method == "HEAD" for method, _ in asked)
            told = f"{lists} lists, {heads} HEAD, {len(asked) - lists - heads} GET"
            print(f"| {title} | {_S3_LOGS:,} | {seconds:,.1f} | {told} |", flush=True)
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(place / "s3", ignore_errors=True)
