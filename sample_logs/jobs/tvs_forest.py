"""A train/validation split over a random forest: 2 param maps, each fitted once."""

import random
from pathlib import Path

from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.tuning import ParamGridBuilder, TrainValidationSplit
from pyspark.sql import SparkSession
from tuning_truth import fit_with_truth

DATA = Path("/tmp/afterglow-samples/data/houses.libsvm")


def houses(path: Path) -> None:
    """Write 120 houses, sold (1) or not (0), with two features, in the libsvm format."""
    draw = random.Random(7)
    lines = [f"{int(a + b > 1)} 1:{a:.3f} 2:{b:.3f}" for a, b in ((draw.random(), draw.random()) for _ in range(120))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Search, then leave the truth of every job in truth.json."""
    spark = SparkSession.builder.appName("forest-search").getOrCreate()
    forest = RandomForestClassifier(numTrees=2, seed=1)
    tuner = TrainValidationSplit(
        estimator=forest,
        estimatorParamMaps=ParamGridBuilder().addGrid(forest.maxDepth, [1, 2]).build(),
        evaluator=MulticlassClassificationEvaluator(metricName="accuracy"),
        trainRatio=0.75,
        seed=42,
    )
    houses(DATA)
    data = spark.read.format("libsvm").load(str(DATA), numFeatures=2)
    fit_with_truth(tuner, data, Path("truth.json"))
    spark.stop()


if __name__ == "__main__":
    main()
