"""Params of estimators, named as MLflow's pyspark autologging names them: `<Stage>.<param>`.

Only `summary_figures` calls the JVM. Nothing here starts a job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .encode import number, plain, redacted
from .event_log import active_context

# Model class -> vals of its training summary, which are read without a job (org.apache.spark.ml.*Summary).
# GBT's evaluateEachIteration and GLM's deviance would start one.
_FIGURES: Mapping[str, tuple[str, ...]] = {
    "LogisticRegressionModel": ("objectiveHistory",),
    "LinearRegressionModel": ("objectiveHistory",),
    "LinearSVCModel": ("objectiveHistory",),
    "FMClassificationModel": ("objectiveHistory",),
    "MultilayerPerceptronClassificationModel": ("objectiveHistory",),
    "KMeansModel": ("trainingCost", "numIter"),
    "BisectingKMeansModel": ("trainingCost", "numIter"),
    "GaussianMixtureModel": ("logLikelihood", "numIter"),
    "GeneralizedLinearRegressionModel": ("numIterations",),
}
_MAX_DEPTH = 20


def is_search(stage: Any) -> bool:
    """Return whether the stage is a CrossValidator or TrainValidationSplit."""
    from pyspark.ml.tuning import CrossValidator, TrainValidationSplit

    return isinstance(stage, (CrossValidator, TrainValidationSplit))


def param_values(stage: Any) -> dict[str, Any]:
    """Return every param that is set or has a default, by name."""
    return {param.name: stage.getOrDefault(param) for param in stage.params if stage.isDefined(param)}


def stage_names(stage: Any) -> dict[str, str]:
    """Map the uid of the stage and of all stages below it to a name.

    The name is the class name, with `_1`, `_2` where a class occurs more than once.
    """
    classes = {found.uid: type(found).__name__ for found in _walk(stage)}
    total = Counter(classes.values())
    seen: Counter[str] = Counter()
    names = {}
    for uid, class_name in classes.items():
        seen[class_name] += 1
        names[uid] = f"{class_name}_{seen[class_name]}" if total[class_name] > 1 else class_name
    return names


def all_params(stage: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the params of the stage and of all stages below it, redacted. A stage as a value becomes its name."""
    values: dict[str, Any] = {}
    for found in _walk(stage):
        for param, value in param_values(found).items():
            if param == "estimatorParamMaps":
                continue
            values[f"{names[found.uid]}.{param}"] = _stage_or_value(value, names)
    return redacted(values, stage_prefix=True)


def param_map(values: Mapping[Any, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return one param map of a search, redacted."""
    named = {
        f"{names.get(param.parent, param.parent)}.{param.name}": _stage_or_value(value, names)
        for param, value in values.items()
    }
    return redacted(named, stage_prefix=True)


def class_of(stage: Any) -> str:
    """Return the Python class with its module."""
    return f"{type(stage).__module__}.{type(stage).__qualname__}"


def summary_figures(model: Any) -> dict[str, Any]:
    """Read the model's training summary: a loss per iteration as a list, other figures as numbers."""
    if hasattr(model, "training_summary"):
        return _xgboost_losses(model.training_summary)
    wanted = next((_FIGURES[c.__name__] for c in type(model).__mro__ if c.__name__ in _FIGURES), ())
    java: Any = getattr(model, "_java_obj", None)
    # Over Spark Connect _java_obj is a pyspark.ml.remote.readwrite.RemoteModelRef, whose summary costs operations.
    if not wanted or not hasattr(java, "hasSummary") or not java.hasSummary():
        return {}
    from pyspark.ml.common import _java2py

    context: Any = active_context()
    summary = java.summary()
    figures: dict[str, Any] = {}
    for name in wanted:
        value = getattr(summary, name)()
        if name == "objectiveHistory":
            figures[name] = [number(v) for v in _java2py(context, value)]
        else:
            figures[name] = plain(value)
    return figures


def _xgboost_losses(summary: Any) -> dict[str, Any]:
    """Read xgboost.spark.summary.XGBoostTrainingSummary: `training.logloss` and others, per round."""
    histories = {
        "training": getattr(summary, "train_objective_history", None),
        "validation": getattr(summary, "validation_objective_history", None),
    }
    return {
        f"{data}.{metric}": [number(value) for value in values]
        for data, history in histories.items()
        for metric, values in (history or {}).items()
    }


def _walk(stage: Any, depth: int = 0) -> Iterator[Any]:
    yield stage
    if depth >= _MAX_DEPTH:
        return
    for value in param_values(stage).values():
        for below in value if isinstance(value, (list, tuple)) else (value,):
            if _is_stage(below):
                yield from _walk(below, depth + 1)


def _is_stage(value: Any) -> bool:
    from pyspark.ml.param import Params

    return isinstance(value, Params)


def _stage_or_value(value: Any, names: Mapping[str, str]) -> Any:
    if _is_stage(value):
        return names.get(value.uid, type(value).__name__)
    if isinstance(value, (list, tuple)) and any(_is_stage(item) for item in value):
        return [names.get(item.uid, type(item).__name__) if _is_stage(item) else item for item in value]
    return value
