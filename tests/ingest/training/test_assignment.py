"""One place per job: annotated before exact before inferred, a search before a fit."""

import pytest

from afterglow.ingest.training.assignment import TrainingTree, resolve
from afterglow.ingest.training.interface import Fit, ParentFit, Recognition, Search, Source

from .builders import Log


def resolved(*recognitions: Recognition, jobs: int = 6) -> TrainingTree:
    log = Log()
    for _ in range(jobs):
        log.job("count at App.scala:1", log.rdd())
    return resolve(log.evidence(), recognitions)


def search(uid: str, source: Source, *jobs: int, framework: str = "x") -> Search:
    found = Search(uid, framework, source)
    for trial, job in enumerate(jobs):
        found.fit(trial, 0).jobs[job] = "fit"
    return found


@pytest.mark.parametrize(
    ("first", "second"), [("inferred", "exact"), ("exact", "annotated"), ("inferred", "annotated")]
)
def test_of_two_searches_with_a_job_in_common_the_better_source_holds(first: Source, second: Source) -> None:
    tree = resolved(Recognition([search("a", first, 0, 1)]), Recognition([search("b", second, 1, 2)]))
    assert [one.uid for one in tree.searches] == ["b"]
    assert set(tree.jobs) == {1, 2}


def test_of_equal_sources_the_recognizer_that_comes_first_holds() -> None:
    tree = resolved(Recognition([search("a", "exact", 0, 1)]), Recognition([search("b", "exact", 1, 2)]))
    assert [one.uid for one in tree.searches] == ["a"]


def test_what_a_search_does_not_know_comes_from_the_one_of_its_uid() -> None:
    found = search("a", "exact", 0)
    found.num_folds, found.kind = 3, "CrossValidator"
    (held,) = resolved(Recognition([search("a", "annotated", 0)]), Recognition([found])).searches
    assert (held.source, held.num_folds, held.kind) == ("annotated", 3, "CrossValidator")


def test_a_job_of_nested_searches_is_the_innermost_s() -> None:
    inner = search("inner", "exact", 1, 2)
    inner.parent = ParentFit("outer", 0, 0)
    outer = Search("outer", "x", "exact")
    outer.fit(0, 0).jobs.update({1: "fit", 2: "fit", 3: "fit"})
    tree = resolved(Recognition([inner, outer]))
    assert [tree.jobs[job].tuning_uid for job in (1, 2, 3)] == ["inner", "inner", "outer"]


def test_a_search_whose_parent_does_not_hold_is_under_none() -> None:
    inner = search("inner", "exact", 1)
    inner.parent = ParentFit("outer", 0, 0)
    (held,) = resolved(Recognition([inner])).searches
    assert held.parent is None


def test_a_fit_has_only_the_jobs_that_no_search_has() -> None:
    fits = [
        Fit("y", "annotated", 1.0, fit_uid="both", jobs={1: "fit", 2: "fit"}),
        Fit("y", "exact", 1.0, fit_uid="inside", jobs={0: "fit"}),
    ]
    tree = resolved(Recognition([search("a", "inferred", 0, 1)]), Recognition(fits=fits))
    assert {fit.fit_uid: set(fit.jobs) for fit in tree.fits} == {"both": {2}}
    assert tree.jobs[2].fit_uid == "both" and tree.jobs[2].tuning_uid is None


def test_a_fit_without_jobs_stays_for_the_fits_that_it_called() -> None:
    outer = Fit("y", "exact", 1.0, fit_uid="pipeline")
    inner = Fit("y", "exact", 1.0, fit_uid="stage", parent="pipeline", jobs={0: "fit"})
    lone = Fit("y", "exact", 1.0, fit_uid="empty")
    assert {fit.fit_uid for fit in resolved(Recognition(fits=[outer, inner, lone])).fits} == {"pipeline", "stage"}
