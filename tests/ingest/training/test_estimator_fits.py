"""Fits outside searches: where one ends and the next begins, and which of them an evaluation is of."""

from dataclasses import replace

from afterglow.ingest.training import estimator_fits
from afterglow.ingest.training.estimators import Stack
from afterglow.ingest.training.interface import Fit

from .builders import Log


def fits_of(log: Log, claimed: tuple[int, ...] = ()) -> dict[str | None, Fit]:
    return {fit.fit_uid: fit for fit in estimator_fits.recognize(log.evidence(), claimed).fits}


def test_estimators_one_after_another_are_fits_of_their_class() -> None:
    log = Log()
    indexer, forest = log.fit("StringIndexer"), log.fit("RandomForestClassifier")
    log.job("count at App.scala:1", log.rdd(callsite="count at App.scala:1"))
    found = fits_of(log)
    assert {uid: list(fit.jobs) for uid, fit in found.items()} == {
        "StringIndexer_1": indexer,
        "RandomForestClassifier_1": forest,
    }
    assert {fit.source for fit in found.values()} == {"exact"}


def test_a_fit_begins_anew_where_its_first_step_comes_again() -> None:
    log = Log()
    first, second = log.fit("KMeans"), log.fit("KMeans")
    assert [list(fit.jobs) for fit in fits_of(log).values()] == [first, second]


def test_jobs_that_share_what_mllib_made_are_one_fit_however_often_an_action_comes() -> None:
    log = Log()
    blocks = log.rdd()
    jobs = [log.job("treeAggregate at Loss.scala:1", blocks, estimator="LinearSVC") for _ in range(4)]
    assert [list(fit.jobs) for fit in fits_of(log).values()] == [jobs]


def test_a_cached_table_that_two_fits_read_joins_them_not() -> None:
    log = Log()
    below = log.rdd()
    table = log.rdd("*(1) Project [x#1]\n", (below,), True)
    first, second = log.fit("KMeans", data=(below, table)), log.fit("KMeans", data=(below, table))
    assert [list(fit.jobs) for fit in fits_of(log).values()] == [first, second]


def test_an_evaluation_is_of_the_model_trained_last() -> None:
    log = Log()
    log.fit("KMeans")
    log.evaluate()
    linear = log.fit("LinearRegression")
    log.job("show at App.scala:1", log.rdd(callsite="show at App.scala:1"))
    evaluations = [log.evaluate(), log.evaluate()]
    found = fits_of(log)
    assert list(found["LinearRegression_1"].jobs) == [*linear, *evaluations]
    assert list(found["KMeans_1"].jobs.values()) == ["fit", "fit", "evaluate"]


def test_models_trained_before_as_many_evaluations_are_paired_in_order_and_less_sure() -> None:
    log = Log()
    for _ in range(2):
        log.fit("LinearRegression")
    evaluations = [log.evaluate() for _ in range(2)]
    found = list(fits_of(log).values())
    assert [job for fit in found for job, phase in fit.jobs.items() if phase == "evaluate"] == evaluations
    assert all(len([p for p in fit.jobs.values() if p == "evaluate"]) == 1 for fit in found)
    assert {fit.confidence for fit in found} == {0.6}


def test_an_evaluation_after_two_models_stays_with_the_last_and_is_less_sure() -> None:
    log = Log()
    log.fit("LinearRegression")
    log.fit("GBTRegressor")
    log.evaluate()
    found = fits_of(log)
    assert [(fit.confidence, "evaluate" in fit.jobs.values()) for fit in found.values()] == [(0.95, False), (0.6, True)]


def test_models_of_different_estimators_are_paired_in_order_too() -> None:
    log = Log()
    for estimator in ("LinearRegression", "GBTRegressor", "DecisionTreeRegressor"):
        log.fit(estimator)
    evaluations = [log.evaluate() for _ in range(3)]
    found = list(fits_of(log).values())
    assert [job for fit in found for job, phase in fit.jobs.items() if phase == "evaluate"] == evaluations


def test_an_evaluation_after_a_search_is_of_its_best_model_and_no_earlier_fits() -> None:
    log = Log()
    log.fit("KMeans")
    searching = log.fit("LinearRegression")
    log.evaluate()
    (only,) = fits_of(log, tuple(searching)).values()
    assert set(only.jobs.values()) == {"fit"}


def test_an_evaluation_of_a_loaded_model_is_no_fits() -> None:
    log = Log()
    log.evaluate()
    assert fits_of(log) == {}


def test_claimed_jobs_are_left_alone() -> None:
    log = Log()
    taken = log.fit("KMeans")
    assert fits_of(log, tuple(taken)) == {}


def test_one_vs_rest_has_its_classifiers_below_and_the_evaluation() -> None:
    log = Log()
    look = log.job("fit at job.py:3", log.rdd())
    classifiers = [log.fit("LogisticRegression") for _ in range(3)]
    evaluation = log.evaluate("MulticlassClassificationEvaluator")
    recognition = estimator_fits.recognize(log.evidence(), ())
    outer, *inner = recognition.fits
    assert (outer.estimator, outer.jobs) == ("OneVsRest", {look: "fit", evaluation: "evaluate"})
    assert [list(fit.jobs) for fit in inner] == classifiers
    assert {fit.parent for fit in inner} == {outer.fit_uid}
    assert recognition.estimators[look].estimator == "OneVsRest"


def test_fits_in_threads_are_told_apart_by_their_rdds() -> None:
    log = Log()
    blocks = [log.rdd() for _ in range(2)]
    for _ in range(3):
        for own in blocks:
            log.job("treeAggregate at Loss.scala:1", own, estimator="LogisticRegression", ends=15)
    log.at += 100
    for _ in range(2):
        log.job("collect at Metrics.scala:1", log.rdd(), evaluator="RegressionEvaluator", ends=15)
    first, second = fits_of(log).values()
    assert [job for job, phase in first.jobs.items() if phase == "fit"] == [0, 2, 4]
    assert list(second.jobs.values()).count("evaluate") == list(first.jobs.values()).count("evaluate") == 1
    assert first.confidence < 0.75 and first.source == "inferred"


def test_evaluations_that_overlap_where_no_training_does_are_one_threads_and_of_the_last_model() -> None:
    log = Log()
    log.fit("GBTRegressor")
    log.evaluate("MulticlassClassificationEvaluator")
    last = log.fit("LinearRegression")
    evaluations = [log.job("rdd at E.scala:1", log.rdd(), evaluator="RegressionEvaluator", ends=25) for _ in range(2)]
    found = fits_of(log)
    assert list(found["LinearRegression_1"].jobs) == [*last, *evaluations]
    assert list(found["GBTRegressor_1"].jobs.values()) == ["fit", "fit", "evaluate"]


def test_a_job_that_another_library_runs_in_a_thread_of_its_own_is_its_fit_s() -> None:
    log = Log()
    blocks = log.rdd(callsite="mapPartitions at DataUtils.scala:96")
    first = log.job("take at Classifier.scala:1", blocks)
    inside = log.job("foreachPartition at XGBoost.scala:612", blocks)
    elsewhere = log.job("count at App.scala:1", log.rdd())
    last = log.job("first at XGBoost.scala:738", blocks)
    for job_id in (first, last):
        log.jobs[job_id] = replace(log.jobs[job_id], stack=Stack("XGBoostClassifier", fit=True))
    (fit,) = fits_of(log).values()
    assert list(fit.jobs) == [first, inside, last] and elsewhere not in fit.jobs
