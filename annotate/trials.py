"""Annotate the trials of a search: job properties per trial, and the metric that the trial's closure returns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..schemas.annotations import PHASE, TRIAL
from . import context, event_queue
from .context import Scope, SearchScope
from .encode import number
from .fits import end_fields
from .job_properties import JobProperties
from .never_raise import never_raise


@dataclass(frozen=True)
class Fold:
    """One fold of a search, and the setter of its trials' job properties (None: jobs cannot have any)."""

    search: SearchScope
    number: int
    set_properties: Callable[[], JobProperties] | None


class EstimatorProxy:
    """Takes the estimator's place in _parallelFitTasks, which only calls its `fitMultiple`.

    Closures run in any order, so only this iterator knows the index of a trial before its fit.
    """

    def __init__(self, estimator: Any, fold: Fold) -> None:
        self._estimator = estimator
        self._fold = fold

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)

    def fitMultiple(self, dataset: Any, maps: Any) -> Any:
        """Do what Estimator.fitMultiple does."""
        models = self._estimator.fitMultiple(dataset, maps)
        # pyspark.ml.base._FitMultipleIterator
        if hasattr(models, "fitSingleModel"):
            models.fitSingleModel = _wrap_fit_single_model(models.fitSingleModel)
            return models
        return _Models(models)


class _Models:
    """Models of an estimator that defines fitMultiple: the index comes with the model, after the jobs of the fit."""

    def __init__(self, models: Any) -> None:
        self._models = models

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        found = next(self._models)
        _set_trial(found[0] if isinstance(found, tuple) else None)
        _start_evaluation()
        return found


def _wrap_fit_single_model(original: Callable[[int], Any]) -> Callable[[int], Any]:
    @functools.wraps(original)
    def fit(index: int) -> Any:
        _set_trial(index)
        model = original(index)
        _start_evaluation()
        return model

    return fit


def wrap_trial(task: Callable[[], Any], fold: Fold) -> Callable[[], Any]:
    """Wrap the closure of one trial, which runs in any thread and returns (index, metric, model)."""

    @functools.wraps(task)
    def run() -> Any:
        scope = _begin(fold)
        try:
            result = task()
        except BaseException as error:
            if scope is not None:
                _end(scope, None, error)
            raise
        if scope is not None:
            _end(scope, result, None)
        return result

    return run


@never_raise
def _begin(fold: Fold) -> Scope:
    search = fold.search
    now = event_queue.now_ms()
    scope = Scope("trial", search.id, search.uid, search.names, now, search.run, search=search, fold=fold.number)
    with context.entering(scope):
        scope.properties = fold.set_properties() if fold.set_properties else None
    return scope


@never_raise
def _set_trial(index: Any) -> None:
    scope = context.innermost()
    if scope is not None and scope.kind == "trial" and index is not None:
        scope.trial = int(index)
        if scope.properties is not None:
            scope.properties.set(TRIAL, str(scope.trial))


@never_raise
def _start_evaluation() -> None:
    scope = context.innermost()
    if scope is not None and scope.kind == "trial":
        scope.evaluate_ms = event_queue.now_ms()
        if scope.properties is not None:
            scope.properties.set(PHASE, "evaluate")


@never_raise
def _end(scope: Scope, result: Any, error: BaseException | None) -> None:
    context.leave(scope)
    if scope.properties is not None:
        scope.properties.restore()
    index, metric = (result[0], result[1]) if result is not None else (scope.trial, None)
    event_queue.add(
        "fit_end",
        id=scope.id,
        uid=scope.uid,
        fold=scope.fold,
        trial=None if index is None else int(index),
        metric=None if metric is None else number(metric),
        evaluate_ms=scope.evaluate_ms,
        **end_fields(scope, error),
    )
    search = scope.search
    if search is None or error is not None:
        return
    with search.lock:
        search.fits_ended += 1
        all_ended = search.fits_ended == search.total_fits
    if all_ended and search.properties is not None:
        # The search's own thread now only fits the best model on all data.
        search.properties.set(PHASE, "refit")
