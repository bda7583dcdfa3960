"""Loops around fits: three equal turns on the same data, and what is none."""

from afterglow.ingest.training import estimator_fits
from afterglow.ingest.training.assignment import TrainingTree, assign_jobs

from .builders import Log


def tree_of(log: Log) -> TrainingTree:
    return assign_jobs(log.evidence(), (estimator_fits.recognize,))


def places(log: Log) -> list[tuple[int | None, str | None]]:
    jobs = tree_of(log).jobs
    return [
        (jobs[job.job_id].trial, jobs[job.job_id].phase) if job.job_id in jobs else (None, None) for job in log.jobs
    ]


def test_three_equal_fits_with_their_evaluations_are_a_loop() -> None:
    log = Log()
    for _ in range(3):
        log.fit("LinearRegression", ("first",))
        log.evaluate()
    (search,) = tree_of(log).searches
    assert (search.kind, search.source, search.estimator) == ("loop", "inferred", "LinearRegression")
    assert places(log) == [(turn, phase) for turn in range(3) for phase in ("fit", "evaluate")]


def test_two_are_none() -> None:
    log = Log()
    for _ in range(2):
        log.fit("LinearRegression")
        log.evaluate()
    assert not tree_of(log).searches and len(tree_of(log).fits) == 2


def test_different_estimators_are_none() -> None:
    log = Log()
    for estimator in ("LinearRegression", "GBTRegressor", "RandomForestRegressor"):
        log.fit(estimator)
        log.evaluate()
    assert not tree_of(log).searches


def test_the_stages_of_a_pipeline_are_one_turn_and_what_came_before_is_outside() -> None:
    log = Log()
    log.fit("PCA", ("first",))
    for _ in range(3):
        log.fit("StringIndexer", ("first",))
        log.fit("StringIndexer", ("first",))
        log.fit("KMeans", ("first",))
        log.evaluate("ClusteringEvaluator")
    tree = tree_of(log)
    (search,) = tree.searches
    assert {fit.trial for fit in search.fits} == {0, 1, 2} and len(search.fits) == 9
    assert [fit.estimator for fit in tree.fits] == ["PCA"]


def test_a_last_turn_without_evaluation_is_the_refit() -> None:
    log = Log()
    for _ in range(3):
        log.fit("LinearRegression", ("first",))
        log.evaluate()
    log.fit("LinearRegression", ("first",))
    log.fit("KMeans", ("first",))
    assert places(log)[-2:] == [(None, "refit"), (None, "fit")]
    assert tree_of(log).jobs[6].tuning_uid == "loop_1"


def test_fits_that_are_not_evaluated_are_a_loop_where_they_repeat() -> None:
    log = Log()
    for _ in range(4):
        log.fit("KMeans", ("first",))
    (search,) = tree_of(log).searches
    assert [fit.trial for fit in search.fits] == [0, 1, 2, 3]


def test_turns_in_threads() -> None:
    log = Log()
    for _ in range(2):
        blocks = [log.rdd() for _ in range(2)]
        for own in blocks:
            log.job("treeAggregate at Loss.scala:1", own, estimator="LogisticRegression", ends=15)
        log.at += 100
        for _ in range(2):
            log.job("collect at Metrics.scala:1", log.rdd(), evaluator="RegressionEvaluator", ends=15)
        log.at += 100
    (search,) = tree_of(log).searches
    assert search.concurrent
    trials = [fit for fit in search.fits if fit.trial is not None]
    assert sorted(fit.trial for fit in trials if fit.trial is not None) == [0, 1, 2, 3]
    assert all(set(fit.jobs.values()) == {"fit"} and fit.confidence >= 0.5 for fit in trials)
    apart = [fit for fit in search.fits if fit.trial is None]
    assert [set(fit.jobs.values()) for fit in apart] == [{"evaluate"}] * 4 and all(fit.fit_uid for fit in apart)
