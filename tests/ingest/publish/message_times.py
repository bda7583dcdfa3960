"""Measures how long `afterglow import` takes to report a tracking store or a bucket that cannot be used.

    python -m tests.ingest.publish.message_times

Each case starts the command anew, on real servers of this machine. It prints the seconds until the first line, the
seconds until the command ended, its exit code and its last line. They count from when MLflow and Afterglow are
imported. The exit code is 1 if a case that cannot succeed has no line within 10 seconds.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import sample_log

from .fake_server import address, answering, hanging, untrusted_tls
from .stores import free_port, new_sqlite

LOG = str(sample_log("spark35-wordcount"))
_LOCKED_S = 60
_PROGRAM = """
import sys
import mlflow, pyarrow.fs, sqlalchemy
import afterglow.ingest.publish
from afterglow.ingest.cli import main
sys.modules.update(dict.fromkeys({without!r}))
print("ready", flush=True)
main()
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A place to import into. `without` are modules that the command does not find; `bucket` is a log to read."""

    name: str
    uri: Callable[[], AbstractContextManager[str]]
    without: Sequence[str] = field(default=())
    bucket: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the command said, and when."""

    first_line_s: float
    ended_s: float
    exit_code: int
    last_line: str


def _fixed(uri: str) -> Callable[[], AbstractContextManager[str]]:
    return lambda: contextlib.nullcontext(uri.format(port=free_port()))


def _answers(status: int, body: str = "") -> Callable[[], AbstractContextManager[str]]:
    @contextlib.contextmanager
    def serve() -> Iterator[str]:
        with answering(status, body) if body else answering(status) as server:
            yield address(server)

    return serve


@contextlib.contextmanager
def _hanging_bucket() -> Iterator[str]:
    with hanging() as uri:
        yield f"s3://bucket/log?endpoint_override={uri}&region=us-east-1"


@contextlib.contextmanager
def _locked() -> Iterator[str]:
    """A SQLite store on which another connection holds a lock for a minute."""
    with tempfile.TemporaryDirectory() as folder:
        uri = new_sqlite(Path(folder) / "mlflow.db")
        database = sqlite3.connect(Path(folder) / "mlflow.db", check_same_thread=False)
        database.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(_LOCKED_S, database.rollback)
        release.start()
        yield uri
        release.join()
        database.close()


CASES = (
    Case("nothing listens", _fixed("http://127.0.0.1:{port}")),
    Case("the server accepts and does not answer", hanging),
    *(Case(f"HTTP {status}", _answers(status)) for status in (401, 403, 404, 413, 429, 500)),
    Case("HTML with status 200", _answers(200)),
    Case("TLS with a certificate that is not trusted", untrusted_tls),
    Case("PostgreSQL is down", _fixed("postgresql+psycopg2://u:p@127.0.0.1:{port}/mlflow")),
    Case("MySQL is down", _fixed("mysql+pymysql://u:p@127.0.0.1:{port}/mlflow")),
    Case("PostgreSQL without psycopg2", _fixed("postgresql://u:p@127.0.0.1/mlflow"), ("psycopg2",)),
    Case("MySQL without a driver", _fixed("mysql://u:p@127.0.0.1/mlflow"), ("MySQLdb",)),
    Case(f"SQLite is locked for {_LOCKED_S} s", _locked),
    Case("S3: nothing listens", _fixed("s3://bucket/log?endpoint_override=http://127.0.0.1:{port}&region=r"), (), True),
    Case("S3: the server accepts and does not answer", _hanging_bucket, (), True),
)


def measure(case: Case) -> Answer:
    """Imports a log into the place of this case, or from it."""
    program = _PROGRAM.format(without=list(case.without))
    with tempfile.TemporaryDirectory() as folder, case.uri() as uri:
        log, store = (uri, "sqlite:///new.db") if case.bucket else (LOG, uri)
        command = [sys.executable, "-c", program, "import", log, "--tracking-uri", store, "--report", "none"]
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "1"}
        with subprocess.Popen(
            command, cwd=folder, env=os.environ | keys, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            while process.stdout.readline().strip() != "ready":
                assert process.poll() is None, "the command cannot be imported"
            began = time.monotonic()
            lines: list[tuple[float, str]] = [(time.monotonic() - began, line.strip()) for line in process.stdout]
        ended = time.monotonic() - began
        first = lines[0][0] if lines else ended
        return Answer(first, ended, process.returncode, lines[-1][1] if lines else "")


def main() -> int:
    """Prints a table; 1 if a line came late."""
    print("| store or bucket | first line, s | end, s | exit code | last line |\n|---|--:|--:|--:|---|")
    late = 0
    for case in CASES:
        one = measure(case)
        late += one.exit_code != 0 and one.first_line_s > 10
        print(
            f"| {case.name} | {one.first_line_s:.1f} | {one.ended_s:.1f} | {one.exit_code} | {one.last_line} |",
            flush=True,
        )
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main())
