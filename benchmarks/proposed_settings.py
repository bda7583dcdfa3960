"""Proposed settings: five jobs with a fault in their settings, run again with the proposed `--conf` and nothing else.

python -m benchmarks proposed_settings

The cluster has two cores, as the machine that the figures in docs/measurements are from. `few_partitions` needs four by
default, so that threshold is lowered.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyspark

from afterglow.ingest import units
from afterglow.ingest.find_logs import find_log
from afterglow.ingest.options import ReadOptions
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.findings.threshold_overrides import thresholds

_SETTINGS = {
    "spark.master": "local-cluster[2,1,1024]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executor.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "12",
    "spark.sql.adaptive.enabled": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
}
_HASH = "hex(sha2(concat(cast(id as string), repeat('x', 200)), 512))"
_LONG_HASH = _HASH.replace("200", "4000")
_THRESHOLDS = thresholds({"few_partitions.cores": 2}.items())
MORE_MEMORY = "local-cluster[2,1,2048]"
"""A cluster whose machines have room for a larger executor, for a proposal of more memory."""


def low_memory(spark: Any) -> None:
    """Sorts on executors that leave 5 % of their memory for it."""
    rows = spark.range(0, 6_000_000, 1, 4).selectExpr("hash(id) as key", "repeat(cast(id as string), 12) as text")
    rows.repartition(12, "key").sortWithinPartitions("key").write.format("noop").mode("overwrite").save()


def young_generation(spark: Any) -> None:
    """Makes arrays of many objects with 2 MB for young ones, so that most objects are copied before they die."""
    rows = spark.range(0, 4_000, 1, 12).selectExpr("split(repeat(concat(id, ','), 60000), ',') as words")
    rows.selectExpr("sum(size(words))").collect()


def one_partition(spark: Any) -> None:
    """Aggregates in one task after the shuffle."""
    rows = spark.range(0, 2_500_000, 1, 4).selectExpr("id", "id % 900000 as key")
    grouped = rows.groupBy("key").agg({"id": "max"}).selectExpr("`max(id)` as id")
    grouped.selectExpr(f"{_LONG_HASH} as hash").write.format("noop").mode("overwrite").save()


def many_partitions(spark: Any) -> None:
    """Aggregates in 4,000 tasks after the shuffle."""
    rows = spark.range(0, 400_000, 1, 2).selectExpr("id", "id % 100000 as key")
    rows.groupBy("key").agg({"id": "max"}).write.format("noop").mode("overwrite").save()


def no_broadcast(spark: Any) -> None:
    """Joins with a small table, and sorts both sides for it."""
    large = spark.range(0, 4_000_000, 1, 4).selectExpr("id % 5000 as key", f"{_HASH} as hash")
    small = spark.range(0, 5_000, 1, 2).selectExpr("id as key", "id * 2 as value")
    large.join(small, "key").write.format("noop").mode("overwrite").save()


# job, its fault, the finding
FAULTS: dict[str, tuple[Callable[[Any], None], dict[str, str], str]] = {
    "low_memory": (low_memory, {"spark.memory.fraction": "0.03"}, "spill"),
    "young_generation": (young_generation, {"spark.executor.extraJavaOptions": "-XX:+UseSerialGC -Xmn2m"}, "gc"),
    "one_partition": (one_partition, {"spark.sql.shuffle.partitions": "1"}, "few_partitions"),
    "many_partitions": (many_partitions, {"spark.sql.shuffle.partitions": "4000"}, "tiny_tasks"),
    "no_broadcast": (no_broadcast, {"spark.sql.autoBroadcastJoinThreshold": "-1"}, "broadcast_missed"),
}


def run_job(name: str, logs: str, given: str) -> None:
    """Runs one job with these settings."""
    from pyspark.sql import SparkSession

    job, fault, _ = FAULTS[name]
    settings = {**_SETTINGS, **fault, **json.loads(given), "spark.eventLog.dir": f"file://{logs}"}
    if settings["spark.executor.memory"] != "1g":
        settings["spark.master"] = MORE_MEMORY
    builder = SparkSession.builder.appName(name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.range(0, 1000, 1, 8).selectExpr("sum(id)").collect()
    job(spark)
    spark.stop()


def main(only: str | None = None, repeats: int = 1) -> None:
    """Runs every job twice and prints the table."""
    print("| fault | finding | it cost | settings that were added | finding with them | duration |")
    print("|---|---|---|---|---|---|")
    gone = []
    with tempfile.TemporaryDirectory(prefix="afterglow-settings-") as folder:
        for name, (_, _, code) in FAULTS.items():
            if only not in (None, name):
                continue
            before = _run(name, f"{folder}/{name}-faulty", {})
            found = _finding(before, code)
            proposed = dict(text.split("=", 1) for text in found["settings"]) if found else {}
            after = _run(name, f"{folder}/{name}-proposed", proposed) if proposed else before
            left = _finding(after, code)
            gone += [name] if found and left is None else []
            took = [units.seconds(tables.application["duration_ms"] / 1e3) for tables in (before, after)]
            cost = units.seconds(found["cost_ms"] / 1e3) if found else "not found"
            added = "<br>".join(f"`{key}={value}`" for key, value in proposed.items())
            rest = "gone" if left is None else f"still there, {units.seconds(left['cost_ms'] / 1e3)}"
            print(f"| {name} | {code} | {cost} | {added} | {rest} | {took[0]}, then {took[1]} |", flush=True)
    print(f"\n{len(gone)} of {len(FAULTS)} faults are gone with the proposed settings alone.")


def _finding(tables: Any, code: str) -> dict[str, Any] | None:
    rows = [row for row in tables["findings"].to_pylist() if row["code"] == code and row["covered_by"] is None]
    return max(rows, key=lambda row: row["cost_ms"], default=None)


def _run(name: str, logs: str, proposed: dict[str, str]) -> Any:
    Path(logs).mkdir()
    environment = {**os.environ, "SPARK_HOME": pyspark.__path__[0], "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-m", "benchmarks.proposed_settings", name, logs, json.dumps(proposed)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    if ran.returncode:
        raise RuntimeError(f"{name} failed:\n{ran.stderr[-2000:]}")
    return read_log(find_log(logs), ReadOptions(thresholds=_THRESHOLDS))


if __name__ == "__main__":
    run_job(*sys.argv[1:])
