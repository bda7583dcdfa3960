"""Backfills on a standalone Spark cluster of this machine with 1, 2 and 4 executors of one core.

python -m benchmarks cluster

`AFTERGLOW_CLUSTER_LOGS` is how many logs (64) of 17 MB. CPU seconds are those of the executors with their Python
processes and of the driver. They tell what a cluster would have to pay, also where it has more executors than this
machine has cores.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from tests.cluster import standalone

from . import make_log
from .process_stats import TICKS, process_tree, sampling
from .publishing import postgres
from .reading import CACHE

LOGS = int(os.environ.get("AFTERGLOW_CLUSTER_LOGS", "64"))
TASKS = 3_000
EXECUTORS = (1, 2, 4)


@dataclass
class Used:
    """CPU seconds of process trees, with the processes that have ended."""

    by_process: dict[int, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of all of them."""
        return sum(self.by_process.values())


def main(only: str | None = None, repeats: int = 1) -> None:
    """Prints the tables; `only` is one of executors, logs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="cluster-") as folder:
        place = Path(folder)
        logs = make(place / "plain", LOGS)
        size = sum(file.stat().st_size for file in logs.iterdir()) / 1e6
        print(f"\n## {LOGS} logs of {TASKS:,} tasks, {size:,.0f} MB, {os.cpu_count()} cores\n")
        print("| executors | logs | what | s | MB/s | executors' CPU s | driver's CPU s | CPU s per log |")
        print("|--:|--:|---|--:|--:|--:|--:|--:|", flush=True)
        if only in (None, "executors"):
            for number in EXECUTORS:
                row(place, number, logs, "read, plain", size, *into_dataset(place, f"plain-{number}"))
                if number == EXECUTORS[0]:
                    packed = pack(logs, place / "zstd")
                    row(place, number, packed, "read, zstd", size, *into_dataset(place, "zstd"))
                with tempfile.TemporaryDirectory(prefix="afterglow-publish-") as data, postgres(data) as uri:
                    assert uri, "PostgreSQL is not installed"
                    words = ["--tracking-uri", uri, "--writer", "sql", "--task-runs", "none", "--report", "none"]
                    row(place, number, logs, "read and publish", size, *words)
        if only in (None, "logs"):
            for share in (4, 2):
                few = make(place / f"few-{share}", LOGS // share)
                row(place, 2, few, "read, plain", size / share, *into_dataset(place, f"few-{share}"))


def into_dataset(place: Path, name: str) -> list[str]:
    """The words of a backfill that only reads and writes Parquet."""
    return ["--dataset", str(place / f"dataset-{name}"), "--no-runs"]


def make(folder: Path, count: int) -> Path:
    """So many logs."""
    folder.mkdir()
    text = "".join(event if isinstance(event, str) else make_log.line(event) for event in make_log.task_events(TASKS))
    for number in range(count):
        name = f"app-benchmark-{number:06}"
        (folder / name).write_text(text.replace("app-benchmark-tasks", name))
    return folder


def pack(logs: Path, folder: Path) -> Path:
    """The same logs, compressed as Spark 4 does."""
    folder.mkdir()
    for path in logs.iterdir():
        (folder / f"{path.name}.zstd").write_bytes(zstandard.ZstdCompressor(1).compress(path.read_bytes()))
    return folder


def row(place: Path, executors: int, logs: Path, what: str, size: float, *words: str) -> None:
    """One backfill on a cluster of its own, and its line of the table."""
    program = [str(Path(sys.executable).parent / "afterglow"), "backfill", str(logs), "--engine", "spark", "--quiet"]
    ledger = place / f"{time.monotonic_ns()}.db"
    with standalone(workers=executors, cores=1, memory="2g") as cluster:
        command = [*program, *words, "--master", cluster.master, "--ledger", str(ledger)]
        workers, driver = Used(), Used()
        began = time.monotonic()
        with (
            open(place / "stderr", "w+") as stderr,
            subprocess.Popen(command, env=cluster.environment, cwd=place, stderr=stderr) as process,
        ):
            pids = [worker.pid for worker in cluster.workers]
            with counting(workers, pids), counting(driver, [process.pid]):
                process.wait()
        seconds = time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{(place / 'stderr').read_text()}")
    count = sum(1 for _ in logs.iterdir())
    each = (workers.seconds + driver.seconds) / count
    print(
        f"| {executors} | {count} | {what} | {seconds:.1f} | {size / seconds:,.0f} | {workers.seconds:.1f} | "
        f"{driver.seconds:.1f} | {each:.2f} |",
        flush=True,
    )


@contextmanager
def counting(used: Used, roots: list[int]) -> Iterator[None]:
    """Counts the CPU seconds that process trees use in the block, ten times a second."""
    before = {pid: seconds for root in roots for pid, seconds in _seconds(root)}

    def sample() -> None:
        for root in roots:
            for pid, seconds in _seconds(root):
                used.by_process[pid] = seconds - before.get(pid, 0.0)

    with sampling(0.1, sample):
        yield


def _seconds(root: int) -> Iterator[tuple[int, float]]:
    for pid in process_tree(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        yield pid, (int(fields[11]) + int(fields[12])) / TICKS
