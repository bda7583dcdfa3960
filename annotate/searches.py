"""CrossValidator and TrainValidationSplit: what is searched, and to which trial of which fold each job belongs."""

from collections.abc import Callable
from typing import Any

from ..schemas.annotations import FOLD, PHASE, RUN, TUNING, TUNING_ID
from . import context as frames
from . import event_queue as outbox
from . import job_properties as marks
from .active_run import active_run_id
from .context import Frame, Tuning
from .encode import number
from .estimator_params import all_params, class_of, param_map, param_values, stage_names
from .fits import span
from .never_raise import guarded
from .switch import is_on
from .trials import EstimatorOfFold, Fold, in_trial


def around_search(original: Callable[..., Any]) -> Callable[..., Any]:
    """CrossValidator._fit or TrainValidationSplit._fit with its annotations."""

    def _fit(self: Any, dataset: Any) -> Any:
        tuning = _begin(self, dataset) if is_on() else None
        if tuning is None:
            return original(self, dataset)
        try:
            model = original(self, dataset)
        except BaseException as error:
            _end(tuning, self, None, error)
            raise
        _end(tuning, self, model, None)
        return model

    return _fit


def around_fold(original: Callable[..., Any]) -> Callable[..., Any]:
    """pyspark.ml.tuning._parallelFitTasks, which is called once per fold and gives one closure per trial."""

    def _parallelFitTasks(est: Any, *args: Any, **kwargs: Any) -> Any:
        fold = _begin_fold() if is_on() else None
        if fold is None:
            return original(est, *args, **kwargs)
        try:
            tasks = original(EstimatorOfFold(est, fold), *args, **kwargs)
        except Exception:
            # Perhaps ours is at fault, as it stands in for the estimator; if not, the same is raised again.
            return original(est, *args, **kwargs)
        return [in_trial(task, fold) for task in tasks]

    return _parallelFitTasks


@guarded
def _begin(search: Any, dataset: Any) -> Tuning:
    """The search's frame, on this thread; its jobs between the fits are `prepare`."""
    outer, run = frames.top(), frames.current_run()
    params, names = param_values(search), stage_names(search)
    fits = params.get("numFolds", 1) * len(params["estimatorParamMaps"])
    tuning = Tuning(
        "tuning", outbox.new_id(), search.uid, names, outbox.now_ms(), run, session=dataset.sparkSession, fits=fits
    )
    with frames.opening(tuning):
        _say_start(tuning, search, outer, params)
        values = {TUNING: tuning.uid, TUNING_ID: tuning.id, PHASE: "prepare", RUN: run}
        mark = marks.prepare(tuning.session, values)
        tuning.marks = mark() if mark else None
    return tuning


def _say_start(tuning: Tuning, search: Any, outer: Frame | None, params: dict[str, Any]) -> None:
    evaluator, estimator = params["evaluator"], params["estimator"]
    metric = evaluator.getMetricName() if hasattr(evaluator, "getMetricName") else type(evaluator).__name__
    in_trial_of = outer if outer is not None and outer.kind == "trial" else None
    ratio = params.get("trainRatio")
    outbox.add(
        "tuning_start",
        urgent=True,
        id=tuning.id,
        uid=tuning.uid,
        run=tuning.run,
        mlflow_run_id=active_run_id(),
        estimator=type(estimator).__name__,
        estimator_uid=estimator.uid,
        evaluator=type(evaluator).__name__,
        metric=str(metric),
        larger_better=bool(evaluator.isLargerBetter()),
        param_maps=[param_map(values, tuning.names) for values in params["estimatorParamMaps"]],
        params=all_params(estimator, tuning.names),
        kind=_kind(search),
        num_folds=params.get("numFolds", 1),
        train_ratio=None if ratio is None else number(ratio),
        fold_col=params.get("foldCol") or None,
        seed=params.get("seed"),
        parallelism=params.get("parallelism"),
        parent=in_trial_of.id if in_trial_of else None,
        parent_fold=in_trial_of.fold if in_trial_of else None,
        parent_trial=in_trial_of.trial if in_trial_of else None,
        estimator_id=outer.id if outer is not None and outer.kind == "estimator" else None,
        python_class=class_of(search),
    )


def _kind(search: Any) -> str:
    from pyspark.ml.tuning import CrossValidator

    return "CrossValidator" if isinstance(search, CrossValidator) else "TrainValidationSplit"


@guarded
def _begin_fold() -> Fold | None:
    tuning = frames.top()
    if not isinstance(tuning, Tuning):
        return None
    number_of_fold = tuning.folds_begun
    tuning.folds_begun += 1
    values = {TUNING: tuning.uid, TUNING_ID: tuning.id, FOLD: str(number_of_fold), PHASE: "fit", RUN: tuning.run}
    return Fold(tuning, number_of_fold, marks.prepare(tuning.session, values))


@guarded
def _end(tuning: Tuning, search: Any, model: Any, error: BaseException | None) -> None:
    frames.pop(tuning)
    if tuning.marks is not None:
        tuning.marks.end()
    averages = getattr(model, "avgMetrics", None) or getattr(model, "validationMetrics", None)
    deviations = getattr(model, "stdMetrics", None)
    outbox.add(
        "tuning_end",
        urgent=True,
        id=tuning.id,
        uid=tuning.uid,
        best_index=_best(search, averages),
        avg_metrics=[number(v) for v in averages] if averages else None,
        std_metrics=[number(v) for v in deviations] if deviations else None,
        **span(tuning, error),
    )


def _best(search: Any, averages: Any) -> int | None:
    """As CrossValidator._fit chooses: the first of the best, NaN counting as the best (numpy)."""
    if not averages:
        return None
    import numpy

    return int(numpy.argmax(averages) if search.getEvaluator().isLargerBetter() else numpy.argmin(averages))
