"""Distributed training in a barrier stage: xgboost.spark, TorchDistributor and others that start a worker per task.

`xgboost.spark.core._SparkXGBEstimator._fit` counts labels and repartitions, then runs `mapInPandas(...).rdd.barrier()`.
`pyspark.ml.torch.distributor.TorchDistributor.run` runs one `mapInArrow(..., barrier=True)`. The jobs of one call have
the user's line as their call site.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import takewhile

from ...schemas import spark
from .evidence import Evidence, Job
from .interface import EstimatorName, Fit, Recognition

FRAMEWORK = "barrier"
TORCH = "TorchDistributor"
# pyspark.ml.torch.distributor.Distributor._get_spark_task_function
_TORCH_FUNCTION = "wrapped_train_fn("
_FIT = "fit at "
_CONFIDENCE = 0.95


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """The fits of jobs with a barrier stage that no recognizer before has claimed."""
    jobs = [job for job in evidence.jobs if job.job_id not in claimed]
    fits = _fits(jobs, evidence)
    _name(fits)
    _add_evaluations(fits, jobs)
    estimators = {
        job: EstimatorName(fit.estimator, None)
        for fit in fits
        for job, phase in fit.jobs.items()
        if phase == "fit" and fit.estimator
    }
    return Recognition(fits=fits, estimators=estimators)


def _fits(jobs: Sequence[Job], evidence: Evidence) -> list[Fit]:
    """A fit ends with its barrier job; jobs of the same line before it prepare its data."""
    fits: list[Fit] = []
    before: list[Job] = []
    for job in jobs:
        if not _is_barrier(job, evidence):
            before.append(job)
            continue
        torch = _is_torch(job, evidence)
        fit = Fit(TORCH if torch else FRAMEWORK, "exact", 1.0 if torch else _CONFIDENCE, name=job.action)
        fit.estimator = TORCH if torch else None
        own = [] if torch else _preparing(before, job)
        fit.jobs.update({one.job_id: "fit" for one in (*own, job)})
        fits.append(fit)
        before = []
    return fits


def _preparing(before: Sequence[Job], barrier: Job) -> list[Job]:
    """The jobs right before the barrier job that have its line, or no line of the user's and show no MLlib: with one
    worker the data is repartitioned by a query that the line does not show."""
    if not barrier.action.startswith(_FIT):
        return []
    own = takewhile(
        lambda job: job.action == barrier.action or (_has_no_line(job) and not _shows_ml(job)), reversed(before)
    )
    return list(own)[::-1]


def _has_no_line(job: Job) -> bool:
    """py4j calls without a Python caller: `javaToPython at <unknown>:0`, `javaToPython at NativeMethodAccessorImpl`; in
    Spark 4 the pool thread of an adaptive query outside SQL executions."""
    in_pool = spark.is_pool_thread(job.action) and job.execution is None
    return in_pool or job.action.startswith("javaToPython at ")


def _is_barrier(job: Job, evidence: Evidence) -> bool:
    return any(evidence.rdds[rdd].barrier for rdd in job.rdds if rdd in evidence.rdds) and not _shows_ml(job)


def _is_torch(job: Job, evidence: Evidence) -> bool:
    execution = evidence.executions.get(-1 if job.execution is None else job.execution)
    return execution is not None and any(_TORCH_FUNCTION in node.text for node in execution.python_nodes)


def _name(fits: Sequence[Fit]) -> None:
    seen: Counter[str] = Counter()
    for fit in fits:
        own = fit.estimator or fit.name or "fit"
        seen[own] += 1
        fit.fit_uid = own if seen[own] == 1 else f"{own}.{seen[own]}"


def _add_evaluations(fits: Sequence[Fit], jobs: Sequence[Job]) -> None:
    """Evaluators' jobs right after a fit evaluate its model, as long as nothing else is trained."""
    of_job = {job: fit for fit in fits for job in fit.jobs}
    last: Fit | None = None
    for job in jobs:
        if job.job_id in of_job:
            last = of_job[job.job_id]
        elif job.stack.estimator is not None:
            last = None
        elif job.stack.evaluator is not None and last is not None:
            last.jobs[job.job_id] = "evaluate"


def _shows_ml(job: Job) -> bool:
    return job.stack.estimator is not None or job.stack.evaluator is not None
