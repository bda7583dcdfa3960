"""Every job's search, trial, fold and phase, on handmade logs of one shape each."""

from hypothesis import given
from hypothesis import strategies as st

from afterglow.ingest.training import mllib
from afterglow.ingest.training.assignment import TrainingTree, assign_jobs
from afterglow.ingest.training.interface import Assignment, ParentFit

from .builders import UID, Log


def tree_of(log: Log) -> TrainingTree:
    return assign_jobs(log.evidence(), (mllib.recognize,))


def placed(log: Log) -> dict[int, tuple[str | None, int | None, int | None, str | None]]:
    return {job: (p.tuning_uid, p.trial, p.fold, p.phase) for job, p in tree_of(log).jobs.items()}


@given(
    folds=st.integers(2, 4),
    trials=st.integers(1, 4),
    jobs=st.integers(1, 3),
    before=st.integers(0, 2),
    after=st.integers(0, 2),
)
def test_one_trial_after_the_other(folds: int, trials: int, jobs: int, before: int, after: int) -> None:
    log = Log()
    want: dict[int, tuple[str | None, int | None, int | None, str | None]] = {}
    for _ in range(before):
        log.job("count at App.scala:1", log.rdd())
    for fold in range(folds):
        train, validate = log.fold(fold / folds, (fold + 1) / folds)
        for trial in range(trials):
            *fit, evaluation = log.trial(train, validate, jobs)
            want.update(dict.fromkeys(fit, (UID, trial, fold, "fit")))
            want[evaluation] = (UID, trial, fold, "evaluate")
    want.update(dict.fromkeys(log.refit(jobs=jobs), (UID, None, None, "refit")))
    for _ in range(after):
        log.job("count at App.scala:2", log.rdd())
    assert placed(log) == want


def test_a_plain_fit_right_after_the_refit_is_outside() -> None:
    log = Log()
    for fold in range(2):
        log.trial(*log.fold(fold / 2, (fold + 1) / 2))
    refit = log.refit()
    plain = log.refit()
    places = placed(log)
    assert [places[job][3] for job in refit] == ["refit", "refit"]
    assert not set(plain) & set(places)


def concurrent_search(trials: int) -> Log:
    log = Log()
    for fold in range(2):
        train, validate = log.fold(fold / 2, (fold + 1) / 2)
        own = [log.rdd(parents=(train,)) for _ in range(trials)]
        for turn in range(3):
            for trial in range(trials):
                log.job("treeAggregate at Loss.scala:1", train, own[trial], ends=25 if turn < 2 else 5)
        scores = [log.rdd(parents=(validate,)) for _ in range(trials)]
        for trial in range(trials):
            log.job("collect at Metrics.scala:1", validate, scores[trial], ends=15)
    return log


def test_two_trials_that_overlap_are_told_apart_by_their_rdds() -> None:
    (search,) = tree_of(concurrent_search(2)).searches
    assert search.concurrent and search.paired
    assert {(fit.trial, fit.fold) for fit in search.fits} == {(trial, fold) for trial in range(2) for fold in range(2)}
    for fit in search.fits:
        assert list(fit.jobs.values()).count("fit") == 3
        assert list(fit.jobs.values()).count("evaluate") == 1


def test_trials_too_uncertain_to_pair_are_shown_as_trainings_and_evaluations_of_their_fold() -> None:
    log = concurrent_search(3)
    tree = tree_of(log)
    (search,) = tree.searches
    assert not search.paired and search.confidence < 0.5 and search.num_trials == 3
    assert {fit.trial for fit in search.fits} == {None}
    for fold in range(2):
        of_fold = [set(fit.jobs.values()) for fit in search.fits if fit.fold == fold]
        assert sorted(map(sorted, of_fold)) == [["evaluate"]] * 3 + [["fit"]] * 3
    assert len({fit.fit_uid for fit in search.fits}) == 12
    assert set(tree.jobs) == {job.job_id for job in log.jobs}
    assert all(place.trial is None and place.fold is not None and place.fit_uid for place in tree.jobs.values())


