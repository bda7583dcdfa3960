"""Backfills of many small logs: the first, the next with nothing new, one with a hundredth grown, one killed ten times,
and what listing them on an S3 server costs in requests.

`AFTERGLOW_BENCH_LOGS` is how many logs (10,000). Each application has one job of two tasks, five runs.
`AFTERGLOW_BENCH_BEFORE` is the Python of an environment with another version, which is measured beside this one.
"""

import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from . import make_log
from .publishing import postgres, server
from .reading import CACHE

BEFORE = os.environ.get("AFTERGLOW_BENCH_BEFORE")
LOGS = int(os.environ.get("AFTERGLOW_BENCH_LOGS", "10000"))
KILLS = 10
_S3_LOGS = 1_000


def main(only: str | None, repeats: int) -> None:
    """Prints the table; `only` is one of export, first, postgres, rest, killed, s3."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        place = Path(folder)
        print(f"\n## Backfill of {LOGS:,} small logs, SQLite\n\n| what | logs | s | logs/s | CPU s |", flush=True)
        print("|---|--:|--:|--:|--:|", flush=True)
        if only in (None, "export"):
            few = make(place / "export", LOGS // 10)
            for title, python in versions():
                out = [program(python), "export", str(few), "--out", str(place / f"out {title}")]
                row(f"export, 2 workers{title}", LOGS // 10, timed([*out, "--workers", "2", "--quiet"], place))
        if only in (None, "postgres"):
            few = make(place / "for-postgres", LOGS // 10)
            for title, python in versions():
                with tempfile.TemporaryDirectory(prefix="afterglow-publish-") as data, postgres(data) as uri:
                    seconds = backfill(place / f"postgres {title}", few, "--workers", "2", python=python, store=uri)
                    row(f"first, PostgreSQL{title}", LOGS // 10, seconds)
        if only in (None, "rest"):
            over_rest(place)
        if only in (None, "first"):
            few = make(place / "few", LOGS // 10)
            row("first, 1 worker", LOGS // 10, backfill(place / "one", few, "--workers", "1"))
        if only in (None, "first", "killed"):
            logs = make(place / "logs", LOGS)
        if only in (None, "first"):
            for title, python in versions():
                name = "two" + title.replace(" ", "-")
                row(f"first, 2 workers{title}", LOGS, backfill(place / name, logs, "--workers", "2", python=python))
            again(place / "two", logs, "")
        if only in (None, "killed"):
            killed(place / "killed", logs)
            if only == "killed":
                again(place / "killed", logs, " (after the kills)")
        if only in (None, "s3"):
            on_s3(place)


def over_rest(place: Path) -> None:
    """Through a tracking server of 1, 2 and 4 workers, and the requests per log that its own log has."""
    count = LOGS // 100
    few, asked = make(place / "for-rest", count), {}
    for workers in (1, 2, 4):
        for title, python in versions():
            name, access = f"rest {workers}{title}", place / f"access {workers}{title}.log"
            with server(str(place), name, workers, access) as uri:
                took = backfill(place / f"over {name}", few, "--workers", "2", python=python, store=uri)
            row(f"first, tracking server with --workers {workers}{title}", count, took)
            lines = re.findall(r'"([A-Z]+) /(?:api/2.0/)?([^ ?"]*)[^"]* HTTP/', access.read_text())
            found = Counter("PUT of a file" if verb == "PUT" else f"{verb} {path}" for verb, path in lines)
            asked[title or ", now"] = found
    print(f"\n| request | {' | '.join(f'per log{title}' for title in asked)} |", flush=True)
    print(f"|---|{'--:|' * len(asked)}", flush=True)
    for request in sorted(set().union(*asked.values())):
        print(f"| {request} | {' | '.join(f'{one[request] / count:.1f}' for one in asked.values())} |", flush=True)
    print(f"| together | {' | '.join(f'{one.total() / count:.1f}' for one in asked.values())} |\n", flush=True)


def make(folder: Path, count: int) -> Path:
    """So many logs, in a folder per hundred."""
    text = "".join(event if isinstance(event, str) else make_log.line(event) for event in make_log.task_events(2))
    for number in range(count):
        name = f"app-benchmark-{number:06}"
        place = folder / f"{number // 100:04}"
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text.replace("app-benchmark-tasks", name))
    return folder


def versions() -> list[tuple[str, str]]:
    """What the titles of the versions to measure end with, and their Pythons."""
    return [(", before", BEFORE), ("", sys.executable)] if BEFORE else [("", sys.executable)]


def program(python: str) -> str:
    """The command of the environment with this Python."""
    return str(Path(python).with_name("afterglow"))


def command(place: Path, logs: str, *more: str, python: str = sys.executable, store: str | None = None) -> list[str]:
    """The backfill's words."""
    place.mkdir(parents=True, exist_ok=True)
    uri = store or f"sqlite:///{place}/m.db"
    words = [program(python), "backfill", logs, "--tracking-uri", uri]
    words += ["--ledger", str(place / "ledger.db")]
    if python == sys.executable:  # an older version may not have this option
        words += ["--summary", str(place / "report.json")]
    return [*words, "--experiment", "years", "--quiet", *more]


def backfill(
    place: Path, logs: Path, *more: str, python: str = sys.executable, store: str | None = None
) -> tuple[float, float]:
    """Seconds of one that is left alone, and CPU seconds of its processes."""
    return timed(command(place, str(logs), *more, python=python, store=store), place.parent)


def timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command, which must succeed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        words, check=False, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, errors="replace"
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(title: str, count: int, took: tuple[float, float]) -> None:
    """A line of the table."""
    print(f"| {title} | {count:,} | {took[0]:,.1f} | {count / took[0]:,.1f} | {took[1]:,.1f} |", flush=True)


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
    before = os.times()
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(place, str(logs)), start_new_session=True, stderr=subprocess.DEVNULL, cwd=place.parent
        )
        time.sleep(rng.uniform(5, 5 + LOGS / 150))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    backfill(place, logs)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    row(f"first, killed {KILLS} times and finished", LOGS, (time.perf_counter() - began, used))
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
