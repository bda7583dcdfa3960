"""The recognizers, in the order in which they run. Adding a framework is adding its module and one line here."""

from . import annotated_jobs, connect, estimator_fits, mllib
from .interface import Recognizer

RECOGNIZERS: tuple[Recognizer, ...] = (
    annotated_jobs.recognize,
    connect.recognize,
    mllib.recognize,
    estimator_fits.recognize,  # last: it takes what no other has claimed
)
