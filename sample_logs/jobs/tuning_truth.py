"""Write down, while a PySpark tuning runs, which Spark jobs belong to which of its fits.

The event log must stay that of a job nobody watched, so nothing is set on the SparkContext: the numbers come from
DAGScheduler.numTotalJobs, read before and after each piece of work. That is exact for a parallelism of 1 only.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyspark.ml.tuning
from pyspark import SparkContext
from pyspark.ml import Model
from pyspark.ml.tuning import CrossValidator, TrainValidationSplit
from pyspark.sql import DataFrame

Fit = Callable[[], tuple[int, float, Any]]
Truth = dict[str, Any]


def fit_with_truth(tuner: CrossValidator | TrainValidationSplit, data: DataFrame, path: Path) -> Model:
    """Fit `tuner` on `data`, write the truth of its jobs to `path` as JSON, and return the fitted model.

    Raises ValueError if the tuner runs several fits at once.
    """
    if tuner.getParallelism() != 1:
        raise ValueError("jobs can be told apart by their numbers only with a parallelism of 1")
    context = SparkContext.getOrCreate()
    fits: list[dict[str, Any]] = []
    jobs: dict[str, dict[str, Any]] = {}
    first = _jobs_so_far(context)
    with _watched(context, tuner.uid, fits, jobs):
        model = tuner.fit(data)
    for job in range(first, _jobs_so_far(context)):
        jobs.setdefault(str(job), {"uid": tuner.uid, "phase": "tuner"})
    truth = {
        "app_id": context.applicationId,
        "tunings": [_tuning(tuner, model, fits)],
        "jobs": dict(sorted(jobs.items(), key=lambda item: int(item[0]))),
    }
    path.write_text(json.dumps(truth, indent=1) + "\n")
    return model


def _jobs_so_far(context: SparkContext) -> int:
    return int(context._jsc.sc().dagScheduler().numTotalJobs())


@contextmanager
def _watched(context: SparkContext, uid: str, fits: list[dict[str, Any]], jobs: dict[str, Any]) -> Iterator[None]:
    """Have every closure of pyspark.ml.tuning._parallelFitTasks leave its fit and its jobs in `fits` and `jobs`."""
    module: Any = pyspark.ml.tuning
    original = module._parallelFitTasks
    folds = iter(range(1_000))  # called once per fold, in their order

    def parallel_fit_tasks(*args: Any) -> list[Fit]:
        fold = next(folds)

        def watch(fit: Fit) -> Fit:
            def watched() -> tuple[int, float, Any]:
                first = _jobs_so_far(context)
                index, metric, model = fit()
                fits.append({"fold": fold, "index": index, "metric": metric, "started": len(fits)})
                for job in range(first, _jobs_so_far(context)):
                    jobs[str(job)] = {"uid": uid, "fold": fold, "index": index}
                return index, metric, model

            return watched

        return [watch(fit) for fit in original(*args)]

    module._parallelFitTasks = parallel_fit_tasks
    try:
        yield
    finally:
        module._parallelFitTasks = original


def _tuning(tuner: Any, model: Any, fits: list[dict[str, Any]]) -> Truth:
    cross = isinstance(tuner, CrossValidator)
    evaluator = tuner.getEvaluator()
    stages = {stage.uid: type(stage).__name__ for stage in getattr(tuner.getEstimator(), "getStages", list)()}
    stages[tuner.getEstimator().uid] = type(tuner.getEstimator()).__name__
    truth: Truth = {
        "uid": tuner.uid,
        "kind": type(tuner).__name__,
        "estimator": type(tuner.getEstimator()).__name__,
        "evaluator": type(evaluator).__name__,
        "metric": evaluator.getMetricName(),
        "param_maps": [
            {f"{stages[param.parent]}.{param.name}": value for param, value in param_map.items()}
            for param_map in tuner.getEstimatorParamMaps()
        ],
        "parallelism": tuner.getParallelism(),
        "fits": fits,
        "summary": list(model.avgMetrics if cross else model.validationMetrics),
    }
    return truth | ({"num_folds": tuner.getNumFolds()} if cross else {"train_ratio": tuner.getTrainRatio()})
