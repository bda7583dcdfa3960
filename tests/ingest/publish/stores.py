"""Real MLflow stores that tests write to: databases and a server, each on loopback and gone afterwards."""

import atexit
import contextlib
import functools
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

# Debian keeps PostgreSQL's programs out of PATH.
_POSTGRES_BIN = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "")
_PATH = os.pathsep.join(filter(None, (os.environ.get("PATH", ""), _POSTGRES_BIN, "/usr/sbin")))
_START_S = 300  # a machine that is busy with other tests takes its time


def program(name: str) -> str | None:
    """Where a database's program is; None where it is not installed."""
    return shutil.which(name, path=_PATH)


def has_postgres() -> bool:
    """Whether a PostgreSQL server can be started here."""
    return bool(program("initdb") and program("postgres"))


def has_mariadb() -> bool:
    """Whether a MariaDB server can be started here."""
    return bool(program("mariadbd") and program("mariadb-install-db"))


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def new_sqlite(path: Path) -> str:
    """The URI of a SQLite store at this path; where there is none yet, one with MLflow's tables and no runs is copied
    there: to make them anew takes seconds."""
    if not path.exists():
        shutil.copyfile(_empty_sqlite(), path)
    return f"sqlite:///{path}"


@functools.cache
def _empty_sqlite() -> Path:
    folder = tempfile.mkdtemp(prefix="afterglow-store-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # by another process: tests that fork must not have opened a store
    made = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1]).search_experiments()"
    plain = {name: value for name, value in os.environ.items() if name != "MLFLOW_ENABLE_WORKSPACES"}
    subprocess.run([sys.executable, "-c", made, f"sqlite:///{folder}/empty.db"], check=True, cwd=folder, env=plain)
    return Path(folder) / "empty.db"


@contextlib.contextmanager
def sqlite() -> Iterator[str]:
    """The URI of an empty SQLite store."""
    with _folder(None) as folder:
        yield new_sqlite(Path(folder) / "mlflow.db")


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URI of an empty PostgreSQL database."""
    import psycopg2

    user, port = _unprivileged("postgres"), free_port()
    with _folder(user) as folder:
        data = f"{folder}/data"
        subprocess.run(
            [_found("initdb"), "-D", data, "-A", "trust", "-U", "afterglow", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        command = [_found("postgres"), "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
        with _running(command, user, folder, signal.SIGINT) as process:
            uri = f"127.0.0.1:{port}/postgres"
            _wait(lambda: psycopg2.connect(f"postgresql://afterglow@{uri}").close(), process)
            yield f"postgresql+psycopg2://afterglow@{uri}"


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """The URI of an empty MariaDB database. Its collation is MariaDB's own: upper and lower case are one."""
    import pymysql

    user, port = _unprivileged("mysql"), free_port()
    with _folder(user) as folder:
        data = f"{folder}/data"
        # its own folder for temporary files: TMPDIR may be one in which this user cannot write
        install = [_found("mariadb-install-db"), "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"]
        subprocess.run(
            [*install, "--skip-test-db", "--auth-root-authentication-method=normal"],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        command = [_found("mariadbd"), "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}", f"--port={port}"]
        command += ["--bind-address=127.0.0.1", f"--socket={folder}/s", "--innodb-flush-log-at-trx-commit=0"]
        with _running(command, user, folder, signal.SIGTERM) as process:

            def make() -> None:
                with contextlib.closing(pymysql.connect(host="127.0.0.1", port=port, user="root")) as connection:
                    connection.cursor().execute("CREATE DATABASE IF NOT EXISTS mlflow CHARACTER SET utf8mb4")

            _wait(make, process)
            yield f"mysql+pymysql://root@127.0.0.1:{port}/mlflow"


DATABASES: dict[str, Callable[[], contextlib.AbstractContextManager[str]]] = {
    "sqlite": sqlite,
    "postgres": postgres,
    "mariadb": mariadb,
}


@contextlib.contextmanager
def server(store: str, port: int | None = None) -> Iterator[str]:
    """The address of a real `mlflow server` in front of a database."""
    port = port or free_port()
    with _folder(None) as folder:
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", store, "--artifacts-destination", f"{folder}/artifacts"]
        with _running(command, None, folder, signal.SIGTERM) as process:
            address = f"http://127.0.0.1:{port}"
            _wait(lambda: urllib.request.urlopen(f"{address}/health", timeout=2).close(), process)
            yield address


def _found(name: str) -> str:
    there = program(name)
    assert there is not None, f"{name} is not installed"
    return there


def _unprivileged(name: str) -> str | None:
    """Databases refuse to run as root: the user they are to run as, None where this is no root."""
    if os.getuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(name).pw_name
    return "nobody"


@contextlib.contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    folder = tempfile.mkdtemp(prefix="afterglow-")  # not pytest's, which nobody else may enter
    if user is not None:
        shutil.chown(folder, user)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(command: list[str], user: str | None, folder: Path, end: signal.Signals) -> Iterator[subprocess.Popen]:
    # Without its job executors (five more processes) MLflow's server starts in a fraction of the time.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        user=user,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            if command[1] == "-m":
                os.killpg(process.pid, end)
            else:
                process.send_signal(end)
        process.wait(60)


def _wait(reach: Callable[[], object], process: subprocess.Popen) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            reach()
            return
        except Exception:
            assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{process.args[0]} did not start"
            time.sleep(0.2)
