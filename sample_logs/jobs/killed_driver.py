"""A driver that is killed while tasks run: its log has no end, and is still named .inprogress."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark import SparkContext
from pyspark.sql import SparkSession


def slowly(rows: Iterable[int]) -> Iterator[int]:
    """Hold a task slot for much longer than the driver lives."""
    time.sleep(60)
    yield from rows


def endless(context: SparkContext) -> None:
    """Run a job that the death of the driver ends."""
    context.setJobDescription("Never finished")
    with contextlib.suppress(Py4JError, OSError):  # the JVM goes, which is the point
        context.parallelize(range(4), 2).mapPartitions(slowly).count()


def main() -> None:
    """Finish one job, begin another, finish a third (Spark then flushes the log), and die."""
    spark = SparkSession.builder.appName("killed-driver").getOrCreate()
    context = spark.sparkContext
    context.parallelize(range(100), 4).map(lambda row: (row % 3, row)).groupByKey(2).count()
    thread = threading.Thread(target=endless, args=(context,), daemon=True)
    thread.start()
    while not context.statusTracker().getActiveJobsIds():
        time.sleep(0.1)
    time.sleep(1)  # until its first tasks have started
    context.parallelize(range(100), 4).sortBy(lambda row: -row).count()
    assert context._gateway is not None
    os.kill(context._gateway.proc.pid, signal.SIGKILL)
    os._exit(0)  # nothing to stop: any call to the JVM would only complain


if __name__ == "__main__":
    main()
