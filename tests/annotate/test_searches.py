"""Searches: every job gets its trial and fold, and every metric equals the model's, with every digit."""

from __future__ import annotations

from typing import Any

import pytest

from afterglow import annotate
from afterglow.annotate import context
from afterglow.schemas.annotations import FOLD, PHASE, RUN, TRIAL, TUNING, TUNING_ID

pytestmark = pytest.mark.spark

SIZES = (3, 1, 4, 2)


def _cross_validator(sized: Any, parallelism: int = 1, **more: Any) -> Any:
    from pyspark.ml.tuning import CrossValidator

    estimator = sized.Sized()
    return CrossValidator(
        estimator=estimator,
        estimatorParamMaps=sized.grid(estimator, *SIZES),
        seed=5,
        evaluator=sized.SizeEvaluator(),
        numFolds=3,
        parallelism=parallelism,
        **more,
    )


def _trial_by_tasks(job: dict[str, Any], times: int) -> tuple[int, str]:
    """Trial and phase, from the number of tasks alone."""
    evaluates = job["tasks"] >= times
    return SIZES.index(job["tasks"] // times if evaluates else job["tasks"]), "evaluate" if evaluates else "fit"


@pytest.mark.parametrize("parallelism", [1, 3])
def test_every_job_of_a_cross_validator_is_marked_right(
    spark: Any, log: Any, sized: Any, local_properties: Any, parallelism: int
) -> None:
    annotate.autolog()
    spark.sparkContext.setJobGroup("mine", "my own description")
    before, search = local_properties(), _cross_validator(sized, parallelism)
    model = search.fit(spark.range(30))
    assert local_properties() == before
    spark.sparkContext._jsc.sc().clearJobGroup()
    annotate.disable()
    written = log.read()

    (start,), (end,), fits = (written.events_of(kind) for kind in ("tuning_start", "tuning_end", "fit_end"))
    jobs = [job for job in written.jobs if job[PHASE] in ("fit", "evaluate")]
    assert {(job[TUNING], job[TUNING_ID]) for job in written.jobs} == {(search.uid, start["id"])}
    assert [(int(job[TRIAL]), job[PHASE]) for job in jobs] == [_trial_by_tasks(job, sized.TIMES) for job in jobs]
    # Folds follow one another: each has two jobs per fit and two per evaluation.
    assert [job[FOLD] for job in jobs] == [fold for fold in "012" for _ in range(4 * len(SIZES))]
    rest = [job for job in written.jobs if job not in jobs]
    assert [(job[PHASE], TRIAL in job, FOLD in job, job["tasks"]) for job in rest] == [("refit", False, False, 4)] * 2
    assert {job["spark.jobGroup.id"] for job in rest} == {"mine"}

    # `truth` is in the order of evaluation; a fold's fits end in that order, or one after the other at about that time.
    assert sorted((SIZES[fit["trial"]], fit["metric"]) for fit in fits) == sorted(sized.truth)
    assert sorted((fit["fold"], fit["trial"]) for fit in fits) == [(f, t) for f in range(3) for t in range(4)]
    assert all(fit["start_ms"] <= fit["evaluate_ms"] <= fit["end_ms"] and fit["status"] == "FINISHED" for fit in fits)
    assert end["avg_metrics"] == [float(v) for v in model.avgMetrics]
    assert end.get("std_metrics", []) == [float(v) for v in getattr(model, "stdMetrics", [])]  # since Spark 3.3
    assert (end["best_index"], end["status"]) == (2, "FINISHED")
    expected = {
        "kind": "CrossValidator",
        "estimator": "Sized",
        "evaluator": "SizeEvaluator",
        "metric": "thirds",
        "larger_better": True,
        "num_folds": 3,
        "seed": 5,
        "parallelism": parallelism,
        "param_maps": [{"Sized.size": size} for size in SIZES],
    }
    assert {key: start[key] for key in expected} == expected


def test_a_train_validation_split_is_one_fold(spark: Any, log: Any, sized: Any) -> None:
    from pyspark.ml.tuning import TrainValidationSplit

    annotate.autolog()
    estimator = sized.Sized()
    search = TrainValidationSplit(
        estimator=estimator,
        estimatorParamMaps=sized.grid(estimator, *SIZES),
        seed=7,
        evaluator=sized.SizeEvaluator(),
        trainRatio=0.7,
        parallelism=2,
    )
    model = search.fit(spark.range(30))
    annotate.disable()
    written = log.read()
    (start,), (end,) = written.events_of("tuning_start"), written.events_of("tuning_end")
    assert (start["kind"], start["num_folds"], start["train_ratio"]) == ("TrainValidationSplit", 1, 0.7)
    assert end["avg_metrics"] == model.validationMetrics and "std_metrics" not in end and end["best_index"] == 2
    jobs = [job for job in written.jobs if job[PHASE] != "refit"]
    assert [(int(job[TRIAL]), job[PHASE]) for job in jobs] == [_trial_by_tasks(job, sized.TIMES) for job in jobs]
    assert {job[FOLD] for job in jobs} == {"0"} and len(written.jobs) == len(jobs) + 2


def test_jobs_before_the_fits_are_prepare(spark: Any, log: Any, sized: Any) -> None:
    annotate.autolog()
    _cross_validator(sized, foldCol="fold").fit(spark.range(30).selectExpr("cast(id % 3 as int) fold"))
    annotate.disable()
    written = log.read()
    (start,) = written.events_of("tuning_start")
    prepare = [job for job in written.jobs if job[PHASE] == "prepare"]
    assert start["fold_col"] == "fold"
    assert len(prepare) >= 6 and not any(FOLD in job or TRIAL in job for job in prepare)
    assert [job[PHASE] for job in written.jobs[: len(prepare)]] == ["prepare"] * len(prepare)


def test_searches_nest_in_trials_and_pipelines(spark: Any, log: Any, sized: Any, local_properties: Any) -> None:
    from pyspark.ml import Pipeline
    from pyspark.ml.tuning import CrossValidator, TrainValidationSplit

    annotate.autolog()
    estimator = sized.Sized()
    # Without sub-models TrainValidationSplitModel.copy fails of itself, with and without annotate.
    inner = TrainValidationSplit(
        estimator=estimator,
        estimatorParamMaps=sized.grid(estimator, 1, 2),
        evaluator=sized.SizeEvaluator(),
        collectSubModels=True,
    )
    outer = CrossValidator(
        estimator=inner,
        estimatorParamMaps=[{inner.trainRatio: 0.5}, {inner.trainRatio: 0.6}],
        evaluator=sized.SizeEvaluator(),
        numFolds=2,
        parallelism=2,
    )
    before = local_properties()
    Pipeline(stages=[outer]).fit(spark.range(20))
    assert local_properties() == before
    annotate.disable()
    written = log.read()
    starts, (plain,) = written.events_of("tuning_start"), written.events_of("estimator_start")
    top = starts[0]
    assert top["uid"] == outer.uid and top["estimator_id"] == plain["id"] and "parent" not in top
    assert top["param_maps"] == [{"TrainValidationSplit.trainRatio": 0.5}, {"TrainValidationSplit.trainRatio": 0.6}]
    inner_of_trials = [s for s in starts if "parent" in s]
    assert {s["uid"] for s in starts[1:]} == {inner.uid} and {s["parent"] for s in inner_of_trials} == {top["id"]}
    assert sorted((s["parent_fold"], s["parent_trial"]) for s in inner_of_trials) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert sorted(s["train_ratio"] for s in inner_of_trials) == [0.5, 0.5, 0.6, 0.6]
    assert len(starts) == 6  # the refit of the outer search fits the inner one once more
    # Each inner search: two fits and evaluations and a refit, two jobs each; the outer one only its four evaluations.
    counts = {s["id"]: sum(job[TUNING_ID] == s["id"] for job in written.jobs) for s in starts}
    assert counts == {s["id"]: 10 if s["uid"] == inner.uid else 8 for s in starts}


def test_a_failing_fit_fails_as_before_and_is_recorded(spark: Any, log: Any, sized: Any, local_properties: Any) -> None:
    annotate.autolog()
    sized.failing.add(4)
    before = local_properties()
    with pytest.raises(sized.FitFailed, match="no size 4 today"):
        _cross_validator(sized).fit(spark.range(30))
    assert local_properties() == before and context.innermost() is None
    annotate.disable()
    written = log.read()
    (end,) = written.events_of("tuning_end")
    assert (end["status"], end["error"]) == ("FAILED", "FitFailed: no size 4 today")
    assert "best_index" not in end and "avg_metrics" not in end
    # The pool goes on with what it has taken already (imap_unordered), so the fourth trial may follow.
    statuses = {fit["trial"]: fit["status"] for fit in written.events_of("fit_end")}
    assert {trial: statuses[trial] for trial in (0, 1, 2)} == {0: "FINISHED", 1: "FINISHED", 2: "FAILED"}


def test_the_same_search_twice_is_two(spark: Any, log: Any, sized: Any) -> None:
    annotate.autolog()
    search = _cross_validator(sized)
    with annotate.run("twice") as run:
        for _ in range(2):
            search.fit(spark.range(30))
    annotate.disable()
    written = log.read()
    starts = written.events_of("tuning_start")
    assert len({start["id"] for start in starts}) == 2 and {start["uid"] for start in starts} == {search.uid}
    assert {start["run"] for start in starts} == {run} == {job[RUN] for job in written.jobs}
