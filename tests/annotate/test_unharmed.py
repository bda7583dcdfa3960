"""Results, tasks and cached data are equal with and without annotate, and its failures do not reach the job."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pytest

from afterglow import annotate
from afterglow.schemas.annotations import PHASE, TRIAL

pytestmark = pytest.mark.spark


def _search(spark: Any) -> tuple[Any, Any, Any]:
    """A real search over a Tokenizer pipeline, cached data, and the model."""
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.evaluation import BinaryClassificationEvaluator
    from pyspark.ml.feature import HashingTF, Tokenizer
    from pyspark.ml.tuning import CrossValidator

    text = "array_join(transform(sequence(0, 4), i -> substr(sha1(cast(id * 7 + i as string)), 1, 1)), ' ')"
    # One partition: with two, MLlib merges sums in the order in which tasks end, and the same plain fit twice already
    # differs in the last digit (seen on 3.5.9).
    data = spark.range(0, 60, 1, 1).selectExpr(f"{text} text", "cast(id * 31 % 5 > 1 as double) label").cache()
    logistic = LogisticRegression(maxIter=2)
    pipeline = Pipeline(
        stages=[
            Tokenizer(inputCol="text", outputCol="words"),
            HashingTF(inputCol="words", outputCol="features", numFeatures=8),
            logistic,
        ]
    )
    search = CrossValidator(
        estimator=pipeline,
        numFolds=2,
        seed=3,
        evaluator=BinaryClassificationEvaluator(),
        estimatorParamMaps=[{logistic.regParam: 0.01}, {logistic.regParam: 0.5}],
    )
    return search, data, search.fit(data)


def _outcome(spark: Any, log: Any) -> dict[str, Any]:
    log.start()
    _, data, model = _search(spark)
    predictions = [tuple(map(str, row)) for row in model.transform(data).collect()]
    level, cached = str(data.storageLevel), spark.sparkContext._jsc.getPersistentRDDs().size()
    data.unpersist(blocking=True)
    annotate.disable()
    written = log.read()
    return {
        "predictions": predictions,
        "avg": model.avgMetrics,
        "std": getattr(model, "stdMetrics", None),  # since Spark 3.3
        "level": level,
        "cached": cached,
        "loss": list(model.bestModel.stages[-1].summary.objectiveHistory),
        "tasks": len(written.task_ends),
        "jobs": [job["tasks"] for job in written.jobs],
        "stages": len(written.all("SparkListenerStageCompleted")),
        "written": written,
    }


def test_annotated_and_plain_jobs_have_equal_results(spark: Any, log: Any) -> None:
    plain = _outcome(spark, log)
    annotate.autolog()
    annotated = _outcome(spark, log)
    before, written = plain.pop("written"), annotated.pop("written")
    assert annotated == plain and plain["tasks"] > 30
    assert before.events == [] and not any(PHASE in job for job in before.jobs)
    (start,), (end,) = written.events_of("tuning_start"), written.events_of("tuning_end")
    assert start["param_maps"] == [{"LogisticRegression.regParam": 0.01}, {"LogisticRegression.regParam": 0.5}]
    # A stage's name is no secret, though `Tokenizer` matches the redaction pattern.
    assert start["params"]["Tokenizer.inputCol"] == "text" and start["params"]["HashingTF.numFeatures"] == 8
    assert end["loss"] == {"LogisticRegression": annotated["loss"]}
    losses = [fit["loss"]["LogisticRegression"] for fit in written.events_of("fit_end")]
    assert len(losses) == 4 == len({tuple(loss) for loss in losses}) and all(len(loss) == 3 for loss in losses)
    assert {job.get(TRIAL) for job in written.jobs if job.get(PHASE) in ("fit", "evaluate")} == {"0", "1"}


@pytest.mark.parametrize(
    "broken",
    [
        "event_queue.add",
        "event_queue.now_ms",
        "event_queue.flush",
        "searches.stage_names",
        "searches.param_map",
        "job_properties.setter",
        "event_log.current",
        "fits.end_fields",
        "trials.end_fields",
        "searches.end_fields",
        "fits.is_search",
        "context.enclosing",
        "trials.number",
        "encode.texts",
    ],
)
def test_a_failing_hook_warns_once_and_harms_nothing(
    spark: Any, sized: Any, local_properties: Any, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    from pyspark.ml.tuning import CrossValidator

    estimator, before = sized.Sized(), local_properties()
    search = CrossValidator(
        estimator=estimator, estimatorParamMaps=sized.grid(estimator, 1, 2), numFolds=2, evaluator=sized.SizeEvaluator()
    )
    module, name = broken.split(".")

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    annotate.autolog()
    with monkeypatch.context() as patched, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        patched.setattr(importlib.import_module(f"afterglow.annotate.{module}"), name, fail)
        model = search.fit(spark.range(10))
        estimator.fit(spark.range(10))
        with annotate.run("run"):
            annotate.log_metric("loss", 1.0)
    ours = [str(warning.message) for warning in caught if "afterglow" in str(warning.message)]
    assert len(ours) == 1 and "the job itself is not affected" in ours[0]
    assert model.avgMetrics == [sum(m for s, m in sized.truth if s == size) / 2 for size in (1, 2)]
    assert model.bestModel.fitted == 2
    assert local_properties() == before


def test_warnings_made_errors_do_not_reach_the_job(spark: Any, sized: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from afterglow.annotate import event_queue

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    annotate.autolog()
    with monkeypatch.context() as patched, warnings.catch_warnings():
        warnings.simplefilter("error")
        patched.setattr(event_queue, "add", fail)
        assert sized.Sized(3).fit(spark.range(10)).fitted == 3


def test_disable_restores_pyspark(spark: Any, log: Any, sized: Any) -> None:
    from pyspark import SparkContext
    from pyspark.ml import Estimator, tuning

    places = [
        (Estimator, "fit"),
        (tuning, "_parallelFitTasks"),
        (tuning.CrossValidator, "_fit"),
        (tuning.TrainValidationSplit, "_fit"),
        (SparkContext, "stop"),
    ]
    originals = [vars(owner)[name] for owner, name in places]
    annotate.autolog()
    annotate.autolog()
    assert all(vars(owner)[name] is not originals[at] for at, (owner, name) in enumerate(places))
    annotate.disable()
    annotate.disable()
    assert [vars(owner)[name] for owner, name in places] == originals
    sized.Sized().fit(spark.range(10))
    assert log.read().events == []


def test_replacements_by_others_stay(spark: Any, log: Any, sized: Any) -> None:
    from pyspark.ml import Estimator

    original = Estimator.fit
    annotate.autolog()
    ours = Estimator.fit

    def theirs(self: Any, *args: Any) -> Any:
        return ours(self, *args)

    Estimator.fit = theirs
    try:
        annotate.disable()
        assert Estimator.fit is theirs
        sized.Sized().fit(spark.range(10))
        assert log.read().events == []
    finally:
        Estimator.fit = original
