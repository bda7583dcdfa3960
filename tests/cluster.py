"""A real Spark standalone cluster on loopback: a master and workers as processes, from the pyspark package's own jars.

`with standalone(workers=2) as cluster:` or the session's fixture `cluster` (tests/conftest.py). Needs Java.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_START_S = 60


@dataclass(frozen=True, slots=True)
class Cluster:
    """`master` is its URL, `folder` its own (a log per daemon, `worker-N/` with the executors' output; it goes when the
    cluster stops), `environment` what a driver needs."""

    master: str
    folder: Path
    environment: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill_worker(self) -> None:
        """SIGKILL to one worker and its executors, as if its machine were gone. It stays gone: see `add_worker`."""
        _end(self.workers.pop(), signal.SIGKILL)

    def add_worker(self, cores: int = 1, memory: str = "1g") -> None:
        """One worker more; there when this returns."""
        self._add(1, cores, memory)

    def _add(self, number: int, cores: int, memory: str) -> None:
        names = [f"worker-{time.monotonic_ns()}" for _ in range(number)]
        for name in names:
            place = ["--cores", str(cores), "--memory", memory, "--work-dir", str(self.folder / name)]
            self.workers.append(_daemon(self.folder, name, "worker.Worker", self.environment, *place, self.master))
        for name, worker in zip(names, self.workers[-number:], strict=True):
            _said(self.folder / f"{name}.log", worker, r"(Successfully registered) with master")


@contextmanager
def standalone(workers: int = 2, cores: int = 1, memory: str = "1g") -> Iterator[Cluster]:
    """A master and so many workers of so many cores; everything is stopped at the end, executors too."""
    import pyspark

    home = str(Path(pyspark.__file__).parent)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    environment = {
        **clean,
        "SPARK_HOME": home,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    with tempfile.TemporaryDirectory(prefix="afterglow-cluster-", ignore_cleanup_errors=True) as folder:
        master = _daemon(Path(folder), "master", "master.Master", environment, "--port", "0")
        cluster = None
        try:
            url = _said(Path(folder) / "master.log", master, r"Starting Spark master at (spark://\S+)")
            cluster = Cluster(url, Path(folder), environment)
            cluster._add(workers, cores, memory)
            yield cluster
        finally:
            for process in [*(cluster.workers if cluster is not None else []), master]:
                _end(process, signal.SIGTERM)


def _daemon(
    folder: Path, name: str, kind: str, environment: dict[str, str], *arguments: str
) -> subprocess.Popen[bytes]:
    command = [f"{environment['SPARK_HOME']}/bin/spark-class", f"org.apache.spark.deploy.{kind}"]
    with open(folder / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--webui-port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,  # executors are children of their worker: one group, ended together
        )


def _said(log: Path, process: subprocess.Popen[bytes], pattern: str) -> str:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        found = re.search(pattern, log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    _end(process, signal.SIGKILL)
    raise RuntimeError(f"Spark did not say {pattern!r} within {_START_S} s:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    for number in (how, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=15)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
