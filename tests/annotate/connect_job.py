"""Annotated training over Spark Connect: searches, a loop, a Pipeline with its evaluation, values that the job logs.

    python connect_job.py LOG_DIR TRUTH.json

The server runs in this process (`remote("local[2]")`) and writes the event log. TRUTH.json has the client's own params
and metrics with every digit, and what annotate must leave as it was.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.ml.tuning import CrossValidator, TrainValidationSplit
from pyspark.sql import SparkSession

from afterglow import annotate

log_dir, truth_path = sys.argv[1:3]
spark: Any = (
    SparkSession.builder.remote("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.eventLog.enabled", "true")
    .config("spark.eventLog.dir", f"file://{log_dir}")
    .config("spark.eventLog.rolling.enabled", "false")
    .config("spark.eventLog.compress", "false")
    .getOrCreate()
)
annotate.autolog()
spark.addTag("mine")
data = spark.range(0, 99, 1, 1).selectExpr("rand(1) a", "rand(2) b", "rand(1) + rand(3) label")
rows = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(data)
regression = LinearRegression(solver="normal")
evaluator = RegressionEvaluator()
truth: dict[str, Any] = {"searches": {}, "session": spark.session_id}


def search(kind: Any, reg: list[float], metrics: str, **options: Any) -> None:
    """Fit a search, and note the params and metrics that its model has."""
    tuning = kind(
        estimator=regression,
        evaluator=evaluator,
        estimatorParamMaps=[{regression.regParam: value} for value in reg],
        seed=7,
        **options,
    )
    model = tuning.fit(rows)
    truth["searches"][tuning.uid] = {
        "kind": kind.__name__,
        "params": [{"LinearRegression.regParam": value} for value in reg],
        "metrics": getattr(model, metrics),
        "best": min(range(len(reg)), key=getattr(model, metrics).__getitem__),
        "tags": sorted(spark.getTags()),
    }


search(CrossValidator, [0.5, 0.0, 5.0], "avgMetrics", numFolds=2, parallelism=3)
search(CrossValidator, [0.1, 2.0], "avgMetrics", numFolds=2, parallelism=1)
search(TrainValidationSplit, [0.2, 0.0], "validationMetrics", parallelism=2)
loop = []
for reg in (0.5, 3.0):
    with annotate.trial({"regParam": reg, "note": "a, b; 100 %"}) as trial:
        model = LinearRegression(solver="normal", regParam=reg).fit(rows)
        loop.append(evaluator.evaluate(model.transform(rows)))
        trial.log_metric("rmse", loop[-1])
try:
    with annotate.trial({"regParam": 9.0, "note": "x"}):
        raise KeyError("broken")
except KeyError:
    truth["loop"] = loop
assembler = VectorAssembler(inputCols=["a", "b"], outputCol="features")
pipeline = Pipeline(stages=[assembler, LinearRegression(solver="normal")])
fitted = pipeline.fit(data)
truth["pipeline"] = {"uid": pipeline.uid, "metric": evaluator.evaluate(fitted.transform(data))}
with annotate.run("features"):
    annotate.log_params({"kept": "a, b", "api_key": "hunter2"})
    annotate.log_metric("share", 1 / 3)
    spark.range(3).collect()
annotate.log_metric("rows", 200)
truth["tags"] = sorted(spark.getTags())
Path(truth_path).write_text(json.dumps(truth))
spark.stop()
