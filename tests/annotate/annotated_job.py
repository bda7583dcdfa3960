"""A training job with one line of annotation: both kinds of search, parallel trials, a plain fit, task metrics.

    python annotated_job.py LOG_DIR TRUTH.json [--mlflow URI]

Writes the params and metrics of every search, with every digit, to TRUTH.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from afterglow import annotate

log_dir, truth_path = sys.argv[1:3]
spark = (
    SparkSession.builder.master("local[2]")
    .appName("annotated")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.eventLog.enabled", "true")
    .config("spark.eventLog.dir", f"file://{log_dir}")
    .config("spark.eventLog.rolling.enabled", "false")
    .config("spark.eventLog.compress", "false")
    .getOrCreate()
)
annotate.autolog()
truth: dict[str, Any] = {"app_id": spark.sparkContext.applicationId}
if "--mlflow" in sys.argv:
    import mlflow
    import mlflow.pyspark.ml

    mlflow.set_tracking_uri(sys.argv[sys.argv.index("--mlflow") + 1])
    mlflow.set_experiment("training")
    mlflow.pyspark.ml.autolog(log_models=False)
    truth["mlflow_run_id"] = mlflow.start_run(run_name="training").info.run_id

data = spark.range(400).select(
    F.rand(1).alias("a"), F.rand(2).alias("b"), (F.rand(3) > 0.4).cast("double").alias("label")
)
rows = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(data).cache()
regression = LogisticRegression(maxIter=3)
grid = ParamGridBuilder().addGrid(regression.regParam, [0.0, 0.1, 0.5]).build()
evaluator = BinaryClassificationEvaluator()
cross = CrossValidator(
    estimator=regression, estimatorParamMaps=grid, evaluator=evaluator, numFolds=3, parallelism=3, seed=7
)
model = cross.fit(rows)
std = getattr(model, "stdMetrics", None)  # since Spark 3.3
truth["cv"] = {"uid": cross.uid, "avg": model.avgMetrics, "std": std, "reg": [0.0, 0.1, 0.5]}
if "--mlflow" not in sys.argv:
    split = TrainValidationSplit(estimator=regression, estimatorParamMaps=grid[:2], evaluator=evaluator, seed=3)
    truth["tvs"] = {"uid": split.uid, "metrics": split.fit(rows).validationMetrics}
    with annotate.run("features"):
        annotate.log_params({"kept": "a, b"})
        annotate.log_metric("share", 0.25)
        annotate.log_metric("share", 0.5)
        annotate.set_tags({"owner": "ml"})
        metrics = annotate.task_metrics()

        def count(part: Any) -> Any:
            for row in part:
                metrics.log("positive", row.label)
                yield row.label

        truth["positive"] = sum(rows.rdd.mapPartitions(count).collect())
    plain = regression.fit(rows)
    truth["loss"] = list(plain.summary.objectiveHistory)
Path(truth_path).write_text(json.dumps(truth))
spark.stop()
