"""Annotated calls of fit outside searches: one fit each, with the fits found in their jobs as themselves or below."""

from collections.abc import Callable
from dataclasses import replace

from afterglow.ingest.training.annotated_fits import place_annotated_fits
from afterglow.ingest.training.evidence import Evidence, Job
from afterglow.ingest.training.interface import Assignment, Fit
from afterglow.schemas.annotations import ESTIMATOR, PHASE, AnnotatedFit

from .builders import Log


def _evidence(calls: list[str | None], evaluates: set[int], **fits: AnnotatedFit) -> Evidence:
    """A job per call; `evaluates` are the jobs whose phase says so."""
    log = Log()
    for _ in calls:
        log.job("collect at X.scala:1", log.rdd())
    return Evidence(tuple(map(_carrying(calls, evaluates), log.jobs)), log.rdds, annotated_fits=fits)


def _carrying(calls: list[str | None], evaluates: set[int]) -> Callable[[Job], Job]:
    def job(one: Job) -> Job:
        call = calls[one.job_id]
        phase = {PHASE: "evaluate"} if one.job_id in evaluates else {}
        return replace(one, properties={ESTIMATOR: call, **phase} if call else {})

    return job


def _fit(estimator: str | None, uid: str, *training: int, evaluated: tuple[int, ...] = ()) -> Fit:
    fit = Fit("mllib", "exact", 0.95, fit_uid=uid, estimator=estimator)
    fit.jobs.update(dict.fromkeys(training, "fit"))
    fit.jobs.update(dict.fromkeys(evaluated, "evaluate"))
    return fit


def test_a_pipeline_is_one_fit_with_its_stages_below_it_and_its_evaluation() -> None:
    evidence = _evidence(["p", "p", "p", "p", None], {3}, p=AnnotatedFit("Pipeline", "Pipeline_1"))
    found = [_fit("StringIndexer", "StringIndexer_1", 0), _fit("LogisticRegression", "lr", 2, evaluated=(3, 4))]
    fits, places = place_annotated_fits(evidence, found, {})
    by_uid = {fit.fit_uid: fit for fit in fits}
    assert places == {"p": (None, None, None, "Pipeline_1")}
    assert by_uid["Pipeline_1"].jobs == {1: "fit", 3: "evaluate", 4: "evaluate"}
    assert by_uid["Pipeline_1"].estimator == "Pipeline" and by_uid["Pipeline_1"].source == "annotated"
    assert {(fit.fit_uid, fit.parent) for fit in fits} == {
        ("Pipeline_1", None),
        ("StringIndexer_1", "Pipeline_1"),
        ("lr", "Pipeline_1"),
    }
    assert (by_uid["StringIndexer_1"].jobs, by_uid["lr"].jobs) == ({0: "fit"}, {2: "fit"})


def test_a_fit_that_was_found_is_the_call_itself_and_a_second_call_of_the_object_is_another() -> None:
    calls = {"a": AnnotatedFit("KMeans", "KMeans_1"), "b": AnnotatedFit("KMeans", "KMeans_1")}
    evidence = _evidence(["a", "b"], set(), **calls)
    found = [_fit(None, "fit at x.py:1", 0), _fit("KMeans", "KMeans_9", 1)]
    fits, places = place_annotated_fits(evidence, found, {})
    assert [(fit.fit_uid, fit.estimator, fit.jobs) for fit in fits] == [
        ("KMeans_1", "KMeans", {0: "fit"}),
        ("KMeans_1.2", "KMeans", {1: "fit"}),
    ]
    assert places == {"a": (None, None, None, "KMeans_1"), "b": (None, None, None, "KMeans_1.2")}


def test_an_evaluation_is_of_the_fit_that_it_names_not_of_the_last_one() -> None:
    calls = {"a": AnnotatedFit("LR", "LR_a"), "b": AnnotatedFit("LR", "LR_b")}
    evidence = _evidence(["a", "b", "a"], {2}, **calls)
    fits, _ = place_annotated_fits(evidence, [_fit("LR", "LR_a", 0), _fit("LR", "LR_b", 1, evaluated=(2,))], {})
    assert [(fit.fit_uid, fit.jobs) for fit in fits] == [("LR_a", {0: "fit", 2: "evaluate"}), ("LR_b", {1: "fit"})]


def test_a_call_in_a_loop_is_the_fit_of_its_trial_and_one_without_jobs_is_a_fit_too() -> None:
    evidence = _evidence(["a"], set(), a=AnnotatedFit("LR", "LR_a"), b=AnnotatedFit("Imputer", "Imputer_1"))
    fits, places = place_annotated_fits(evidence, [], {0: Assignment("loop_1", 2, 0, "fit", "LR_a")})
    assert places == {"a": ("loop_1", 2, 0, "LR_a"), "b": (None, None, None, "Imputer_1")}
    assert [(fit.fit_uid, fit.jobs) for fit in fits] == [("Imputer_1", {})]
