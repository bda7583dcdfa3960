"""Stacks and RDD names -> the estimator, evaluator or search that a job ran for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# org.apache.spark.ml.<package>.<Class>.fit / train / $anonfun$fit$3 / fitImpl, and the companion objects
_FRAME = re.compile(r"^org\.apache\.spark\.ml\.([a-z.]+)\.(\w+?)\$?\.(?:\$anonfun\$)?(\w+?)(?:\$\d+)?\(")
_TRAINS = ("fit", "train", "fitImpl", "trainImpl", "trainOnRows", "trainOnBlocks", "trainWithNormal", "trainHuberImpl")
_PREDICTOR_FIT = "org.apache.spark.ml.Predictor.fit("  # calls train of the class that it is of
# `train` of an estimator of another library, which Predictor.fit calls (xgboost4j-spark, SynapseML)
_OTHER_TRAIN = re.compile(r"^(?!org\.apache\.spark\.)[\w.]+\.(\w+)\.train\(")
_SEARCHES = ("CrossValidator", "TrainValidationSplit")
_PACKAGES = ("classification", "regression", "clustering", "recommendation", "feature", "fpm")
# Abstract parents that the stack shows instead of the class that was called.
_ABSTRACT = ("Predictor", "ProbabilisticClassifier", "Classifier", "Regressor", "Estimator", "Pipeline")
# What an evaluator asks org.apache.spark.mllib.evaluation.*Metrics for -> its metricName, where that is certain
_METRIC_FRAME = re.compile(r"^org\.apache\.spark\.mllib\.evaluation\.\w+Metrics\.(\w+)\(")
_METRICS = {
    "areaUnderROC": "areaUnderROC",
    "areaUnderPR": "areaUnderPR",
    "rootMeanSquaredError": "rmse",
    "meanSquaredError": "mse",
    "meanAbsoluteError": "mae",
    "r2": "r2",
    "explainedVariance": "var",
    "accuracy": "accuracy",
    "weightedPrecision": "weightedPrecision",
    "weightedRecall": "weightedRecall",
    "hammingLoss": "hammingLoss",
    "logLoss": "logLoss",
}
# The default depth of a stack in the log: spark.callstack.depth (org.apache.spark.util.Utils.getCallSite)
_CUT_DEPTH = 20
# org.apache.spark.ml.util.Identifiable.randomUID: prefix, underscore, 12 hexadecimal digits
UID = re.compile(r"\b([A-Za-z]\w*?_[0-9a-f]{12})\b")


# the file of a frame in org.apache.spark.ml or org.apache.spark.mllib
MLLIB_FILE = re.compile(r"^org\.apache\.spark\.ml\S*\((\w+\.scala):\d+\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stack:
    """What one stack shows; None where it does not. `whole`: the stack was not cut at Spark's depth. `fit`: it
    shows the estimator's own fit, so only an estimator that calls another's fit may be cut off. `package`: that of the
    estimator below org.apache.spark.ml."""

    estimator: str | None = None
    evaluator: str | None = None
    search: str | None = None
    metric: str | None = None
    whole: bool = True
    fit: bool = False
    package: str | None = None

    @property
    def shows_ml(self) -> bool:
        """An estimator, an evaluator or a search is in it."""
        return bool(self.estimator or self.evaluator or self.search)

    @property
    def is_of_another_library(self) -> bool:
        """Its estimator is no class of MLlib."""
        return self.estimator is not None and self.fit and self.package is None


def read_stack(frames: str | None, depth: int | None) -> Stack:
    """`frames` are the ML lines of a stage's Details, innermost first."""
    if not frames:
        return Stack()
    estimator = evaluator = search = metric = trained = None
    fit = False
    lines = frames.split("\n")
    for line, called_by in zip(
        lines, [*lines[1:], ""], strict=True
    ):  # outer frames overwrite inner ones: a GBTClassifier trains DecisionTreeRegressors
        match = _FRAME.match(line)
        if match is None:
            called = _METRIC_FRAME.match(line)
            metric = _METRICS.get(called[1], metric) if called else metric
            fit = fit or (estimator is not None and line.startswith(_PREDICTOR_FIT))
            if called_by.startswith(_PREDICTOR_FIT) and (other := _OTHER_TRAIN.match(line)):
                estimator, fit, trained = other[1], True, None
            continue
        package, owner, method = match[1].split(".")[0], match[2], match[3]
        if package == "tuning" and owner in _SEARCHES:
            search = owner
            break  # jobs outside a search do not tell what the search trains
        if package == "evaluation" and method == "evaluate":
            evaluator = owner
        elif package in _PACKAGES and method in _TRAINS and owner not in _ABSTRACT:
            estimator, fit, trained = owner, method == "fit", package
    return Stack(estimator, evaluator, search, metric if evaluator else None, (depth or 0) < _CUT_DEPTH, fit, trained)


def uid_in(names: Iterable[str]) -> str | None:
    """The estimator uid that one of these RDD names begins with (`logreg_72db85c4b4e5: training blocks`)."""
    for name in names:
        match = UID.match(name)
        if match and name[match.end() : match.end() + 1] == ":":
            return match[1]
    return None
