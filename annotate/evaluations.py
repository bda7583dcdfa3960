"""Annotate Evaluator.evaluate outside MLlib's searches: the metric, and the fit whose model is evaluated.

A model is known by the fit that returned it, and a DataFrame by the model that transformed it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..schemas.annotations import ESTIMATOR, PHASE
from . import context, encode, event_queue, job_properties
from .never_raise import never_raise

_fit_of: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()  # model or DataFrame -> id of the fit
_fits: list[str] = []  # ids of the first two fits


@never_raise
def remember_model(model: Any, fit: str) -> None:
    """Remember which fit made a model."""
    if len(_fits) < 2:
        _fits.append(fit)
    _fit_of[model] = fit


def wrap_transform(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap Transformer.transform: what a remembered model returns is its prediction."""

    def transform(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        _remember_prediction(self, result)
        return result

    return transform


@never_raise
def _remember_prediction(model: Any, prediction: Any) -> None:
    fit = _fit_of.get(model)
    if fit is not None:
        _fit_of[prediction] = fit


def wrap_evaluate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap Evaluator.evaluate. In a trial of a loop or of another framework its jobs get the phase `evaluate`."""

    def evaluate(self: Any, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        scope = context.innermost()
        if scope is not None:
            with _evaluating_trial(scope):
                return original(self, dataset, *args, **kwargs)
        fit = _fit(dataset)
        with _evaluating_fit(fit):
            value = original(self, dataset, *args, **kwargs)
        if fit is not None:
            _write(fit, self, args[0] if args else kwargs.get("params"), value)
        return value

    return evaluate


@contextmanager
def _evaluating_trial(scope: context.Scope) -> Iterator[None]:
    ours = scope.kind == "trial" and scope.search is None  # MLlib's own trials set their phase themselves
    if ours:
        scope.evaluate_ms = scope.evaluate_ms or event_queue.now_ms()
        if scope.properties is not None:
            never_raise(scope.properties.set)(PHASE, "evaluate")
    try:
        yield
    finally:
        if ours and scope.properties is not None:
            never_raise(scope.properties.set)(PHASE, "fit")


@never_raise
def _fit(dataset: Any) -> str | None:
    """Return the fit whose model made the DataFrame. What was derived from it is known only where there is one fit."""
    return _fit_of.get(dataset) or (_fits[0] if len(_fits) == 1 else None)


@contextmanager
def _evaluating_fit(fit: str | None) -> Iterator[None]:
    properties = _set_properties(fit) if fit is not None else None
    try:
        yield
    finally:
        if properties is not None:
            never_raise(properties.restore)()


@never_raise
def _set_properties(fit: str) -> job_properties.JobProperties | None:
    return job_properties.set_in_thread({ESTIMATOR: fit, PHASE: "evaluate"})


@never_raise
def _write(fit: str, evaluator: Any, params: Any, value: Any) -> None:
    metric = evaluator.getMetricName() if hasattr(evaluator, "getMetricName") else type(evaluator).__name__
    given = (chosen for param, chosen in (params or {}).items() if param.name == "metricName")
    metric = next(given, metric)
    event_queue.add(
        "evaluation",
        id=fit,
        evaluator=type(evaluator).__name__,
        metric=str(metric),
        value=encode.number(value),
    )
