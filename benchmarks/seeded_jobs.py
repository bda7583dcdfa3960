"""Spark jobs that each have one known fault, and their healthy twins: the same work without it.

python -m benchmarks.seeded_jobs NAME faulty|healthy LOG_DIR
Prints one line of JSON: what an observer of the job has to find.
"""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pyspark import TaskContext
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import PCA, VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import DataFrame, SparkSession

GROUP = "seeded"
_QUIET = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "12",
    "spark.sql.adaptive.enabled": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
}
_BURN = "hex(sha2(concat(cast(id as string), repeat('x', 200)), 512))"


def skewed_key(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """Nine of ten rows have one key."""
    warm_up(spark)
    key = "case when id % 10 < 9 then 0 else id % 9973 end" if faulty else "id % 9973"
    rows = spark.range(0, 6_000_000, 1, 8).selectExpr(f"{key} as key", "id").repartition(12, "key")
    rows.selectExpr("key", f"{_BURN} as hash").groupBy("key").agg({"hash": "max"}).collect()
    return {"stage": "most tasks"}


def slow_worker(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """One executor's process gets a third of the time."""
    wait_for_executors(spark, 2)
    warm_up(spark)
    executor, pid = sorted(executors().items())[0]
    stop = threading.Event()
    if faulty:
        threading.Thread(target=slowed, args=(pid, stop), daemon=True).start()
    for _ in range(3):
        spark.range(0, 2_400_000, 1, 16).selectExpr(f"{_BURN} as hash").agg({"hash": "max"}).collect()
    stop.set()
    return {"executor_id": executor}


def low_memory(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """Sorting on executors that leave little memory for it (see `CONF`)."""
    warm_up(spark)
    rows = spark.range(0, 8_000_000, 1, 4).selectExpr("hash(id) as key", "repeat(cast(id as string), 12) as text")
    # by the key: a repartition without one sorts first, and that would spill too
    rows.repartition(4, "key").sortWithinPartitions("key").write.format("noop").mode("overwrite").save()
    return {"stage": "last"}


def gc_storm(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """Making many objects on executors with hardly any room for young ones (see `CONF`)."""
    warm_up(spark)
    rows = spark.range(0, 3_000_000, 1, 12).selectExpr("split(repeat(concat(id, ','), 24), ',') as words")
    rows.selectExpr("sum(size(array_distinct(words)))").collect()
    return {"stage": "most tasks"}


def tiny_tasks(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """5,000 tasks for what 8 can do."""
    warm_up(spark)
    spark.range(0, 1_500_000, 1, 5_000 if faulty else 8).selectExpr(f"max({_BURN})").collect()
    return {"stage": "most tasks"}


def failing_tasks(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """A third of the tasks fail when their work is nearly done, and succeed when it is done again."""

    def burn(partition: int, rows: Iterable[int]) -> Iterator[int]:
        worked(1.0)
        context = TaskContext.get()
        if faulty and partition % 3 == 0 and context is not None and context.attemptNumber() == 0:
            raise RuntimeError("seeded: the connection was reset")
        yield sum(rows)

    spark.sparkContext.parallelize(range(1_200), 18).mapPartitionsWithIndex(burn).collect()
    return {"stage": "most tasks"}


def lost_executor(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """An executor is killed while a second stage reads what it has shuffled."""
    wait_for_executors(spark, 2)
    executor, pid = sorted(executors().items())[0]

    def slowly(rows: Iterable[Any]) -> Iterator[int]:
        worked(0.8)
        yield sum(1 for _ in rows)

    def kill() -> None:
        tracker = spark.sparkContext.statusTracker()
        while True:
            time.sleep(0.2)
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            if any(stage and stage.numTasks == 14 and stage.numCompletedTasks >= 4 for stage in stages):
                os.kill(pid, signal.SIGKILL)
                return

    if faulty:
        threading.Thread(target=kill, daemon=True).start()
    pairs = spark.sparkContext.parallelize(range(60_000), 10).map(lambda row: (row % 600, str(row) * 20))
    pairs.mapPartitions(held).groupByKey(14).mapPartitions(slowly).collect()
    return {"executor_id": executor}


def held(rows: Iterable[Any]) -> Iterator[Any]:
    """The rows, after some work."""
    worked(0.4)
    yield from rows


def uncached_search(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """A search over features that take long to compute, not cached."""
    data = features(spark, 16_000, 100)
    if not faulty:
        data = data.cache()
        data.count()
    return {"tuning_uid": searched(data, LogisticRegression(maxIter=4))}


def features_inside(spark: SparkSession, faulty: bool) -> dict[str, Any]:
    """A pipeline inside a search: its PCA is fitted for every trial of a fold."""
    data = features(spark, 30_000, 1, 120).cache()
    data.count()
    pca = PCA(k=6, inputCol="features", outputCol="reduced")
    model = LogisticRegression(maxIter=4, featuresCol="reduced")
    if faulty:
        return {"tuning_uid": searched(data, Pipeline(stages=[pca, model]), model)}
    reduced = pca.fit(data).transform(data).cache()
    reduced.count()
    return {"tuning_uid": searched(reduced, model)}


def features(spark: SparkSession, rows: int, effort: int, width: int = 8) -> DataFrame:
    """Labelled vectors, each of their columns the sum of so many sines."""
    column = "aggregate(sequence(1, {effort}), 0D, (sum, step) -> sum + sin(step * (id % 1009) * {number}))"
    columns = [f"{column.format(effort=effort, number=number)} as x{number}" for number in range(1, width + 1)]
    raw = spark.range(0, rows, 1, 4).selectExpr("cast(hash(id) % 2 = 0 as double) as label", *columns)
    names = [f"x{number}" for number in range(1, width + 1)]
    return VectorAssembler(inputCols=names, outputCol="features").transform(raw).select("label", "features")


def searched(data: DataFrame, estimator: Any, last: Any = None) -> str:
    """Runs a search of 4 trials on 2 folds, two at a time; its uid."""
    grid = ParamGridBuilder().addGrid((last or estimator).regParam, [0.01, 0.03, 0.1, 0.3]).build()
    search = CrossValidator(
        estimator=estimator,
        estimatorParamMaps=grid,
        evaluator=BinaryClassificationEvaluator(),
        numFolds=2,
        seed=7,
        parallelism=2,
    )
    search.fit(data)
    return search.uid


def worked(seconds: float) -> None:
    """Computes for so many seconds of CPU time."""
    until, text = time.process_time() + seconds, b"x" * 10_000
    while time.process_time() < until:
        text = hashlib.sha512(text).digest() * 100


def warm_up(spark: SparkSession) -> None:
    """Loads the classes and compiles what the job needs, so that its own tasks are alike."""
    wait_for_executors(spark, 2)
    spark.range(0, 200_000, 1, 8).selectExpr(f"max({_BURN})").collect()


def wait_for_executors(spark: SparkSession, number: int) -> None:
    """Returns when so many executors have registered with the driver, which counts as one more."""
    while spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < number + 1:
        time.sleep(0.1)


def executors() -> dict[str, int]:
    """Executor id -> its process, of those that this driver's JVM has started."""
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "--executor-id" in words and "java" in words[0] and f"-Dseeded.driver={os.getpid()}" in words:
            found[words[words.index("--executor-id") + 1]] = int(entry.name)
    return found


def slowed(pid: int, stop: threading.Event) -> None:
    """Gives a process a third of the time, until told to stop."""
    while not stop.is_set():
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)


JOBS: dict[str, Callable[[SparkSession, bool], dict[str, Any]]] = {
    job.__name__: job
    for job in (
        skewed_key,
        slow_worker,
        low_memory,
        gc_storm,
        tiny_tasks,
        failing_tasks,
        lost_executor,
        uncached_search,
        features_inside,
    )
}
# Of those whose fault is a setting: the setting, on top of what the healthy twin has.
CONF = {
    "low_memory": {"spark.memory.fraction": "0.05"},
    "gc_storm": {"spark.executor.extraJavaOptions": "-XX:+UseSerialGC -Xmn2m"},
}


def main() -> None:
    """Runs one job."""
    name, state, logs = sys.argv[1:]
    conf = {**_QUIET, "spark.eventLog.dir": f"file://{logs}", **(CONF.get(name, {}) if state == "faulty" else {})}
    options = conf.get("spark.executor.extraJavaOptions", "")
    conf["spark.executor.extraJavaOptions"] = f"{options} -Dseeded.driver={os.getpid()}".strip()
    builder = SparkSession.builder.appName(f"{name}-{state}")
    for key, value in conf.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    truth = JOBS[name](spark, state == "faulty")
    spark.stop()
    print(json.dumps(truth))


if __name__ == "__main__":
    main()
