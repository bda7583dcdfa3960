"""Three recurring Spark jobs, ten runs each, with six seeded regressions and two runs on twice the data.

python -m benchmarks.recurring_jobs LOG_DIR

Every run is an application with its own log. The runs of a job share a JVM, whose first applications are not kept.
LOG_DIR/truth.json says what was seeded in which application.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import DataFrame, SparkSession

_RUNS, _WARM_UP = 10, 3
_ROWS = 1_200_000
_SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.enabled": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
}
_HASH = "sha2(concat(cast(id as string), repeat('x', 300)), 512)"


@dataclass(frozen=True)
class Run:
    """What is special about a run: the seeded regression, twice the data, settings of Spark."""

    seeded: str = ""
    copies: int = 1
    settings: tuple[tuple[str, str], ...] = ()


def report(spark: SparkSession, data: DataFrame, run: Run) -> None:
    """Aggregates hashes of all rows."""
    if run.seeded == "one partition":
        data = data.coalesce(1)
    hashes = [_HASH.replace("300", str(300 + number)) for number in range(8 if run.seeded == "twice the hashes" else 4)]
    text = f"sha2(concat({', '.join(hashes)}), 256)"
    data.selectExpr("key", f"{text} as hash").groupBy("key").agg({"hash": "max"}).write.format("noop").mode(
        "overwrite"
    ).save()


def sessions(spark: SparkSession, data: DataFrame, run: Run) -> None:
    """Sorts all rows by key after a shuffle."""
    wide = data.union(data).selectExpr("key", "id", "repeat(cast(id as string), 24) as text")
    parts = 1500 if run.seeded == "many small tasks" else 8
    wide.repartition(parts, "key").sortWithinPartitions("key", "id").write.format("noop").mode("overwrite").save()


def train(spark: SparkSession, data: DataFrame, run: Run) -> None:
    """Fits a logistic regression on features that take some time to compute."""
    rows = data.where("id % 4 = 0").selectExpr(
        "cast(key % 2 as double) as label", *[f"(hash({_HASH}, {n}) % 1000) / 1000.0 as f{n}" for n in range(4)]
    )
    features = VectorAssembler(inputCols=[f"f{n}" for n in range(4)], outputCol="features").transform(rows)
    if run.seeded != "not cached":
        features = features.cache()
        features.count()
    for _ in range(2):
        LogisticRegression(maxIter=2, maxBlockSizeInMB=0.1).fit(features)
        features.selectExpr("sum(label)").collect()
    if run.seeded == "pause in the driver":
        time.sleep(4)


JOBS: dict[str, tuple[Callable[[SparkSession, DataFrame, Run], None], dict[int, Run]]] = {
    "report": (report, {5: Run("twice the hashes"), 6: Run(copies=2), 9: Run("one partition")}),
    "sessions": (
        sessions,
        {
            4: Run("many small tasks"),
            7: Run("little memory", settings=(("spark.memory.fraction", "0.03"),)),
            9: Run(copies=2),
        },
    ),
    "train": (train, {5: Run("not cached"), 8: Run("pause in the driver")}),
}


def main(folder: str) -> None:
    """Runs every job in its own process, since a driver's memory is that of its JVM."""
    import subprocess

    Path(folder).mkdir(parents=True, exist_ok=True)
    truth: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="afterglow-recurring-") as data:
        for name in JOBS:
            command = [sys.executable, "-m", "benchmarks.recurring_jobs", folder, name, data]
            ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
            if ran.returncode:
                raise RuntimeError(f"{name} failed:\n{ran.stderr[-3000:]}")
            truth |= json.loads(ran.stdout.strip().splitlines()[-1])
    Path(folder, "truth.json").write_text(json.dumps(truth, indent=1))


def run_job(folder: str, name: str, data: str) -> None:
    """Runs a job thirteen times and prints what was special about the applications."""
    job, special = JOBS[name]
    truth = {}
    for number in range(-_WARM_UP, _RUNS):
        run = special.get(number, Run())
        logs = f"{data}/logs-of-warm-up" if number < 0 else folder
        Path(logs).mkdir(exist_ok=True)
        builder = SparkSession.builder.appName(f"{name} 2026-11-{number + 10:02d}")
        for key, value in {**_SETTINGS, "spark.eventLog.dir": f"file://{logs}", **dict(run.settings)}.items():
            builder = builder.config(key, value)
        spark = builder.getOrCreate()
        if number < 0 and not Path(data, "rows").exists():
            spark.range(0, _ROWS, 1, 8).selectExpr("id", "id % 997 as key").write.parquet(f"{data}/rows")
        job(spark, spark.read.parquet(*[f"{data}/rows"] * run.copies), run)
        app_id = spark.sparkContext.applicationId
        spark.stop()
        if number >= 0:
            truth[app_id] = {"job": name, "seeded": run.seeded, "copies": run.copies}
    print(json.dumps(truth))


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) == 2 else run_job(*sys.argv[1:])
