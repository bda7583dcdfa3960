"""Searches whose trials are Spark jobs or tasks, from hand-made jobs as Hyperopt, joblib and MLflow submit them."""

from dataclasses import replace

import pyarrow as pa
import pytest

from afterglow.ingest.training import barrier_fits, joblib_spark, optuna_study, spark_trials
from afterglow.ingest.training.estimators import Stack
from afterglow.ingest.training.evidence import Evidence, Job, PythonNode, Rdd, SqlExecution
from afterglow.ingest.training.interface import TaskKey
from afterglow.schemas import spark


def job(
    number: int,
    action: str = "collect at PythonRDD.scala:1",
    group: str | None = None,
    description: str | None = None,
    rdd: int = 0,
    at: int | None = None,
    lasts: int = 5,
    execution: int | None = None,
    stack: Stack = Stack(),  # noqa: B008 - frozen
) -> Job:
    start = 10 * number if at is None else at
    properties = {spark.JOB_GROUP: group, spark.JOB_DESCRIPTION: description}
    known = {key: value for key, value in properties.items() if value is not None}
    end = start + lasts
    return Job(
        number, start, end, start, end, "SUCCEEDED", frozenset({rdd}), action, execution, stack,
        properties=known, stage_ids=(number,), num_tasks=1,
    )  # fmt: skip


def evidence(jobs: list[Job], sizes: dict[int, int] | None = None, barrier: frozenset[int] = frozenset()) -> Evidence:
    ids = {rdd for one in jobs for rdd in one.rdds}
    rdds = {rdd: Rdd(rdd, "PythonRDD", "", (), False, rdd in barrier) for rdd in ids}
    tasks = pa.table({"stage_id": list(sizes or {}), "result_size_bytes": list((sizes or {}).values())})
    return Evidence(tuple(jobs), rdds, tasks=tasks)


def test_trials_of_hyperopt_are_numbered_by_their_source_rdd() -> None:
    jobs = [job(0, group="Hyperopt_SparkTrials_ab", rdd=1), job(1, group="Hyperopt_SparkTrials_ab", rdd=5)]
    jobs += [job(2, group="Hyperopt_SparkTrials_ab", rdd=3), job(3, group="mine")]
    (search,) = spark_trials.recognize(evidence(jobs), ()).searches
    assert [(fit.trial, list(fit.jobs)) for fit in search.fits] == [(0, [0]), (1, [2]), (2, [1])]


def test_hyperopt_is_known_by_its_description_where_a_notebook_has_set_the_group() -> None:
    jobs = [
        job(0, group="notebook", description="Trial evaluation jobs launched by hyperopt fmin"),
        job(1, group="notebook"),
    ]
    (search,) = spark_trials.recognize(evidence(jobs), ()).searches
    assert search.job_ids() == {0}


def threads(sources: list[int], action: str = "collect at PythonRDD.scala:232", tasks: int = 1) -> Evidence:
    """A job per source RDD, as SparkTrials submits them where the thread has a group and a description."""
    jobs = [
        replace(job(n, action, "notebook 7", "cell 3"), rdds=frozenset({source, source + 1}))
        for n, source in enumerate(sources)
    ]
    rdds = {}
    for source in sources:
        rdds[source] = Rdd(source, "ParallelCollectionRDD", "readRDDFromFile at PythonRDD.scala:326", (), False)
        rdds[source + 1] = Rdd(source + 1, "PythonRDD", "RDD at PythonRDD.scala:59", (source,), False)
    stages = pa.table({"stage_id": list(range(len(sources))), "num_tasks": [tasks] * len(sources)})
    return Evidence(tuple(jobs), rdds, stages=stages)


def test_hyperopt_is_known_by_the_shape_of_its_jobs_where_a_notebook_has_set_group_and_description() -> None:
    first, second = spark_trials.recognize(threads([4, 8, 6, 11, 13, 15]), ()).searches
    assert [(fit.trial, list(fit.jobs)) for fit in first.fits] == [(0, [0]), (1, [2]), (2, [1])]
    assert (first.source, first.uid, second.job_ids()) == ("inferred", "Hyperopt_SparkTrials_notebook 7.1", {3, 4, 5})


@pytest.mark.parametrize(
    "other",
    [
        threads([0, 2, 4, 6]),  # no RDD before the first that no job reads
        threads([1, 3]),
        threads([1, 3, 5], action="collect at job.py:9"),
        threads([1, 3, 5], tasks=2),
    ],
)
def test_jobs_of_another_shape_are_no_search(other: Evidence) -> None:
    assert not spark_trials.recognize(other, ()).searches


