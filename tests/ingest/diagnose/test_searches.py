"""Findings of searches, in handmade ones."""

import json
from typing import Any

import pytest

from tests.ingest.diagnose.builders import START, Made, Row, task

UID = "CrossValidator_0123456789ab"


def search(
    trials: list[int],
    folds: int = 2,
    cores: int = 8,
    features_ms: int = 0,
    params: list[str] | None = None,
    metrics: list[float] | None = None,
    master: str = "yarn",
    larger_better: bool | None = True,
    parallelism: int = 1,
) -> Made:
    """A search whose trials take so many ms in every fold, on one core; each may begin with a feature stage."""
    work = Made(executors=cores, master=master)
    for fold in range(folds):
        for trial, ms in enumerate(trials):
            at = {"tuning_uid": UID, "trial": trial, "fold": fold, "phase": "fit"}
            begin = work.at
            if features_ms:
                work.stage([features_ms], name="features", job={**at, "estimator_class": "PCA"})
            work.stage([ms], name="train", job={**at, "estimator_class": "LinearRegression"})
            work.rows["fits"].append(
                {
                    **{name: at[name] for name in ("tuning_uid", "trial", "fold")},
                    "start_time_ms": START + begin,
                    "end_time_ms": START + work.at,
                    "fit_start_time_ms": START + begin,
                }
            )
    for trial in range(len(trials)):
        known: Row = {
            "params_json": params[trial] if params else None,
            "avg_metric": metrics[trial] if metrics else None,
        }
        work.rows["trials"].append({"tuning_uid": UID, "trial": trial, **known})
    work.rows["tunings"].append(
        {
            "tuning_uid": UID,
            "framework": "mllib",
            "parallelism": parallelism,
            "estimator_class": "LinearRegression",
            "larger_better": larger_better,
        }
    )
    return work


def test_a_trial_that_costs_more_than_it_gives() -> None:
    row = search([2_000, 2_000, 2_000, 20_000], metrics=[0.7, 0.9, 0.8, 0.9]).one("expensive_trial")
    assert (row["tuning_uid"], row["trial"], row["level"], row["cost_ms"]) == (UID, 3, "trial", 36_000)
    assert "took 40 s; those of the median trial took 4 s. Trial 1 has an equally good metric (0.9" in row["message"]


@pytest.mark.parametrize(
    "metrics, larger_better, dear",
    [
        ([0.7, 0.9, 0.8, 0.99], True, False),
        ([0.7, 0.9, 0.8, 0.60], False, False),
        ([0.7, 0.9, 0.8, 0.99], False, True),
        ([0.7, 0.9, 0.8, 0.80], None, False),
        (None, None, True),
    ],
)
def test_whether_an_expensive_trial_gave_enough(
    metrics: list[float] | None, larger_better: bool | None, dear: bool
) -> None:
    work = search([2_000, 2_000, 2_000, 20_000], metrics=metrics, larger_better=larger_better)
    assert ("expensive_trial" in work.codes()) is dear


def test_the_first_fit_of_a_search_starts_everything_up() -> None:
    slow_start = search([20_000, 2_000, 2_000, 2_000], folds=1)
    assert "expensive_trial" not in slow_start.codes()
    assert search([20_000, 2_000, 2_000, 2_000], folds=3).one("expensive_trial")["cost_ms"] == 3 * 18_000


def test_of_fits_side_by_side_each_first_one_starts_up() -> None:
    assert "expensive_trial" not in search([20_000, 20_000, 2_000, 2_000, 2_000], folds=1, parallelism=2).codes()


