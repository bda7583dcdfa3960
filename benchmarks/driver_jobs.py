"""Spark jobs that each have one fault in the driver or the functions of their tasks, and their healthy twins.

What has to be found in each is in `real_faults`.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pyspark import TaskContext
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from .seeded_jobs import wait_for_executors, worked

Job = Callable[[SparkSession, bool, Path], None]


def rows_on_driver(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """The driver takes all rows into pandas and adds them up one by one. The twin aggregates."""
    rows = spark.range(0, 900_000, 1, 4).selectExpr("id % 1000 as key", "id as value", "repeat('ab', 40) as text")
    if faulty:
        total: dict[int, int] = {}
        for row in rows.toPandas().itertuples():
            total[row.key] = total.get(row.key, 0) + row.value + len(row.text)
    else:
        rows.groupBy("key").agg(F.sum(F.expr("value + length(text)"))).collect()


def bad_record(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A record that is no number fails its task four times, and the job."""

    def parsed(rows: Iterable[int]) -> Iterator[int]:
        for row in rows:
            worked(0.001)
            yield int("n/a" if faulty and row == 700 else str(row))

    _warm(spark)
    data = spark.sparkContext.parallelize(range(1_600), 8)
    try:
        data.mapPartitions(parsed).sum()
    except Exception as error:
        if not faulty:
            raise
        print(type(error).__name__)
        data.filter(lambda row: row != 700).mapPartitions(lambda rows: (worked(0.001) or row for row in rows)).sum()


def killed_executor(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A task's executor is killed as the kernel does when memory runs out (SIGKILL), and its work is done again."""

    def heavy(partition: int, rows: Iterable[int]) -> Iterator[int]:
        worked(0.3)
        context = TaskContext.get()
        if faulty and partition == 9 and context is not None and context.attemptNumber() == 0:
            os.kill(_java_ancestor(), signal.SIGKILL)
        yield sum(rows)

    _warm(spark)
    spark.sparkContext.parallelize(range(1_200), 12).mapPartitionsWithIndex(heavy).collect()


def _warm(spark: SparkSession) -> None:
    """Starts the Python workers, so that the tasks of the next job are alike."""
    if not spark.sparkContext.master.startswith("local["):
        wait_for_executors(spark, 2)
    spark.sparkContext.parallelize(range(8), 8).map(lambda number: worked(0.05) or number).sum()


def _java_ancestor() -> int:
    """The process of the executor that a Python worker works for."""
    process = os.getpid()
    while process > 1:
        if b"java" in Path(f"/proc/{process}/comm").read_bytes():
            return process
        process = int(Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()[1])
    raise RuntimeError("no JVM above this process")


def sleeping_task(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """One task of twelve waits for a service for 12 s."""

    def called(partition: int, rows: Iterable[int]) -> Iterator[int]:
        worked(0.1)
        if faulty and partition == 4:
            time.sleep(12)
        yield sum(rows)

    _warm(spark)
    spark.sparkContext.parallelize(range(1_200), 12).mapPartitionsWithIndex(called).collect()


def out_of_memory(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A wrong number makes a text of one row larger than its executor's heap, four times."""
    times = 1_900_000_000 if faulty else 19
    text = f"repeat(cast(id as string), if(id = 7, {times}, 3))"
    try:
        spark.range(0, 400_000, 1, 4).selectExpr(f"sum(length({text}))").collect()
    except Exception as error:
        if not faulty:
            raise
        print(type(error).__name__)


def loop_of_queries(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A query for every group. The twin has one groupBy."""
    rows = spark.range(0, 200_000, 1, 4).selectExpr("id % 60 as key", "id").persist()
    rows.count()
    if faulty:
        for key in range(60):
            rows.where(F.col("key") == key).agg(F.sum("id")).collect()
    else:
        rows.groupBy("key").agg(F.sum("id")).collect()


def idle_driver(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """The driver computes alone between two jobs for 2.5 s of CPU time. The twin does that in tasks."""
    numbers = spark.sparkContext.parallelize(range(400), 8)
    numbers.map(lambda number: number + 1).sum()
    if faulty:
        worked(2.5)
    else:
        numbers.map(lambda number: worked(0.006) or number).sum()
    numbers.map(lambda number: number * 2).sum()


def retried_task(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A connection is reset at the end of three tasks, each of which runs again."""

    def sent(partition: int, rows: Iterable[int]) -> Iterator[int]:
        worked(0.2)
        context = TaskContext.get()
        if faulty and partition % 4 == 1 and context is not None and context.attemptNumber() == 0:
            raise ConnectionResetError(f"connection {os.getpid()} was reset by peer")
        yield sum(rows)

    _warm(spark)
    spark.sparkContext.parallelize(range(1_200), 12).mapPartitionsWithIndex(sent).collect()


JOBS: dict[str, Job] = {
    job.__name__: job
    for job in (
        rows_on_driver,
        bad_record,
        killed_executor,
        sleeping_task,
        out_of_memory,
        loop_of_queries,
        idle_driver,
        retried_task,
    )
}
MASTERS = {
    "bad_record": "local[4, 4]",  # up to four attempts of a task
    "retried_task": "local[4, 4]",
    "killed_executor": "local-cluster[2,1,1024]",
    "out_of_memory": "local-cluster[2,1,1024]",
}
"""Of the jobs whose tasks fail, which ends the application in `local[4]`."""
