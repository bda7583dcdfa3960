"""Plain fits: params, stages and training loss, once per fit, even if the fit calls others."""

from __future__ import annotations

from typing import Any

import pytest

from afterglow import annotate
from afterglow.schemas.annotations import ESTIMATOR

pytestmark = pytest.mark.spark


@pytest.fixture
def data(spark: Any) -> Any:
    from pyspark.ml.linalg import Vectors

    rows = [(float(i % 3), Vectors.dense([i % 5, i * 7 % 11])) for i in range(30)]
    return spark.createDataFrame(rows, ["label", "features"]).coalesce(1).cache()


def test_a_fit_is_written_with_its_effective_params(spark: Any, log: Any, sized: Any, local_properties: Any) -> None:
    annotate.autolog()
    estimator, before = sized.Sized(2), local_properties()
    estimator.fit(spark.range(10))
    estimator.fit(spark.range(10), {estimator.size: 3})
    estimator.fit(spark.range(10), [{estimator.size: 4}, {estimator.size: 5}])
    assert local_properties() == before
    annotate.disable()
    written = log.read()
    starts, ends = written.events_of("estimator_start"), written.events_of("estimator_end")
    assert [start["params"] for start in starts] == [{"Sized.size": size} for size in (2, 3, 4, 5)]
    assert [(end["id"], end["status"]) for end in ends] == [(start["id"], "FINISHED") for start in starts]
    assert {start["python_class"] for start in starts} == {f"{sized.__name__}.Sized"}
    sizes = {start["id"]: start["params"]["Sized.size"] for start in starts}
    assert [job["tasks"] for job in written.jobs] == [sizes[job[ESTIMATOR]] for job in written.jobs]


def test_a_failing_fit_is_recorded(spark: Any, log: Any, sized: Any) -> None:
    annotate.autolog()
    sized.failing.add(2)
    with pytest.raises(sized.FitFailed):
        sized.Sized(2).fit(spark.range(10))
    annotate.disable()
    (end,) = log.read().events_of("estimator_end")
    assert (end["status"], end["error"]) == ("FAILED", "FitFailed: no size 2 today")


def test_a_pipeline_is_one_fit_with_the_loss_of_its_stages(log: Any, data: Any) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.regression import LinearRegression

    annotate.autolog()
    pipeline = Pipeline(
        stages=[
            KMeans(k=2, seed=1, maxIter=2, predictionCol="cluster"),
            LinearRegression(maxIter=2, solver="l-bfgs", regParam=0.1),
        ]
    )
    model = pipeline.fit(data)
    annotate.disable()
    means, linear = model.stages
    written = log.read()
    (start,), (end,) = written.events_of("estimator_start"), written.events_of("estimator_end")
    assert start["stages"] == ["KMeans", "LinearRegression"] and start["params"]["KMeans.k"] == 2
    assert end["loss"] == {"LinearRegression": list(linear.summary.objectiveHistory)}
    summary = means.summary
    assert end["figures"] == {"KMeans.trainingCost": summary.trainingCost, "KMeans.numIter": summary.numIter}
    assert {job[ESTIMATOR] for job in written.jobs} == {start["id"]}


def test_the_classifiers_of_one_vs_rest_are_part_of_it(log: Any, data: Any) -> None:
    from pyspark.ml.classification import LogisticRegression, OneVsRest

    annotate.autolog()
    OneVsRest(classifier=LogisticRegression(maxIter=1), parallelism=2).fit(data)
    annotate.disable()
    written = log.read()
    (start,) = written.events_of("estimator_start")
    assert start["params"]["OneVsRest.classifier"] == "LogisticRegression"
    assert start["params"]["LogisticRegression.maxIter"] == 1
    assert {job[ESTIMATOR] for job in written.jobs} == {start["id"]}


def test_stages_of_one_class_are_numbered(spark: Any) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import StringIndexer

    from afterglow.annotate.estimator_params import all_params, stage_names

    pipeline = Pipeline(stages=[StringIndexer(inputCol="a", outputCol="x"), StringIndexer(inputCol="b", outputCol="y")])
    params = all_params(pipeline, stage_names(pipeline))
    assert (params["StringIndexer_1.inputCol"], params["StringIndexer_2.inputCol"]) == ("a", "b")
    assert params["Pipeline.stages"] == ["StringIndexer_1", "StringIndexer_2"]
