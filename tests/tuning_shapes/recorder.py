"""Know, while PySpark searches run, which job is of which fit, whatever the parallelism and nesting.

Every thread gets its own copy of the local properties and writes there what it is doing; the generator reads it from
the JobStart events afterwards and takes it out again, so that the log is that of a job nobody watched.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyspark.ml.tuning as tuning
from pyspark import SparkContext

PROPERTY = "truth.of.this.job"
_calls: Counter[str] = Counter()
_lock = threading.Lock()
_state = threading.local()


@contextmanager
def told(text: str) -> Iterator[None]:
    """Jobs of this thread carry `text` meanwhile."""
    spark = SparkContext.getOrCreate()._jsc.sc()
    before = spark.getLocalProperties()
    own = before.clone()
    own.setProperty(PROPERTY, text)
    spark.setLocalProperties(own)
    try:
        yield
    finally:
        spark.setLocalProperties(before)


def record() -> None:
    """From now on every CrossValidator and TrainValidationSplit tells."""
    for kind in (tuning.CrossValidator, tuning.TrainValidationSplit):
        kind._fit = _told_fit(kind._fit)
    original = tuning._parallelFitTasks

    def parallel_fit_tasks(*args: Any) -> list[Callable[[], Any]]:
        call, fold = _state.call, _state.fold
        _state.fold += 1
        return [_told_task(task, call, fold, index) for index, task in enumerate(original(*args))]

    tuning._parallelFitTasks = parallel_fit_tasks


def _told_fit(fit: Callable[..., Any]) -> Callable[..., Any]:
    def told_fit(self: Any, dataset: Any) -> Any:
        with _lock:
            _calls[self.uid] += 1
            call = self.uid if _calls[self.uid] == 1 else f"{self.uid}.{_calls[self.uid]}"
        outer = getattr(_state, "call", None), getattr(_state, "fold", 0)
        _state.call, _state.fold = call, 0
        try:
            with told(f"{call}|tuner"):
                return fit(self, dataset)
        finally:
            _state.call, _state.fold = outer

    return told_fit


def _told_task(task: Callable[[], Any], call: str, fold: int, index: int) -> Callable[[], Any]:
    def told_task() -> Any:
        with told(f"{call}|{fold}|{index}"):
            return task()

    return told_task
