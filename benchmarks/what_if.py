"""What-if: the duration that is estimated for half and twice the cores, beside the measured one, of five small jobs.

python -m benchmarks what_if

Every task waits, and computes next to nothing, so that 4 cores can be measured on a machine of 2. The base is
local[2], half of it local[1], twice as many local[4].
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyspark

from afterglow.ingest import units
from afterglow.ingest.find_logs import find_log
from afterglow.ingest.pipeline import read_view

_CORES = {"half": 1, "base": 2, "twice": 4}


def waiting(seconds: Callable[[int], float]) -> Callable[[int, Iterable[Any]], Iterator[int]]:
    """A function for mapPartitionsWithIndex whose tasks take so long."""

    def work(index: int, rows: Iterable[Any]) -> Iterator[int]:
        time.sleep(seconds(index))
        yield sum(1 for _ in rows)

    return work


def equal_tasks(context: Any) -> None:
    """40 equal tasks."""
    context.parallelize(range(40), 40).mapPartitionsWithIndex(waiting(lambda _: 0.5)).collect()


def one_long_task(context: Any) -> None:
    """30 short tasks, and one that is a fourth of them together."""
    context.parallelize(range(31), 31).mapPartitionsWithIndex(waiting(lambda i: 4.0 if i == 5 else 0.5)).collect()


def two_stages(context: Any) -> None:
    """A shuffle between 16 and 6 tasks."""
    mapped = context.parallelize(range(64), 16).mapPartitionsWithIndex(waiting(lambda i: 0.4 + 0.05 * (i % 4)))
    pairs = mapped.map(lambda row: (row, 1)).partitionBy(6)
    pairs.mapPartitionsWithIndex(waiting(lambda i: 0.7 + 0.1 * i)).collect()


def loop_in_the_driver(context: Any) -> None:
    """Six jobs of five tasks, and the driver's work after each of them."""
    for _ in range(6):
        context.parallelize(range(5), 5).mapPartitionsWithIndex(waiting(lambda _: 0.4)).collect()
        time.sleep(0.6)


def threads(context: Any) -> None:
    """Three threads with four jobs of three tasks each, as a search with parallelism 3."""

    def trial(number: int) -> None:
        for _ in range(4):
            work = waiting(lambda i: 0.3 + 0.1 * ((i + number) % 3))
            context.parallelize(range(3), 3).mapPartitionsWithIndex(work).collect()
            time.sleep(0.2)

    pool = [threading.Thread(target=trial, args=(number,)) for number in range(3)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()


JOBS = {job.__name__: job for job in (equal_tasks, one_long_task, two_stages, loop_in_the_driver, threads)}


def run_job(name: str, logs: str) -> None:
    """Runs one job on every number of cores, after a run that starts the Python workers."""
    from pyspark import SparkConf, SparkContext

    for size, cores in _CORES.items():
        settings = {
            "spark.master": f"local[{cores}]",
            "spark.app.name": f"{name} {size}",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.rolling.enabled": "false",
            "spark.eventLog.dir": f"file://{logs}",
        }
        with SparkContext(conf=SparkConf().setAll(settings.items())) as context:
            context.parallelize(range(cores), cores).count()
            JOBS[name](context)
            Path(logs, f"{name}-{size}").write_text(context.applicationId)


def main(only: str | None = None, repeats: int = 1) -> None:
    """Runs the jobs and prints the table."""
    print("| job | local[2] | half: estimated (range) | measured | off | twice: estimated (range) | measured | off |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="afterglow-what-if-") as folder:
        kept = os.environ.get("AFTERGLOW_WHAT_IF_LOGS", folder)
        Path(kept).mkdir(exist_ok=True)
        for name in JOBS:
            if only in (None, name):
                if not Path(kept, f"{name}-twice").exists():
                    environment = {**os.environ, "SPARK_HOME": pyspark.__path__[0], "PYSPARK_PYTHON": sys.executable}
                    command = [sys.executable, "-m", "benchmarks.what_if", name, kept]
                    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=600)
                print(_line(name, kept), flush=True)


def _line(name: str, logs: str) -> str:
    apps = {}
    for size in _CORES:
        app_id = Path(logs, f"{name}-{size}").read_text()
        (path,) = (str(path) for path in Path(logs).glob(f"{app_id}*"))
        apps[size] = read_view(find_log(path)).tables
    import json

    (row,) = [row for row in apps["base"]["findings"].to_pylist() if row["code"] == "what_if"]
    figures = json.loads(row["figures"])
    cells = [name, units.seconds(figures["duration_ms"] / 1e3)]
    for size in ("half", "twice"):
        estimated, measured = figures[f"{size}_ms"], apps[size].application["duration_ms"]
        low, high = (units.seconds(figures[f"{size}_{end}_ms"] / 1e3) for end in ("low", "high"))
        cells += [
            f"{units.seconds(estimated / 1e3)} ({low} to {high})",
            units.seconds(measured / 1e3),
            f"{100 * (estimated - measured) / measured:+.1f} %",
        ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    run_job(*sys.argv[1:])
