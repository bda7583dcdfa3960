"""One fit of a search: the trial's jobs carry its marks, and its metric is taken from what the closure returns."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..schemas.annotations import PHASE, TRIAL
from . import context as frames
from . import event_queue as outbox
from .context import Frame, Tuning
from .encode import number
from .fits import span
from .job_properties import Marks
from .never_raise import guarded


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold of a search, and how to mark the jobs of its trials (None: not possible)."""

    tuning: Tuning
    number: int
    mark: Callable[[], Marks] | None


class EstimatorOfFold:
    """Stands in for the search's estimator in _parallelFitTasks, which asks it for `fitMultiple` only.

    The index of a trial is known before its fit to this iterator alone: closures may run in any order.
    """

    def __init__(self, estimator: Any, fold: Fold) -> None:
        self._estimator = estimator
        self._fold = fold

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)

    def fitMultiple(self, dataset: Any, maps: Any) -> Any:
        """As Estimator.fitMultiple."""
        models = self._estimator.fitMultiple(dataset, maps)
        # pyspark.ml.base._FitMultipleIterator
        if hasattr(models, "fitSingleModel"):
            models.fitSingleModel = _fit_of_trial(models.fitSingleModel)
            return models
        return _Models(models)


class _Models:
    """Models of an estimator with its own fitMultiple: the index comes with the model, the jobs of the fit lack it."""

    def __init__(self, models: Any) -> None:
        self._models = models

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        found = next(self._models)
        _know(found[0] if isinstance(found, tuple) else None)
        _evaluating()
        return found


def _fit_of_trial(original: Callable[[int], Any]) -> Callable[[int], Any]:
    @functools.wraps(original)
    def fit(index: int) -> Any:
        _know(index)
        model = original(index)
        _evaluating()
        return model

    return fit


def in_trial(task: Callable[[], Any], fold: Fold) -> Callable[[], Any]:
    """The closure of one trial; it runs on any thread, and returns (index, metric, model)."""

    @functools.wraps(task)
    def run() -> Any:
        frame = _begin(fold)
        try:
            result = task()
        except BaseException as error:
            if frame is not None:
                _end(frame, None, error)
            raise
        if frame is not None:
            _end(frame, result, None)
        return result

    return run


@guarded
def _begin(fold: Fold) -> Frame:
    tuning = fold.tuning
    frame = Frame(
        "trial", tuning.id, tuning.uid, tuning.names, outbox.now_ms(), tuning.run, tuning=tuning, fold=fold.number
    )
    with frames.opening(frame):
        frame.marks = fold.mark() if fold.mark else None
    return frame


@guarded
def _know(index: Any) -> None:
    """The thread's trial is this one."""
    frame = frames.top()
    if frame is not None and frame.kind == "trial" and index is not None:
        frame.trial = int(index)
        if frame.marks is not None:
            frame.marks.set(TRIAL, str(frame.trial))


@guarded
def _evaluating() -> None:
    frame = frames.top()
    if frame is not None and frame.kind == "trial":
        frame.evaluate_ms = outbox.now_ms()
        if frame.marks is not None:
            frame.marks.set(PHASE, "evaluate")


@guarded
def _end(frame: Frame, result: Any, error: BaseException | None) -> None:
    frames.pop(frame)
    if frame.marks is not None:
        frame.marks.end()
    index, metric = (result[0], result[1]) if result is not None else (frame.trial, None)
    outbox.add(
        "fit_end",
        id=frame.id,
        uid=frame.uid,
        fold=frame.fold,
        trial=None if index is None else int(index),
        metric=None if metric is None else number(metric),
        evaluate_ms=frame.evaluate_ms,
        **span(frame, error),
    )
    tuning = frame.tuning
    if tuning is None or error is not None:
        return
    with tuning.lock:
        tuning.fits_ended += 1
        over = tuning.fits_ended == tuning.fits
    if over and tuning.marks is not None:
        # On the search's own thread nothing is left but the fit of the best model on all data.
        tuning.marks.set(PHASE, "refit")