def test_a_search_that_fails_keeps_its_fits_and_takes_nothing_after_it() -> None:
    log = Log()
    train, validate = log.fold(0.0, 0.5)
    log.trial(train, validate)
    failed = log.job("treeAggregate at Loss.scala:1", train, log.rdd(parents=(train,)), status="FAILED")
    later = log.refit()
    places = placed(log)
    assert places[failed] == (UID, 1, 0, "fit")
    assert not set(later) & set(places)


def test_one_object_fitted_twice_is_two_searches() -> None:
    log = Log()
    for attribute in (7, 99):
        for fold in range(2):
            log.trial(*log.fold(fold / 2, (fold + 1) / 2, attribute=attribute))
        log.refit()
    searches = tree_of(log).searches
    assert [search.uid for search in searches] == [UID, f"{UID}.2"]
    assert all(len(search.fits) == 2 and list(search.jobs.values()) == ["refit"] * 2 for search in searches)


def test_a_search_within_a_fit_is_under_it() -> None:
    log = Log()
    inner = "CrossValidator_ba9876543210"
    train, validate = log.fold(0.0, 0.5)
    for fold in range(2):
        inner_train, inner_validate = log.fold(fold / 2, (fold + 1) / 2, uid=inner, attribute=50)
        for rdd_id in (inner_train, inner_validate):
            log.rdds[rdd_id] = type(log.rdds[rdd_id])(rdd_id, log.rdds[rdd_id].name, "", (train,), True)
        instances = log.rdd(parents=(inner_train,))
        log.job("treeAggregate at Loss.scala:1", train, inner_train, instances, estimator="LinearSVC")
        log.job("collect at Metrics.scala:1", train, inner_validate, log.rdd(parents=(inner_validate,)))
    refit = log.job("treeAggregate at Loss.scala:1", train, log.rdd(parents=(train,)), estimator="LinearSVC")
    log.job("collect at Metrics.scala:1", validate, log.rdd(parents=(validate,)))
    tree = tree_of(log)
    by_uid = {search.uid: search for search in tree.searches}
    assert by_uid[inner].parent == ParentFit(UID, 0, 0)
    assert tree.jobs[refit] == Assignment(inner, None, None, "refit")
    assert {tree.jobs[job].tuning_uid for job in range(4)} == {inner}
    assert len(by_uid[UID].fit(0, 0).jobs) == 6  # the inner search's jobs are training of the outer fit


def test_sampled_data_without_a_stack_are_no_search() -> None:
    log = Log()
    base = log.rdd()
    for side in ("0.0, 0.7", "0.7, 1.0"):
        data = log.rdd(f"*(1) Sample {side}, false, 1", (base,), True)
        log.job("treeAggregate at Loss.scala:1", data, log.rdd(parents=(data,)))
    assert placed(log) == {}


def test_jobs_without_anything_stay_outside() -> None:
    log = Log()
    for status in ("SUCCEEDED", "FAILED", "RUNNING"):
        log.job("", status=status)
    log.job("count at App.scala:1", 77)  # an RDD that the log does not describe
    assert placed(log) == {}


@given(st.data())
def test_damaged_evidence_never_raises(data: st.DataObject) -> None:
    log = Log()
    for fold in range(2):
        train, validate = log.fold(fold / 2, (fold + 1) / 2)
        for _ in range(2):
            log.trial(train, validate)
    log.refit()
    lost = data.draw(st.sets(st.integers(0, len(log.jobs) - 1)))
    gone = data.draw(st.sets(st.integers(0, len(log.rdds) - 1)))
    log.jobs = [job for job in log.jobs if job.job_id not in lost]
    log.rdds = {rdd_id: rdd for rdd_id, rdd in log.rdds.items() if rdd_id not in gone}
    tree = tree_of(log)
    assert set(tree.jobs) <= {job.job_id for job in log.jobs}
    assert {place.tuning_uid for place in tree.jobs.values()} <= {search.uid for search in tree.searches}
