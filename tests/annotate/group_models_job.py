"""Trains a model for each of 5,000 groups on a cluster of two executors, and kills one after the training.

The training is before a shuffle. So Spark runs again the tasks whose output was on the killed executor.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession

from afterglow import annotate
from afterglow.annotate import event_queue, group_models

GROUPS = 5_000


def main(logs: str, out: str) -> None:
    options = {
        "spark.ui.enabled": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.dir": f"file://{logs}",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("group models")
    for key, value in options.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    recorded = 0
    take = group_models._take_received

    def take_and_count() -> list[dict[str, object]]:
        nonlocal recorded
        events = take()
        recorded += sum(len(event["values"]) for event in events)
        return events

    event_queue.collectors[event_queue.collectors.index(take)] = take_and_count
    models = annotate.models()
    marker = Path(out, "killed")

    def train(group: pd.DataFrame) -> pd.DataFrame:
        key = int(group["key"].iloc[0])
        models.log(key, {"key": key}, {"mean": group["value"].mean()}, len(group), (key % 100) / 1000)
        return pd.DataFrame({"key": [key]})

    def kill_executor_once(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        if not marker.exists():
            marker.touch()
            daemon = Path(f"/proc/{os.getppid()}/status").read_text()
            (parent,) = [line.split()[1] for line in daemon.splitlines() if line.startswith("PPid:")]
            os.kill(int(parent), signal.SIGKILL)
        yield from frames

    data = spark.range(GROUPS * 2).selectExpr(f"id % {GROUPS} AS key", f"(id % {GROUPS}) * 2 AS value")
    trained = data.groupBy("key").applyInPandas(train, "key long").repartition(3)
    assert len(trained.mapInPandas(kill_executor_once, "key long").collect()) == GROUPS
    assert marker.exists()
    spark.stop()
    Path(out, "truth.json").write_text(json.dumps({"recorded": recorded}))


if __name__ == "__main__":
    main(*sys.argv[1:])
