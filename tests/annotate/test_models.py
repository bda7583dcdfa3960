"""Models that tasks train: each counts once, also where attempts fail or a killed executor has them run again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from afterglow import annotate
from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log

pytestmark = [pytest.mark.spark, pytest.mark.slow]

JOB = Path(__file__).parent / "group_models_job.py"


def test_the_models_of_failed_attempts_do_not_count(spark: Any, log: Any) -> None:
    models = annotate.models()

    def train(keys: Any) -> Any:
        from pyspark import TaskContext

        task: Any = TaskContext.get()
        for key in keys:
            models.log((key, "eu"), {"depth": key}, {"rmse": key / 7}, rows=key + 1, seconds=0.5)
            yield key
        if task.partitionId() == 1 and task.attemptNumber() == 0:
            raise ValueError("first attempt")

    assert spark.sparkContext.parallelize(range(6), 3).mapPartitions(train).count() == 6
    annotate.disable()
    rows = [row for event in log.read().events_of("models") for row in event["values"]]
    assert sorted(row[3:] for row in rows) == [
        [f"{key}, eu", {"depth": key}, {"rmse": key / 7}, key + 1, 0.5] for key in range(6)
    ]


def test_outside_a_task_nothing_is_recorded(spark: Any, log: Any) -> None:
    annotate.models().log("key", {"depth": 1})
    annotate.disable()
    assert log.read().events == []


def test_5_000_models_are_each_in_the_table_once_after_an_executor_was_killed(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    subprocess.run([sys.executable, str(JOB), str(logs), str(tmp_path)], check=True, cwd=tmp_path, capture_output=True)
    truth = json.loads((tmp_path / "truth.json").read_text())
    tables = read_log(*find_logs([str(next(logs.iterdir()))]))
    assert any(row["remove_reason"] for row in tables.executors.to_pylist())
    models = tables["models"].to_pylist()
    assert truth["recorded"] > 5_000  # the lost map outputs were made again, so the job recorded some models twice
    assert {row["group_key"] for row in models} == {str(key) for key in range(5_000)} and len(models) == 5_000
    assert all(json.loads(row["metrics_json"])["mean"] == int(row["group_key"]) * 2 for row in models)
    (fit,) = tables.fits.to_pylist()
    assert (fit["name"], fit["framework"], fit["source"]) == ("5000 models", "models", "annotated")
    runs = derive(ApplicationView(tables)).runs
    (whole,) = [run for run in runs if run.key.endswith(f"/fit/{fit['fit_uid']}")]
    below = [run for run in runs if run.parent == whole.key and run.level == "fit"]
    assert whole.metrics["models/total"] == 5_000 and whole.tags["afterglow.models_without_run"] == "4000"
    assert (
        len(below) == 1_000
        and max(run.metrics["time/duration_s"] for run in below) == whole.metrics["models/seconds_max"]
    )
