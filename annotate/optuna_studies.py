"""Annotate Optuna: params, values and status of every trial, in threads of the driver and in joblib-spark workers.

`Study.optimize` runs its trials in threads of the driver, so their jobs carry the number of the trial. Workers that
joblib-spark starts meet in a storage. Their trials are read from the driver's study when the workers have ended.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import encode, event_log, event_queue, framework_searches, monkeypatch
from .context import Scope
from .framework_searches import FrameworkSearch
from .monkeypatch import replace_while_enabled
from .never_raise import describe_error, never_raise

FRAMEWORK = "optuna"
# optuna.trial.TrialState -> the status that mlflow.optuna.storage gives the run of the trial
_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}


@dataclass(eq=False)
class _Workers:
    """joblib-spark workers that optimize one study: its search, and how many trials the study had before."""

    study: Any
    search: FrameworkSearch
    trials_before: int


_lock = threading.Lock()
_searches: dict[tuple[int, str], FrameworkSearch] = {}  # SparkContext and study -> its search
_workers: dict[int, _Workers] = {}  # id of the joblib-spark backend -> the workers on it
_studies: weakref.WeakSet[Any] = weakref.WeakSet()  # all of this process


def patch_study(module: Any) -> None:
    """Patch the module optuna.study.study."""
    replace_while_enabled(module.Study, "__init__", _wrap_init)
    replace_while_enabled(module.Study, "optimize", _wrap_optimize)


def patch_run_trial(module: Any) -> None:
    """Patch the module optuna.study._optimize."""
    replace_while_enabled(module, "_run_trial", _wrap_run_trial)


def patch_backend(module: Any) -> None:
    """Patch the module joblibspark.backend."""
    replace_while_enabled(module.SparkDistributedBackend, "terminate", _wrap_terminate)


def _wrap_init(original: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        never_raise(_studies.add)(self)

    return __init__


def _wrap_optimize(original: Callable[..., Any]) -> Callable[..., Any]:
    def optimize(self: Any, *args: Any, **kwargs: Any) -> Any:
        search = _search(self)
        return framework_searches.searching(
            search, lambda: original(self, *args, **kwargs), lambda error: _end(search, self, error)
        )

    return optimize


def _wrap_run_trial(original: Callable[..., Any]) -> Callable[..., Any]:
    """Each trial of `Study.optimize` in any thread: `_run_trial(study, func, catch)` asks, runs and tells it."""

    def _run_trial(study: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        search = _searches.get(_key(study))
        if search is None:
            return original(study, func, *args, **kwargs)
        ran: list[tuple[Any, Scope | None, BaseException | None]] = []

        def objective(trial: Any) -> Any:
            scope = framework_searches.enter_trial(search, trial.number)
            try:
                value = func(trial)
            except BaseException as error:
                ran.append((trial, scope, error))
                raise
            else:
                ran.append((trial, scope, None))
                return value
            finally:
                if scope is not None:
                    framework_searches.leave_trial(scope)

        try:
            return original(study, objective, *args, **kwargs)
        finally:
            for trial, scope, error in ran:
                _write_ended(search, study, trial, scope, error)

    return _run_trial


@never_raise
def _search(study: Any) -> FrameworkSearch:
    """Return the search of a study. A study that is optimized again goes on."""
    with _lock:
        search = _searches.get(_key(study))
        if search is None:
            search = _searches[_key(study)] = _begin(study, "Study")
    return search


def _key(study: Any) -> tuple[int, str]:
    return id(event_log.active_context()), f"{id(study._storage)} {study.study_name}"


def _begin(study: Any, kind: str, **fields: Any) -> FrameworkSearch:
    directions = [direction.name for direction in study.directions]
    return framework_searches.begin_search(
        FRAMEWORK,
        kind,
        f"optuna_{study.study_name}",
        metric=_value_names(study)[0],
        larger_better=directions[0] == "MAXIMIZE",
        num_folds=1,
        **fields,
    )


def _value_names(study: Any) -> list[str]:
    named = getattr(study, "metric_names", None)
    if named:
        return [str(name) for name in named]
    number = len(study.directions)
    return ["value"] if number == 1 else [f"value_{at}" for at in range(number)]


def _end(search: FrameworkSearch | None, study: Any, error: BaseException | None) -> None:
    if search is not None:
        framework_searches.end_search(search, error, best_index=_best(study, search))


def _best(study: Any, search: FrameworkSearch) -> int | None:
    """Return the best trial, if it is one of this search. A study may have older trials, or several objectives."""
    try:
        best = int(study.best_trial.number)
    except (ValueError, RuntimeError):
        return None
    return best if best in search.written else None


@never_raise
def _write_ended(
    search: FrameworkSearch, study: Any, trial: Any, scope: Scope | None, error: BaseException | None
) -> None:
    _write(search, study, study._storage.get_trial(trial._trial_id), scope, error)


def _write(
    search: FrameworkSearch, study: Any, frozen: Any, scope: Scope | None, error: BaseException | None = None
) -> None:
    """Write a trial as optuna.trial.FrozenTrial holds it."""
    names = _value_names(study)
    metrics = {names[at]: value for at, value in enumerate(frozen.values or ())}
    status = _STATUS.get(frozen.state.name, "FAILED")
    start_ms, end_ms = _span(search, frozen)
    text = describe_error(error) if error is not None else None
    framework_searches.write_trial(search, frozen.number, frozen.params, metrics, status, text, scope, start_ms, end_ms)
    reported = [
        ["intermediate_value", encode.number(value), int(step), end_ms]
        for step, value in sorted(frozen.intermediate_values.items())
    ]
    if reported:
        event_queue.add("log", tuning=search.id, fold=0, trial=frozen.number, metrics=reported)


def _span(search: FrameworkSearch, frozen: Any) -> tuple[int, int]:
    """Return start and end. Optuna's times have no zone, so those of a worker in another zone are not used."""
    now = event_queue.now_ms()
    start, end = (
        None if moment is None else int(moment.timestamp() * 1000)
        for moment in (frozen.datetime_start, frozen.datetime_complete)
    )
    if start is None or end is None or not search.start_ms - 1000 <= start <= end <= now + 1000:
        return search.start_ms, now
    return start, end


