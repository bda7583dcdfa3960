"""Annotate CrossValidator and TrainValidationSplit: their params, and the trial and fold of every job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..schemas.annotations import FOLD, PHASE, RUN, TUNING, TUNING_ID
from . import context, event_queue, job_properties
from .active_run import active_run_id
from .context import Scope, SearchScope
from .encode import number
from .estimator_params import all_params, class_of, param_map, param_values, stage_names
from .fits import end_fields
from .never_raise import never_raise
from .trials import EstimatorProxy, Fold, wrap_trial


def wrap_search(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap CrossValidator._fit or TrainValidationSplit._fit."""

    def _fit(self: Any, dataset: Any) -> Any:
        search = _begin(self, dataset)
        if search is None:
            return original(self, dataset)
        try:
            model = original(self, dataset)
        except BaseException as error:
            _end(search, self, None, error)
            raise
        _end(search, self, model, None)
        return model

    return _fit


def wrap_parallel_fit_tasks(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap pyspark.ml.tuning._parallelFitTasks, which is called once per fold and returns one closure per trial."""

    def _parallelFitTasks(est: Any, *args: Any, **kwargs: Any) -> Any:
        fold = _begin_fold()
        if fold is None:
            return original(est, *args, **kwargs)
        try:
            tasks = original(EstimatorProxy(est, fold), *args, **kwargs)
        except Exception:
            # Our proxy may be the cause. If it is not, the original raises the same again.
            return original(est, *args, **kwargs)
        return [wrap_trial(task, fold) for task in tasks]

    return _parallelFitTasks


@never_raise
def _begin(search: Any, dataset: Any) -> SearchScope:
    """Enter the search's scope in this thread. Its jobs outside fits get the phase `prepare`."""
    outer, run = context.innermost(), context.current_run()
    params, names = param_values(search), stage_names(search)
    scope = SearchScope(
        "tuning",
        event_queue.new_id(),
        search.uid,
        names,
        event_queue.now_ms(),
        run,
        session=job_properties.session_of(dataset),
        total_fits=params.get("numFolds", 1) * len(params["estimatorParamMaps"]),
    )
    with context.entering(scope):
        _write_start(scope, search, outer, params)
        values = {TUNING: scope.uid, TUNING_ID: scope.id, PHASE: "prepare", RUN: run}
        set_properties = job_properties.setter(scope.session, values)
        scope.properties = set_properties() if set_properties else None
    return scope


def _write_start(scope: SearchScope, search: Any, outer: Scope | None, params: dict[str, Any]) -> None:
    evaluator, estimator = params["evaluator"], params["estimator"]
    metric = evaluator.getMetricName() if hasattr(evaluator, "getMetricName") else type(evaluator).__name__
    outer_trial = outer if outer is not None and outer.kind == "trial" else None
    ratio = params.get("trainRatio")
    event_queue.add(
        "tuning_start",
        urgent=True,
        id=scope.id,
        uid=scope.uid,
        run=scope.run,
        mlflow_run_id=active_run_id(),
        estimator=type(estimator).__name__,
        estimator_uid=estimator.uid,
        evaluator=type(evaluator).__name__,
        metric=str(metric),
        larger_better=bool(evaluator.isLargerBetter()),
        param_maps=[param_map(values, scope.names) for values in params["estimatorParamMaps"]],
        params=all_params(estimator, scope.names),
        kind=_kind(search),
        num_folds=params.get("numFolds", 1),
        train_ratio=None if ratio is None else number(ratio),
        fold_col=params.get("foldCol") or None,
        seed=params.get("seed"),
        parallelism=params.get("parallelism"),
        parent=outer_trial.id if outer_trial else None,
        parent_fold=outer_trial.fold if outer_trial else None,
        parent_trial=outer_trial.trial if outer_trial else None,
        estimator_id=outer.id if outer is not None and outer.kind == "estimator" else None,
        python_class=class_of(search),
    )


def _kind(search: Any) -> str:
    from pyspark.ml.tuning import CrossValidator

    return "CrossValidator" if isinstance(search, CrossValidator) else "TrainValidationSplit"


@never_raise
def _begin_fold() -> Fold | None:
    search = context.innermost()
    if not isinstance(search, SearchScope):
        return None
    number_of_fold = search.folds_started
    search.folds_started += 1
    values = {TUNING: search.uid, TUNING_ID: search.id, FOLD: str(number_of_fold), PHASE: "fit", RUN: search.run}
    return Fold(search, number_of_fold, job_properties.setter(search.session, values))


@never_raise
def _end(scope: SearchScope, search: Any, model: Any, error: BaseException | None) -> None:
    context.leave(scope)
    if scope.properties is not None:
        scope.properties.restore()
    averages = getattr(model, "avgMetrics", None) or getattr(model, "validationMetrics", None)
    deviations = getattr(model, "stdMetrics", None)
    event_queue.add(
        "tuning_end",
        urgent=True,
        id=scope.id,
        uid=scope.uid,
        best_index=_best_index(search, averages),
        avg_metrics=[number(v) for v in averages] if averages else None,
        std_metrics=[number(v) for v in deviations] if deviations else None,
        **end_fields(scope, error),
    )


def _best_index(search: Any, averages: Any) -> int | None:
    """Choose as CrossValidator._fit does: the first of the best, where numpy counts NaN as the best."""
    if not averages:
        return None
    import numpy

    return int(numpy.argmax(averages) if search.getEvaluator().isLargerBetter() else numpy.argmin(averages))
