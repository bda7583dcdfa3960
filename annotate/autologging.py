"""Switch annotation on and off."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import event_queue, monkeypatch
from . import import_on_stop as stop_import
from .active_run import active_run_id
from .fits import wrap_fit
from .never_raise import never_raise, reset_warnings, warn_once
from .searches import wrap_parallel_fit_tasks, wrap_search

_enabled = False


def autolog(*, import_on_stop: bool = False) -> None:
    """Annotate every MLlib search and fit of this process from now on. Never raises. Calling it again changes nothing.

    With `import_on_stop`, a separate process imports the event log when the SparkContext stops or this process ends. It
    uses the tracking URI and the experiment that mlflow has at that moment, and prints its result once to stderr.
    """
    if not _enabled:
        _install()
    if import_on_stop:
        stop_import.enable()


def disable() -> None:
    """Write pending events and restore every attribute of pyspark. Never raises."""
    global _enabled
    _enabled = False
    stop_import.disable()
    _flush()
    monkeypatch.restore()
    reset_warnings()


@never_raise
def _install() -> None:
    global _enabled
    from pyspark.ml import tuning
    from pyspark.ml.base import Estimator

    try:
        monkeypatch.replace(Estimator, "fit", _while_enabled(wrap_fit))
        monkeypatch.replace(tuning, "_parallelFitTasks", _while_enabled(wrap_parallel_fit_tasks))
        monkeypatch.replace(tuning.CrossValidator, "_fit", _while_enabled(wrap_search))
        monkeypatch.replace(tuning.TrainValidationSplit, "_fit", _while_enabled(wrap_search))
        monkeypatch.flush_before_stop()
    except AttributeError as error:
        monkeypatch.restore()
        warn_once("version", f"This version of pyspark is not supported ({error}). Nothing is annotated.")
        return
    _enabled = True
    active_run_id()


def _while_enabled(wrap: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a replacement that calls the original directly once annotation is off.

    Another library may have wrapped our replacement, so `disable()` cannot always remove it.
    """

    def make(original: Any) -> Any:
        annotated = wrap(original)

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            return (annotated if _enabled else original)(*args, **kwargs)

        return call

    return make


@never_raise
def _flush() -> None:
    for call in monkeypatch.last_calls:
        call()
    event_queue.flush()