@contextmanager
def marking_worker(backend: Any, batch: Any) -> Iterator[None]:
    """Give the jobs of joblib-spark workers that optimize a study their search. A worker runs any number of trials."""
    workers = _workers_of(backend, batch)
    with framework_searches.marking_jobs(workers.search if workers is not None else None):
        yield


@never_raise
def _workers_of(backend: Any, batch: Any) -> _Workers | None:
    calls = list(getattr(batch, "items", ()))
    if not calls or not all(_optimizes(function) for function, _, _ in calls):
        return None
    workers = _workers.get(id(backend))
    if workers is None:
        study = _study_of(calls)
        if study is None:
            return None
        before = len(study.get_trials(deepcopy=False))
        workers = _workers[id(backend)] = _Workers(study, _begin(study, "Study"), before)
    return workers


def _optimizes(function: Any) -> bool:
    """Return whether it is `study.optimize`, or a function of the job that calls something named so."""
    code = getattr(function, "__code__", None)
    return getattr(function, "__name__", "") == "optimize" or "optimize" in getattr(code, "co_names", ())


def _study_of(calls: list[Any]) -> Any | None:
    """Return the study that the calls optimize: their own, the only one, or the only one whose name they mention."""
    function, args, kwargs = calls[0]
    owner = getattr(function, "__self__", None)
    studies = [owner] if owner is not None else list(_studies)
    if len(studies) > 1:
        known = (*args, *kwargs.values(), *getattr(getattr(function, "__code__", None), "co_consts", ()))
        named = {text for text in known if isinstance(text, str)}
        studies = [study for study in studies if study.study_name in named]
    return studies[0] if len(studies) == 1 else None


def _wrap_terminate(original: Callable[..., Any]) -> Callable[..., Any]:
    def terminate(self: Any, *args: Any, **kwargs: Any) -> Any:
        workers = _workers.pop(id(self), None)
        if workers is not None:
            _write_workers(workers)
        return original(self, *args, **kwargs)

    return terminate


@never_raise
def _write_workers(workers: _Workers) -> None:
    for frozen in workers.study.get_trials(deepcopy=False):
        if frozen.number >= workers.trials_before and frozen.state.is_finished():
            _write(workers.search, workers.study, frozen, None)
    _end(workers.search, workers.study, None)


def _forget() -> None:
    _searches.clear()


monkeypatch.last_calls.append(_forget)