def test_persisting_a_fold_s_data_is_no_trial_s_own_cost() -> None:
    work = search([20_000, 2_000, 2_000, 2_000], folds=3)
    for number, row in enumerate(work.rows["stages"]):
        row["persisted_rdd_ids"] = [number // 4]
    assert "expensive_trial" not in work.codes()


def test_trials_that_cost_the_same_are_not_dear() -> None:
    assert "expensive_trial" not in search([4_000, 5_000, 6_000]).codes()


def test_features_that_are_fitted_again() -> None:
    row = search([2_000, 2_000, 2_000], features_ms=5_000).one("repeated_features")
    assert (row["tuning_uid"], row["level"], row["cost_ms"]) == (UID, "tuning", 2 * 2 * 5_000)
    assert "PCA was fitted in 6 fits, 4 times on data that an earlier trial" in row["message"]


def test_features_that_a_search_varies_are_fitted_for_each() -> None:
    varied = [f'{{"PCA.k": {k}, "LinearRegression.regParam": {r}}}' for k in (3, 5) for r in (0.1, 0.2)]
    row = search([2_000] * 4, features_ms=5_000, params=varied).one("repeated_features")
    assert row["cost_ms"] == 2 * 2 * 5_000
    every = [f'{{"PCA.k": {k}}}' for k in range(4)]
    assert "repeated_features" not in search([2_000] * 4, features_ms=5_000, params=every).codes()


def test_a_search_without_feature_stages() -> None:
    assert "repeated_features" not in search([2_000] * 4).codes()


def reading(cached: bool) -> Made:
    """A search of three folds: the training data of each is persisted, what they come from is or is not."""
    work = Made(executors=2)
    prepare: dict[str, Any] = {"source_rdd_ids": [1], "persisted_rdd_ids": [2] if cached else []}
    work.stage([6_000, 6_000], name="count", **prepare)
    for fold in range(3):
        persisted = [*([2] if cached else []), 10 + fold]
        job = {"tuning_uid": UID, "trial": 0, "fold": fold, "phase": "fit"}
        work.stage([600 if cached else 6_000] * 2, job=job, source_rdd_ids=[1], persisted_rdd_ids=persisted)
        work.stage([500] * 2, job=job, source_rdd_ids=[1], persisted_rdd_ids=persisted)
    work.rows["tunings"].append({"tuning_uid": UID, "framework": "mllib", "parallelism": 1})
    return work


def test_a_trial_that_is_a_task_reads_no_source() -> None:
    work = reading(cached=False)
    work.rows["tunings"][0]["framework"] = "joblib-spark"
    assert work.codes() == []


def test_data_that_are_computed_again_for_every_fold() -> None:
    row = reading(cached=False).one("not_cached")
    assert (row["tuning_uid"], row["cost_ms"]) == (UID, 2 * 5_500)
    assert row["message"].startswith("3 of its jobs computed their data from the source, for 18 s")


def test_data_that_are_cached_before() -> None:
    assert reading(cached=True).codes() == []


def test_what_parallelism_would_have_given() -> None:
    row = search([10_000] * 8, folds=1).one("parallelism")
    figures = json.loads(row["figures"])
    assert [figures[f"parallelism_{n}_ms"] for n in (2, 4, 8)] == [40_000, 20_000, 10_000]
    assert row["cost_ms"] == 70_000 and row["severity"] == "warning"
    assert "One fit at a time left 88 % of 8 cores idle" in row["message"]


def test_parallelism_gives_no_more_than_the_cores() -> None:
    figures = json.loads(search([10_000] * 8, folds=1, cores=2).one("parallelism")["figures"])
    assert [figures[f"parallelism_{n}_ms"] for n in (2, 4, 8)] == [40_000, 40_000, 40_000]
    assert "parallelism" not in search([10_000] * 8, folds=1, cores=1).codes()


def test_only_more_at_once_than_there_were_is_tried() -> None:
    figures = json.loads(search([10_000] * 8, folds=1, parallelism=2).one("parallelism")["figures"])
    assert "parallelism_2_ms" not in figures and figures["parallelism_4_ms"] == 20_000


def task_search(trials: list[tuple[int, str, int]], executors: int = 2, parallelism: int = 2, **columns: Any) -> Made:
    """A search whose trials are one job of one task each: (start, executor, ms). `columns` are of the tuning."""
    work = Made(executors=executors, cores=2)
    for number, (at, executor, ms) in enumerate(trials):
        work.stage([task(ms, executor, at)], job={"tuning_uid": UID, "trial": number, "phase": "fit"})
    work.at = max(at + ms for at, _, ms in trials)
    tuning = {"tuning_uid": UID, "parallelism": parallelism, "num_trials": len(trials), "status": "FINISHED"}
    work.rows["tunings"].append({**tuning, **columns})
    return work


def test_trials_that_share_an_executor_while_another_is_idle() -> None:
    row = task_search([(0, "1", 20_000), (0, "1", 20_000), (20_000, "2", 10_000)]).one("shared_executor")
    assert (row["tuning_uid"], row["level"], row["cost_ms"], row["severity"]) == (UID, "tuning", 10_000, "warning")
    assert "2 trials ran beside another one on their executor for 20 s, 67 % of the search" in row["message"]


@pytest.mark.parametrize(
    "trials",
    [
        [(0, "1", 20_000), (0, "2", 20_000)],  # one each
        [(0, "1", 20_000), (0, "1", 20_000), (0, "2", 20_000)],  # no executor is idle
        [(0, "1", 10_000), (10_000, "1", 10_000)],  # one after the other
    ],
)
def test_trials_that_share_nothing_that_could_be_theirs(trials: list[tuple[int, str, int]]) -> None:
    assert "shared_executor" not in task_search(trials).codes()


def test_trials_of_many_tasks_share_executors_as_any_stage_does() -> None:
    work = task_search([(0, "1", 20_000)])
    job = {"tuning_uid": UID, "trial": 1, "phase": "fit"}
    work.at = 0
    work.stage([task(20_000, "1", 0), task(20_000, "1", 0)], job=job)
    assert "shared_executor" not in work.codes()


def test_parallelism_above_the_trials() -> None:
    row = task_search([(0, "1", 9_000), (0, "2", 9_000)], parallelism=4).one("unused_parallelism")
    assert (row["tuning_uid"], row["severity"], row["cost_ms"]) == (UID, "note", 0)
    assert row["message"] == "The search had a parallelism of 4 and 2 trials."


@pytest.mark.parametrize("columns", [{"parallelism": 2}, {"parallelism": None}, {"status": "RUNNING"}])
def test_parallelism_that_has_its_trials_or_will_have(columns: dict[str, Any]) -> None:
    work = task_search([(0, "1", 9_000), (0, "2", 9_000)], **{"parallelism": 4, **columns})
    assert "unused_parallelism" not in work.codes()


@pytest.mark.parametrize("first, found", [("FAILED", True), ("KILLED", False)])
def test_a_trial_that_spark_ran_again(first: str, found: bool) -> None:
    work = Made(executors=2)
    tasks = [task(4_000, "1", 0, status=first, index=0), task(5_000, "2", 4_000, index=0, attempt=1)]
    work.stage(tasks, job={"tuning_uid": UID, "trial": 0, "phase": "fit"})
    work.rows["tunings"].append({"tuning_uid": UID, "parallelism": 1, "num_trials": 1, "status": "FINISHED"})
    assert ("retried_trial" in work.codes()) is found
    if found:
        row = work.one("retried_trial")
        assert (row["cost_ms"], row["message"]) == (4_000, "Spark ran trial 0 again after 1 failed attempt.")


def test_a_trial_that_failed_for_good_was_not_retried() -> None:
    work = Made(executors=2)
    work.stage([task(4_000, "1", 0, status="FAILED")], job={"tuning_uid": UID, "trial": 0, "phase": "fit"})
    work.rows["tunings"].append({"tuning_uid": UID, "parallelism": 1, "num_trials": 1, "status": "FAILED"})
    assert "retried_trial" not in work.codes()
