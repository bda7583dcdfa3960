"""An estimator and an evaluator that learn nothing: the jobs of a trial have `size` tasks, a param of the trial.

So the number of tasks of a job shows its trial without local properties. Evaluation jobs have TIMES as many.
"""

from __future__ import annotations

import time
from typing import Any

from pyspark import SparkContext
from pyspark.ml import Estimator, Model
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Param, Params, TypeConverters

TIMES = 10
truth: list[tuple[int, float]] = []  # (size, metric) of every evaluation, in the order in which they ended
failing: set[int] = set()  # sizes whose fit raises


class FitFailed(Exception):
    pass


def jobs(dataset: Any, tasks: int) -> None:
    """Two jobs, with a pause in which other threads' jobs come between."""
    context = SparkContext._active_spark_context  # a DataFrame of Spark 3.2 has no sparkSession
    assert context is not None
    for _ in range(2):
        # Java's RDD: no Python worker needs to be started.
        context._jsc.parallelize([1] * tasks, tasks).count()
        time.sleep(0.05)


class Sized(Estimator):
    size = Param(Params._dummy(), "size", "tasks of each job", TypeConverters.toInt)

    def __init__(self, size: int = 1) -> None:
        super().__init__()
        self._set(size=size)

    def _fit(self, dataset: Any) -> Any:
        size = self.getOrDefault(self.size)
        jobs(dataset, size)
        if size in failing:
            raise FitFailed(f"no size {size} today")
        return SizedModel(size)


class SizedModel(Model):
    def __init__(self, size: int = 1) -> None:
        super().__init__()
        self.fitted = size

    def copy(self, extra: Any = None) -> Any:
        return self

    def _transform(self, dataset: Any) -> Any:
        out = dataset.select("*")
        out.fitted = self.fitted
        return out


class SizeEvaluator(Evaluator):
    def getMetricName(self) -> str:
        return "thirds"

    def _evaluate(self, dataset: Any) -> float:
        jobs(dataset, dataset.fitted * TIMES)
        # Digits that only repr keeps, another value each time.
        metric = dataset.fitted / 3 + len(truth) / 7e5
        truth.append((dataset.fitted, metric))
        return metric

    def isLargerBetter(self) -> bool:
        return True


def grid(estimator: Sized, *sizes: int) -> list[Any]:
    return [{estimator.size: size} for size in sizes]
