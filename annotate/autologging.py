"""Switch annotation on and off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import (
    evaluations,
    event_queue,
    hyperopt_searches,
    import_hook,
    joblib_searches,
    monkeypatch,
    optuna_studies,
)
from . import import_on_stop as stop_import
from .active_run import active_run_id
from .fits import wrap_fit
from .monkeypatch import replace_while_enabled, switch
from .never_raise import never_raise, reset_warnings, warn_once
from .searches import wrap_parallel_fit_tasks, wrap_search

# Module of another framework -> what patches it, once the job has imported it.
_FRAMEWORKS: Mapping[str, tuple[Callable[[Any], None], ...]] = {
    "hyperopt.base": (hyperopt_searches.patch_base,),
    "hyperopt.fmin": (hyperopt_searches.patch_fmin,),
    "hyperopt.spark": (hyperopt_searches.patch_spark,),
    "joblibspark.backend": (joblib_searches.patch_backend, optuna_studies.patch_backend),
    "optuna.study._optimize": (optuna_studies.patch_run_trial,),
    "optuna.study.study": (optuna_studies.patch_study,),
    "sklearn.model_selection._search": (joblib_searches.patch_search,),
}


def autolog(*, import_on_stop: bool = False) -> None:
    """Annotate every search and fit of this process from now on. Never raises. Calling it again changes nothing.

    These are searches and fits of MLlib, and searches of Hyperopt, Optuna and scikit-learn on joblib-spark, also where
    the job imports these later. With `import_on_stop`, a separate process imports the event log when the SparkContext
    stops or this process ends. It uses the tracking URI and the experiment that mlflow has at that moment, and prints
    its result once to stderr.
    """
    if not switch.enabled:
        _install()
    if import_on_stop:
        stop_import.enable()


def disable() -> None:
    """Write pending events and restore every attribute of pyspark and of other frameworks. Never raises."""
    switch.enabled = False
    stop_import.disable()
    _flush()
    import_hook.forget()
    monkeypatch.restore()
    reset_warnings()


@never_raise
def _install() -> None:
    from pyspark.ml import tuning
    from pyspark.ml.base import Estimator, Transformer
    from pyspark.ml.evaluation import Evaluator

    try:
        replace_while_enabled(Estimator, "fit", wrap_fit)
        replace_while_enabled(tuning, "_parallelFitTasks", wrap_parallel_fit_tasks)
        replace_while_enabled(tuning.CrossValidator, "_fit", wrap_search)
        replace_while_enabled(tuning.TrainValidationSplit, "_fit", wrap_search)
        replace_while_enabled(Transformer, "transform", evaluations.wrap_transform)
        replace_while_enabled(Evaluator, "evaluate", evaluations.wrap_evaluate)
        monkeypatch.flush_before_stop()
    except AttributeError as error:
        monkeypatch.restore()
        warn_once("version", f"This version of pyspark is not supported ({error}). Nothing is annotated.")
        return
    switch.enabled = True
    for name, patches in _FRAMEWORKS.items():
        import_hook.when_imported(name, _all_of(name, patches))
    active_run_id()


def _all_of(name: str, patches: tuple[Callable[[Any], None], ...]) -> Callable[[Any], None]:
    def patch(module: Any) -> None:
        framework = name.partition(".")[0]
        for one in patches:
            try:
                one(module)
            except AttributeError as error:
                warn_once(framework, f"This version of {framework} is not supported ({error}). It is not annotated.")

    return patch


@never_raise
def _flush() -> None:
    for call in monkeypatch.last_calls:
        call()
    event_queue.flush()
