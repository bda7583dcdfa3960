"""The recognizers, in the order in which they run. Adding a framework is adding its module and one line here."""

from . import (
    annotated_jobs,
    barrier_fits,
    connect,
    estimator_fits,
    joblib_spark,
    mllib,
    optuna_study,
    spark_trials,
)
from .interface import Recognizer

RECOGNIZERS: tuple[Recognizer, ...] = (
    annotated_jobs.recognize,
    connect.recognize,
    spark_trials.recognize,
    joblib_spark.recognize,
    optuna_study.recognize,
    mllib.recognize,
    barrier_fits.recognize,
    estimator_fits.recognize,  # last: it takes what no other has claimed
)
