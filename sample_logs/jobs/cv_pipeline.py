"""A cross-validated search over a pipeline: 3 folds x 2 param maps, one after the other."""

import random
from pathlib import Path
from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession
from tuning_truth import fit_with_truth

DATA = Path("/tmp/afterglow-samples/data/visits.csv")


def visits(path: Path) -> None:
    """Write 300 website visits as CSV; those with more pages convert more often."""
    draw = random.Random(7)
    pages = [draw.randrange(20) for _ in range(300)]
    lines = [f"{int(draw.random() * 20 < count)},{count},{draw.randrange(60)}" for count in pages]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["label,pages,minutes", *lines]) + "\n")


def main() -> None:
    """Search, then leave the truth of every job in truth.json."""
    spark = SparkSession.builder.appName("churn-search").getOrCreate()
    regression = LogisticRegression(regParam=0.01)
    stages: list[Any] = [VectorAssembler(inputCols=["pages", "minutes"], outputCol="features"), regression]
    tuner = CrossValidator(
        estimator=Pipeline(stages=stages),
        estimatorParamMaps=ParamGridBuilder().addGrid(regression.maxIter, [1, 3]).build(),
        evaluator=BinaryClassificationEvaluator(numBins=0),
        numFolds=3,
        seed=42,
    )
    visits(DATA)
    data = spark.read.csv(str(DATA), header=True, schema="label double, pages double, minutes double")
    print(data.first())  # a job outside of the search
    fit_with_truth(tuner, data, Path("truth.json"))
    spark.stop()


if __name__ == "__main__":
    main()
