"""An annotated cross-validation of a random forest: 2 folds x 4 param maps, two trials at a time, one of them large."""

import random
from pathlib import Path

from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession

from afterglow import annotate

DATA = Path("/tmp/afterglow-samples/data/houses.libsvm")


def houses(path: Path, rows: int = 4_000) -> None:
    """Write houses, sold (1) or not (0), with eight features and some noise, in the libsvm format."""
    draw = random.Random(7)
    lines = []
    for _ in range(rows):
        features = [draw.random() for _ in range(8)]
        score = features[0] * features[1] + features[2] ** 2 - features[3] * features[4] + draw.gauss(0, 0.15)
        lines.append(f"{int(score > 0.3)} " + " ".join(f"{i}:{value:.3f}" for i, value in enumerate(features, 1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Search with annotations, on cached data."""
    spark = SparkSession.builder.appName("house-sales search").getOrCreate()
    annotate.autolog()
    houses(DATA)
    data = spark.read.format("libsvm").load(str(DATA), numFeatures=8).cache()
    data.count()
    forest = RandomForestClassifier(seed=1)
    grid = ParamGridBuilder().addGrid(forest.numTrees, [4, 40]).addGrid(forest.maxDepth, [2, 5]).build()
    search = CrossValidator(
        estimator=forest,
        estimatorParamMaps=grid,
        evaluator=BinaryClassificationEvaluator(),
        numFolds=2,
        parallelism=2,
        seed=42,
    )
    search.fit(data)
    spark.stop()


if __name__ == "__main__":
    main()
