"""A training job that knows nothing of Afterglow: `train.py HOW PRINTED [EVENT_LOG_DIR]`.

HOW is exits (with code 3, after a Spark job that failed), killed (its driver, by SIGKILL) or waits (for a signal). The
file PRINTED gets what is printed, to compare. With a folder, the code itself says where the log goes.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

how, printed, *folder = sys.argv[1:]
builder = SparkSession.builder.appName(f"train {how}").config("spark.sql.shuffle.partitions", "1")
if folder:
    builder = builder.config("spark.eventLog.enabled", "true").config("spark.eventLog.dir", Path(folder[0]).as_uri())
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")


def say(text: str, stream: Any = None) -> None:
    with open(printed, "a") as file:
        file.write(text + "\n")
    print(text, file=stream or sys.stdout, flush=True)


data = spark.range(0, 200, 1, 1).select(
    F.rand(1).alias("a"), F.rand(2).alias("b"), (F.rand(3) > 0.4).cast("double").alias("label")
)
rows = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(data).cache()
regression = LogisticRegression(maxIter=2)
cross = CrossValidator(
    estimator=regression,
    estimatorParamMaps=ParamGridBuilder().addGrid(regression.regParam, [0.0, 0.5]).build(),
    evaluator=BinaryClassificationEvaluator(),
    numFolds=2,
    parallelism=2,
    seed=7,
)
if how == "killed":
    say(str(spark.range(0, 100, 1, 2).count()))
    time.sleep(2)  # what is printed goes through the JVM
    os.kill(os.getppid(), signal.SIGKILL)  # spark-submit's JVM, whose child this is
    sys.exit(5)
model = cross.fit(rows)
say(json.dumps({"app": spark.sparkContext.applicationId, "uid": cross.uid, "avg": model.avgMetrics}))
say("a line of the job's errors", sys.stderr)
if how == "waits":
    time.sleep(120)
try:
    spark.sparkContext.parallelize([1], 1).map(lambda one: one / 0).count()
except Exception as error:
    say(type(error).__name__)
sys.exit(3)
