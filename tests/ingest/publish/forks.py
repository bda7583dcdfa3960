"""Imports in processes of their own that start at once: a warm parent forks them, having opened no store itself."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mlflow import MlflowClient

from afterglow.ingest import import_logs

# What a child would import first of all; a fork has it.
for _name in (
    "mlflow.store.tracking.sqlalchemy_store",
    "afterglow.ingest.derive",
    "afterglow.ingest.publish.sql.writer",
):
    import_module(_name)
WRITERS = ("rest", "sql")


@dataclass(frozen=True)
class Target:
    """Where a writer writes: `uri`, and the database below it."""

    name: str
    writer: str
    uri: str
    tables: str


def fork(work: Callable[[], object], log: Path) -> int:
    """Starts `work` in a child process; its exit code is 0 if it returned. Its output goes to `log`."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(out, 1)
        os.dup2(out, 2)
        work()
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def ended(pid: int, at_most_s: float = 120) -> int:
    """Waits for a child: its exit code, negative where a signal ended it. One that hangs is killed."""
    deadline = time.monotonic() + at_most_s
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -signal.SIGALRM


def run(work: Callable[[], object], log: Path, at_most_s: float = 300) -> int:
    """Does `work` in a child process and waits for it: its exit code."""
    return ended(fork(work, log), at_most_s)


def make_experiments(target: Target, names: list[str], folder: Path) -> Callable[[], None]:
    """Work that makes the store, if it has to, and experiments."""

    def work() -> None:
        client = MlflowClient(target.uri)
        for name in names:
            where = None if target.uri.startswith("http") else f"file://{folder}/artifacts/{name}"
            client.create_experiment(name, artifact_location=where)

    return work


def importing(log: Path, target: Target, experiment: str, begin: int | None = None) -> Callable[[], None]:
    """Work that imports a log, once something can be read from `begin`, where given."""

    def work() -> None:
        if begin is not None:
            os.read(begin, 1)
        import_logs([str(log)], target.uri, experiment, writer=target.writer)

    return work
