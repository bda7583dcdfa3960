"""The searches to rebuild: one function per shape, each given a session and 300 labelled rows."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml import classification as cls
from pyspark.ml import evaluation as ev
from pyspark.ml import regression as reg
from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import PCA, StandardScaler, StringIndexer, VectorAssembler
from pyspark.ml.recommendation import ALS
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder, TrainValidationSplit
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

Shape = Callable[[SparkSession, DataFrame], None]


def _grid(param: Any, *values: Any) -> list[Any]:
    return ParamGridBuilder().addGrid(param, list(values)).build()


def _cv(estimator: Any, grid: Any, evaluator: Any, folds: int = 3, **more: Any) -> CrossValidator:
    search = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=evaluator, numFolds=folds, **more)
    return search.setSeed(5)


def _tvs(estimator: Any, grid: Any, evaluator: Any, **more: Any) -> TrainValidationSplit:
    return TrainValidationSplit(estimator=estimator, estimatorParamMaps=grid, evaluator=evaluator, seed=5, **more)


def _binary() -> Any:
    return ev.BinaryClassificationEvaluator(numBins=0)


def _f1() -> Any:
    return ev.MulticlassClassificationEvaluator(metricName="f1")


def tvs_logistic(spark: SparkSession, data: DataFrame) -> None:
    """TrainValidationSplit; a plain job before it, and the same estimator fitted by hand after it."""
    data.count()
    lr = cls.LogisticRegression(maxIter=4)
    model = _tvs(lr, _grid(lr.regParam, 0.0, 0.1, 0.5), _binary()).fit(data)
    model.transform(data).select(F.avg("prediction")).collect()
    lr.fit(data)


def cv_linear(spark: SparkSession, data: DataFrame) -> None:
    lr = reg.LinearRegression(maxIter=4, solver="l-bfgs")
    _cv(lr, _grid(lr.regParam, 0.0, 0.3), ev.RegressionEvaluator(), folds=2).fit(data.cache())
    _binary()


def cv_linear_normal(spark: SparkSession, data: DataFrame) -> None:
    lr = reg.LinearRegression(solver="normal")
    _cv(lr, _grid(lr.regParam, 0.0, 0.3, 0.6), ev.RegressionEvaluator(metricName="r2")).fit(data)


def cv_forest(spark: SparkSession, data: DataFrame) -> None:
    forest = cls.RandomForestClassifier(numTrees=3)
    _cv(forest, _grid(forest.maxDepth, 2, 3), _f1()).fit(data)


def cv_boosting(spark: SparkSession, data: DataFrame) -> None:
    gbt = cls.GBTClassifier(maxIter=3, maxDepth=2)
    _cv(gbt, _grid(gbt.stepSize, 0.1, 0.3), _binary(), folds=2).fit(data)


def cv_boosting_parallel(spark: SparkSession, data: DataFrame) -> None:
    gbt = reg.GBTRegressor(maxIter=3, maxDepth=2)
    _cv(gbt, _grid(gbt.stepSize, 0.1, 0.2, 0.3), ev.RegressionEvaluator(), folds=2, parallelism=3).fit(data)


def cv_als(spark: SparkSession, data: DataFrame) -> None:
    ratings = data.select(
        (F.col("id") % 17).cast("int").alias("user"),
        (F.col("id") % 23).cast("int").alias("item"),
        F.col("x0").cast("float").alias("rating"),
    )
    als = ALS(maxIter=2, rank=3, coldStartStrategy="drop", numUserBlocks=2, numItemBlocks=2)
    evaluator = ev.RegressionEvaluator(labelCol="rating")
    _cv(als, _grid(als.regParam, 0.05, 0.2), evaluator, folds=2).fit(ratings)


def cv_als_parallel(spark: SparkSession, data: DataFrame) -> None:
    ratings = data.select(
        (F.col("id") % 17).cast("int").alias("user"),
        (F.col("id") % 23).cast("int").alias("item"),
        F.col("x0").cast("float").alias("rating"),
    )
    als = ALS(maxIter=2, rank=3, coldStartStrategy="drop", numUserBlocks=2, numItemBlocks=2)
    evaluator = ev.RegressionEvaluator(labelCol="rating")
    _cv(als, _grid(als.regParam, 0.05, 0.1, 0.2), evaluator, folds=2, parallelism=2).fit(ratings)


def cv_kmeans(spark: SparkSession, data: DataFrame) -> None:
    kmeans = KMeans(maxIter=3, seed=1)
    _cv(kmeans, _grid(kmeans.k, 2, 3, 4), ev.ClusteringEvaluator()).fit(data)


def cv_kmeans_parallel(spark: SparkSession, data: DataFrame) -> None:
    kmeans = KMeans(maxIter=3, seed=1)
    _cv(kmeans, _grid(kmeans.k, 2, 3, 4), ev.ClusteringEvaluator(), folds=2, parallelism=2).fit(data)


def cv_one_vs_rest(spark: SparkSession, data: DataFrame) -> None:
    lr = cls.LogisticRegression(maxIter=2)
    rest = cls.OneVsRest(classifier=lr)
    three = data.withColumn("label", (F.col("id") % 3).cast("double"))
    _cv(rest, _grid(lr.regParam, 0.0, 0.3), _f1(), folds=2).fit(three)


def cv_one_vs_rest_inner_parallel(spark: SparkSession, data: DataFrame) -> None:
    lr = cls.LogisticRegression(maxIter=2)
    rest = cls.OneVsRest(classifier=lr, parallelism=2)
    three = data.withColumn("label", (F.col("id") % 3).cast("double"))
    _cv(rest, _grid(lr.regParam, 0.0, 0.3), _f1(), folds=2).fit(three)


def tvs_bayes(spark: SparkSession, data: DataFrame) -> None:
    bayes = cls.NaiveBayes(modelType="gaussian")
    _tvs(bayes, _grid(bayes.smoothing, 0.5, 1.0, 2.0), _f1()).fit(data)


def pipeline_of_search(spark: SparkSession, data: DataFrame) -> None:
    """A search as the last stage of a pipeline."""
    lr = cls.LogisticRegression(maxIter=3, featuresCol="scaled")
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    search = _cv(lr, _grid(lr.regParam, 0.0, 0.1), _binary())
    Pipeline(stages=[StringIndexer(inputCol="word", outputCol="w"), scaler, search]).fit(data)


def search_of_pipeline(spark: SparkSession, data: DataFrame) -> None:
    """A search over a pipeline of several estimators, three at once."""
    lr = cls.LogisticRegression(maxIter=3, featuresCol="pca")
    pca = PCA(inputCol="scaled", outputCol="pca", k=2)
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    stages = [StringIndexer(inputCol="word", outputCol="w"), scaler, pca, lr]
    _cv(Pipeline(stages=stages), _grid(lr.regParam, 0.0, 0.1, 0.2, 0.3), _binary(), folds=2, parallelism=2).fit(data)


def search_of_search(spark: SparkSession, data: DataFrame) -> None:
    """A TrainValidationSplit over a CrossValidator."""
    lr = cls.LogisticRegression(maxIter=3)
    inner = _cv(lr, _grid(lr.regParam, 0.0, 0.1), _binary(), folds=2, collectSubModels=True)
    _tvs(inner, _grid(lr.maxIter, 2, 3), _binary()).fit(data)


def fold_column_parallel(spark: SparkSession, data: DataFrame) -> None:
    lr = cls.LogisticRegression(maxIter=4)
    folded = data.withColumn("part", (F.col("id") % 3).cast("int"))
    _cv(lr, _grid(lr.regParam, 0.0, 0.1, 0.2), _binary(), foldCol="part", parallelism=2).fit(folded)


def fold_column_forest(spark: SparkSession, data: DataFrame) -> None:
    forest = cls.DecisionTreeClassifier()
    folded = data.withColumn("part", (F.col("id") % 2).cast("int"))
    _cv(forest, _grid(forest.maxDepth, 2, 3, 4), _f1(), folds=2, foldCol="part").fit(folded)


def two_threads(spark: SparkSession, data: DataFrame) -> None:
    """Two searches at once, then two over the same estimator class one after the other."""
    lr, tree = cls.LogisticRegression(maxIter=3), cls.DecisionTreeClassifier()
    searches = [_cv(lr, _grid(lr.regParam, 0.0, 0.1), _binary()), _cv(tree, _grid(tree.maxDepth, 2, 3), _f1())]
    threads = [threading.Thread(target=search.fit, args=(data,)) for search in searches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def same_search_twice(spark: SparkSession, data: DataFrame) -> None:
    """One CrossValidator object fitted twice: one uid, two searches."""
    lr = cls.LogisticRegression(maxIter=3)
    search = _cv(lr, _grid(lr.regParam, 0.0, 0.1), _binary(), folds=2)
    search.fit(data)
    search.fit(data)


def parallel_logistic(spark: SparkSession, data: DataFrame) -> None:
    lr = cls.LogisticRegression(maxIter=5)
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 0.1, 0.2]).addGrid(lr.maxIter, [2, 5]).build()
    _cv(lr, grid, _binary(), folds=3, parallelism=4).fit(data)


def parallel_forest(spark: SparkSession, data: DataFrame) -> None:
    """Trials of very different length, three at once."""
    forest = cls.RandomForestClassifier()
    grid = ParamGridBuilder().addGrid(forest.numTrees, [2, 8]).addGrid(forest.maxDepth, [2, 5, 8]).build()
    _cv(forest, grid, _f1(), folds=3, parallelism=3).fit(data)


def parallel_scaled(spark: SparkSession, data: DataFrame) -> None:
    """A pipeline of two estimators, four at once."""
    linear = reg.LinearRegression(maxIter=6, solver="l-bfgs", featuresCol="scaled")
    scaler = StandardScaler(inputCol="features", outputCol="scaled")
    grid = ParamGridBuilder().addGrid(linear.regParam, [0.01, 0.1, 0.3, 1.0]).addGrid(linear.maxIter, [2, 6]).build()
    pipeline = Pipeline(stages=[scaler, linear])
    _cv(pipeline, grid, ev.RegressionEvaluator(), folds=3, parallelism=4).fit(data)


def parallel_tvs(spark: SparkSession, data: DataFrame) -> None:
    boosting = cls.GBTClassifier(maxDepth=2)
    _tvs(boosting, _grid(boosting.maxIter, 1, 2, 3, 4, 5, 6), _binary(), parallelism=2).fit(data)


def parallel_clusters(spark: SparkSession, data: DataFrame) -> None:
    kmeans = KMeans(maxIter=4, seed=1, featuresCol="pca")
    pca = PCA(inputCol="features", outputCol="pca", k=2)
    pipeline = Pipeline(stages=[pca, kmeans])
    evaluator = ev.ClusteringEvaluator(featuresCol="pca")
    _cv(pipeline, _grid(kmeans.k, 2, 3, 4, 5, 6), evaluator, folds=2, parallelism=2).fit(data)


def failing(spark: SparkSession, data: DataFrame) -> None:
    """The second fold's first fit meets a negative label and fails; a plain job and a plain fit follow."""
    lr = cls.LogisticRegression(maxIter=3)
    bad = F.udf(lambda i: 1 // (0 if i == 250 else 1), "int")
    broken = data.withColumn("label", F.when(bad("id") > 0, F.col("label")))
    search = _cv(lr, _grid(lr.regParam, 0.0, 0.1), _binary(), folds=3, foldCol="part")
    try:
        search.fit(broken.withColumn("part", F.when(F.col("id") == 250, 0).otherwise(F.col("id") % 3).cast("int")))
    except Exception as error:
        print("failed as it should:", str(error)[:80])
    data.count()
    cls.LogisticRegression(maxIter=2).fit(data)


def failing_second_trial(spark: SparkSession, data: DataFrame) -> None:
    """The second param map is refused by the estimator; the fits so far stay."""
    kmeans = KMeans(maxIter=2, seed=1)
    pca = PCA(inputCol="features", outputCol="pca", k=2)
    kmeans.setFeaturesCol("pca")
    search = _cv(Pipeline(stages=[pca, kmeans]), _grid(pca.k, 2, 9), ev.ClusteringEvaluator(featuresCol="pca"))
    try:
        search.fit(data)
    except Exception as error:
        print("failed as it should:", str(error)[:80])
    PCA(inputCol="features", outputCol="q", k=2).fit(data)


def assembled(spark: SparkSession, data: DataFrame) -> None:
    """Several estimators, a feature selection by search, and plain fits around: only the search is one."""
    raw = data.drop("features")
    stages: list[Any] = [VectorAssembler(inputCols=["x0", "x1", "x2"], outputCol="features")]
    prepared = Pipeline(stages=stages).fit(raw).transform(raw)
    cls.LogisticRegression(maxIter=2).fit(prepared)
    svc = cls.LinearSVC(maxIter=3)
    model = _cv(svc, _grid(svc.regParam, 0.01, 0.1), _binary(), folds=4).fit(prepared)
    _binary().evaluate(model.transform(prepared))
    cls.LinearSVC(maxIter=3).fit(prepared)
    train, test = prepared.randomSplit([0.7, 0.3], seed=1)
    train.cache(), test.cache()
    for depth in (2, 3):
        _f1().evaluate(cls.DecisionTreeClassifier(maxDepth=depth).fit(train).transform(test))


SHAPES: Mapping[str, Shape] = {
    shape.__name__: shape
    for shape in (
        tvs_logistic,
        cv_linear,
        cv_linear_normal,
        cv_forest,
        cv_boosting,
        cv_boosting_parallel,
        cv_als,
        cv_als_parallel,
        cv_kmeans,
        cv_kmeans_parallel,
        cv_one_vs_rest,
        cv_one_vs_rest_inner_parallel,
        tvs_bayes,
        pipeline_of_search,
        search_of_pipeline,
        search_of_search,
        fold_column_parallel,
        fold_column_forest,
        two_threads,
        same_search_twice,
        parallel_logistic,
        parallel_forest,
        parallel_scaled,
        parallel_tvs,
        parallel_clusters,
        failing,
        failing_second_trial,
        assembled,
    )
}