def joblib_jobs(count: int, first: int = 0) -> list[Job]:
    return [job(first + n, group="joblib-spark-job-group-x", rdd=first + n) for n in range(count)]


def test_every_batch_of_joblib_is_a_trial_and_larger_results_afterwards_are_the_refit() -> None:
    sizes = {**dict.fromkeys(range(6), 1700), 1: 1780, **dict.fromkeys(range(6, 10), 4600)}
    (search,) = joblib_spark.recognize(evidence(joblib_jobs(10), sizes), ()).searches
    assert len(search.fits) == 6 and search.jobs == dict.fromkeys(range(6, 10), "refit")


@pytest.mark.parametrize(
    "sizes",
    [
        dict.fromkeys(range(10), 1700),  # cross_val_score with the same backend: scores too
        {n: 1000 + 400 * n for n in range(10)},  # return_estimator: models of any size
        dict.fromkeys(range(10), 0),
    ],
)
def test_no_refit_is_claimed_where_results_do_not_tell(sizes: dict[int, int]) -> None:
    (search,) = joblib_spark.recognize(evidence(joblib_jobs(10), sizes), ()).searches
    assert len(search.fits) == 10 and not search.jobs


def test_jobs_that_overlap_the_last_fit_are_no_refit() -> None:
    jobs = [*joblib_jobs(3), job(3, group="joblib-spark-job-group-x", rdd=3, at=22)]
    (search,) = joblib_spark.recognize(evidence(jobs, {0: 100, 1: 100, 2: 100, 3: 900}), ()).searches
    assert len(search.fits) == 4


def study(trials: int, tasks: int, function: str = "run_task_on_executor_pd") -> Evidence:
    one = job(0, group="optuna_trial_price_7", execution=4)
    nodes = (
        PythonNode("MapInPandas", f"MapInPandas {function}(id#0L)#1, [error#2], false"),
        PythonNode("Range", f"Range (0, {trials}, step=1, splits={tasks})"),
    )
    execution = SqlExecution(4, 0, 9, 0, 9, "", Stack(), nodes)
    rows = {
        "stage_id": [0] * tasks,
        "stage_attempt": [0] * tasks,
        "task_id": list(range(tasks)),
        "index": list(range(tasks)),
        "status": ["SUCCESS"] * tasks,
    }
    return Evidence((one,), {}, executions={4: execution}, tasks=pa.table(rows))


def test_a_study_whose_tasks_have_one_trial_each_has_the_figures_of_its_tasks() -> None:
    (search,) = optuna_study.recognize(study(3, 3), ()).searches
    assert search.uid == "optuna_price"
    assert [(fit.trial, fit.tasks) for fit in search.fits] == [(n, [TaskKey(0, 0, n)]) for n in range(3)]


def test_a_study_with_several_trials_in_a_task_is_one_job() -> None:
    (search,) = optuna_study.recognize(study(6, 2), ()).searches
    assert not search.fits and search.jobs == {0: "fit"}
    assert not optuna_study.recognize(study(6, 2, "score"), ()).searches


def test_a_barrier_job_is_a_fit_with_what_prepares_it_and_what_evaluates_it() -> None:
    line = "fit at train.py:9"
    jobs = [
        job(0, "count at train.py:3"),
        job(1, line),
        job(2, "javaToPython at <unknown>:0"),
        job(3, line, rdd=7),
        job(4, "collect at X.scala:1", stack=Stack(evaluator="RegressionEvaluator")),
        job(5, "show at train.py:20"),
    ]
    (fit,) = barrier_fits.recognize(evidence(jobs, barrier=frozenset({7})), ()).fits
    assert fit.jobs == {1: "fit", 2: "fit", 3: "fit", 4: "evaluate"} and fit.name == line
    assert not barrier_fits.recognize(evidence(jobs), ()).fits


def test_a_query_right_before_the_barrier_job_prepares_it_even_where_no_job_has_the_line_of_the_user() -> None:
    pool = "$anonfun$withThreadLocalCaptured$1 at CompletableFuture.java:1768"
    jobs = [
        job(0, "fit at other.py:1"),
        job(1, "count at train.py:3", execution=1),
        job(2, pool),
        job(3, "fit at train.py:9", rdd=7),
        job(4, pool, execution=2),
        job(5, "fit at train.py:9", rdd=7),
    ]
    fits = barrier_fits.recognize(evidence(jobs, barrier=frozenset({7})), ()).fits
    assert [list(fit.jobs) for fit in fits] == [[2, 3], [5]]
