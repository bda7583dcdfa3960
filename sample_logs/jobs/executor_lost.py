"""An executor dies in the middle of a stage: its finished tasks are resubmitted, and its shuffle files are gone."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pyspark import SparkContext
from pyspark.sql import SparkSession

MARK = Path("/tmp/afterglow-samples/work/killed")


def executor_pid() -> int:
    """The JVM of the executor: the parent of the Python daemon that is the parent of this worker."""
    status = Path(f"/proc/{os.getppid()}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1])


def wait_for_executors(context: SparkContext, number: int) -> None:
    """Return when that many executors have registered with the driver."""
    while context._jsc.sc().getExecutorMemoryStatus().size() < number + 1:  # the driver counts as one
        time.sleep(0.1)


def deadly(partition: int, rows: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Pass rows on; partition 4 kills the executor it runs in, the first time."""
    time.sleep(0.3)
    if partition == 4 and not MARK.exists():
        MARK.touch()
        os.kill(executor_pid(), signal.SIGKILL)
        time.sleep(10)
    for key, value in rows:
        yield key % 3, value


def main() -> None:
    """Two shuffles in a row; the executor dies while the second one is written."""
    spark = SparkSession.builder.appName("executor-lost").getOrCreate()
    context: SparkContext = spark.sparkContext
    wait_for_executors(context, 2)
    context.setJobDescription("Loses an executor half-way")
    pairs = context.parallelize(range(6_000), 6).map(lambda row: (row % 60, row))
    pairs.groupByKey(6).mapValues(sum).mapPartitionsWithIndex(deadly).groupByKey(3).mapValues(sum).collect()
    wait_for_executors(context, 2)  # the worker has started another one
    context.setJobDescription("After the loss")
    context.parallelize(range(60), 4).map(lambda row: (row % 4, row)).groupByKey(2).count()
    spark.stop()


if __name__ == "__main__":
    main()
