"""Run small training jobs, one per way to train, and a stream, whose logs docs/screenshots.py shows in MLflow.

    python docs/training_jobs.py FOLDER [KIND ...]

Writes FOLDER/<kind>/<log>, and FOLDER/mlflow.db with the runs of the job's own study. Each kind is an application of
its own, with two cores, and takes one to four minutes. `connect-search` needs pyspark[connect], `spark-trials`
hyperopt, `study` optuna.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def connect_search(spark: Any) -> None:
    """A CrossValidator over a Pipeline, by Spark Connect."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import StandardScaler
    from pyspark.ml.tuning import CrossValidator, ParamGridBuilder

    scaler, model = StandardScaler(inputCol="raw", outputCol="features"), LogisticRegression(maxIter=5)
    grid = ParamGridBuilder().addGrid(scaler.withMean, [False, True]).addGrid(model.regParam, [0.01, 0.5]).build()
    CrossValidator(
        estimator=Pipeline(stages=[scaler, model]),
        estimatorParamMaps=grid,
        evaluator=BinaryClassificationEvaluator(),
        numFolds=2,
        seed=1,
    ).fit(_visits(spark))


def pipeline(spark: Any) -> None:
    """Two Pipelines, each fitted and evaluated."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import StandardScaler

    visits = _visits(spark).cache()
    for model in (LogisticRegression(maxIter=3), RandomForestClassifier(numTrees=5)):
        fitted = Pipeline(stages=[StandardScaler(inputCol="raw", outputCol="features"), model]).fit(visits)
        BinaryClassificationEvaluator().evaluate(fitted.transform(visits))


def loop(spark: Any) -> None:
    """A loop over a param that fits and evaluates, and a refit of the best."""
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator

    visits = _visits(spark).withColumnRenamed("raw", "features").cache()
    found = {}
    for value in (0.0, 0.1, 1.0):
        model = LogisticRegression(maxIter=3, regParam=value).fit(visits)
        found[value] = BinaryClassificationEvaluator().evaluate(model.transform(visits))
    LogisticRegression(maxIter=3, regParam=max(found, key=lambda value: found[value])).fit(visits)


def models(spark: Any) -> None:
    """A model per group, with annotate.models."""
    from afterglow import annotate

    recorded = annotate.models()

    def train(group: Any) -> Any:
        import numpy as np

        began = time.perf_counter()
        store = int(group["store"].iloc[0])
        degree = 1 + store % 3
        fitted = np.polyfit(group["price"], group["sold"], degree)
        rmse = float(np.sqrt(np.mean((np.polyval(fitted, group["price"]) - group["sold"]) ** 2)))
        recorded.log(store, {"degree": degree}, {"rmse": rmse}, rows=len(group), seconds=time.perf_counter() - began)
        return group[["store"]].head(1)

    sales = spark.range(40_000).selectExpr("cast(pow(id / 40000.0, 2) * 24 as int) store", "1 + rand(1) * 9 price")
    sold = sales.selectExpr("store", "price", "100 - price * price + randn(2) * (1 + store) sold")
    sold.groupBy("store").applyInPandas(train, "store int").count()


def spark_trials(spark: Any) -> None:
    """Hyperopt's fmin with SparkTrials."""
    from hyperopt import SparkTrials, fmin, hp, tpe

    def loss(x: float) -> float:
        time.sleep(0.5 + abs(x) / 20)
        return (x - 2) ** 2

    fmin(loss, hp.uniform("x", -10, 10), tpe.suggest, 6, trials=SparkTrials(2, spark_session=spark))


def study(spark: Any) -> None:
    """MLflow's MlflowSparkStudy with as many tasks as trials."""
    import mlflow
    from mlflow.optuna.storage import MlflowStorage
    from mlflow.pyspark.optuna.study import MlflowSparkStudy

    def loss(trial: Any) -> float:
        x: float = trial.suggest_float("x", -10, 10)
        time.sleep(0.5 + abs(x) / 20)
        return (x - 2) ** 2

    experiment = mlflow.create_experiment("studies")
    MlflowSparkStudy("shop prices", MlflowStorage(experiment_id=experiment)).optimize(loss, n_trials=4, n_jobs=4)


def stream(spark: Any) -> None:
    """A structured streaming query of 500 micro-batches."""
    rows = spark.readStream.format("rate").option("rowsPerSecond", 20_000).load()
    counts = rows.selectExpr("value % 50 as page", "timestamp").withWatermark("timestamp", "1 minute")
    writer = counts.groupBy("page").count().writeStream.outputMode("update").format("noop").queryName("clicks per page")
    query = writer.trigger(processingTime="400 milliseconds").start()
    while not query.lastProgress or query.lastProgress["batchId"] < 500:
        time.sleep(0.5)
    query.stop()


KINDS: Mapping[str, Callable[[Any], None]] = {
    "connect-search": connect_search,
    "spark-trials": spark_trials,
    "study": study,
    "pipeline": pipeline,
    "loop": loop,
    "models": models,
    "stream": stream,
}


def _visits(spark: Any) -> Any:
    from pyspark.ml.feature import VectorAssembler

    table = spark.range(2000).selectExpr("rand(1) pages", "rand(2) minutes", "rand(3) noise")
    labelled = table.selectExpr("pages", "minutes", "cast(pages + 0.4 * minutes + 0.4 * noise > 0.9 as double) label")
    return VectorAssembler(inputCols=["pages", "minutes"], outputCol="raw").transform(labelled)


def _run(folder: Path, kind: str) -> None:
    from pyspark.sql import SparkSession

    (folder / kind).mkdir(parents=True, exist_ok=True)
    builder = SparkSession.builder
    builder = builder.remote("local[2]") if kind == "connect-search" else builder.master("local[2]")
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (folder / kind).resolve().as_uri(),
        "spark.eventLog.rolling.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "localhost",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.appName(kind.replace("-", " ")).getOrCreate()
    KINDS[kind](spark)
    spark.stop()


if __name__ == "__main__":
    target, kinds = Path(sys.argv[1]), sys.argv[2:]
    if os.environ.get("AFTERGLOW_JOB") == "1":
        _run(target, kinds[0])
        raise SystemExit
    own = {"MLFLOW_TRACKING_URI": f"sqlite:///{target.resolve()}/mlflow.db", "PYSPARK_PYTHON": sys.executable}
    for one in kinds or KINDS:
        command = [sys.executable, __file__, sys.argv[1], one]
        subprocess.run(command, env={**os.environ, **own, "AFTERGLOW_JOB": "1"}, check=True)
