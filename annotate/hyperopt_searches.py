"""Annotate hyperopt's fmin: params, loss and status of every trial, with Trials and with SparkTrials.

The hooks are methods, because jobs import the function `fmin` before anybody can replace it. Nothing of this runs in a
task: SparkTrials reports each result to its driver thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import framework_searches
from .framework_searches import FrameworkSearch
from .monkeypatch import replace_while_enabled
from .never_raise import describe_error, never_raise

FRAMEWORK = "hyperopt"
# hyperopt.base: JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL
_DONE, _ERROR, _CANCEL = 2, 3, 4
_searches: dict[int, tuple[FrameworkSearch, Mapping[str, Any]]] = {}  # id of a Trials -> its search, its choices


def patch_fmin(module: Any) -> None:
    """Patch the module hyperopt.fmin."""
    replace_while_enabled(module.FMinIter, "exhaust", _wrap_exhaust)


def patch_base(module: Any) -> None:
    """Patch the module hyperopt.base."""
    replace_while_enabled(module.Domain, "evaluate", _wrap_evaluate)


def patch_spark(module: Any) -> None:
    """Patch the module hyperopt.spark."""
    replace_while_enabled(module._SparkFMinState, "_run_trial_async", _wrap_run_trial_async)
    replace_while_enabled(module._SparkFMinState, "_finish_trial_run", _wrap_finish_trial_run)


def _wrap_exhaust(original: Callable[..., Any]) -> Callable[..., Any]:
    def exhaust(self: Any) -> Any:
        search = _begin(self)
        return framework_searches.searching(
            search, lambda: original(self), lambda error: _end(search, self.trials, error)
        )

    return exhaust


@never_raise
def _begin(iterator: Any) -> FrameworkSearch:
    trials = iterator.trials
    kind = type(trials).__name__ if hasattr(trials, "_spark") else "fmin"
    parallelism = getattr(trials, "parallelism", None)
    search = framework_searches.begin_search(
        FRAMEWORK, kind, metric="loss", larger_better=False, num_folds=1, parallelism=parallelism
    )
    _searches[id(trials)] = search, never_raise(_choices)(iterator.domain) or {}
    return search


def _end(search: FrameworkSearch | None, trials: Any, error: BaseException | None) -> None:
    _searches.pop(id(trials), None)
    if search is None:
        return
    ended = [trial for trial in trials._dynamic_trials if trial["tid"] in search.written]
    losses = [(trial["result"]["loss"], trial["tid"]) for trial in ended if trial["result"].get("status") == "ok"]
    # As Trials.best_trial: the first of the smallest losses, without NaN.
    best = min(((loss, tid) for loss, tid in losses if loss == loss), default=(None, None))[1]
    framework_searches.end_search(search, error, best_index=best)


def _wrap_evaluate(original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(self: Any, config: Any, ctrl: Any, *args: Any, **kwargs: Any) -> Any:
        search, choices = _searches.get(id(getattr(ctrl, "trials", None)), (None, {}))
        document = getattr(ctrl, "current_trial", None)
        scope = framework_searches.enter_trial(search, document["tid"]) if search and document else None
        if search is None or scope is None:
            return original(self, config, ctrl, *args, **kwargs)
        try:
            result = original(self, config, ctrl, *args, **kwargs)
        except BaseException as error:
            framework_searches.leave_trial(scope)
            _write(search, document, choices, {}, "FAILED", describe_error(error), scope)
            raise
        framework_searches.leave_trial(scope)
        _write(search, document, choices, result, _status(result), None, scope)
        return result

    return evaluate


def _wrap_run_trial_async(original: Callable[..., Any]) -> Callable[..., Any]:
    def _run_trial_async(self: Any, trial: Any) -> Any:
        # The thread of the trial inherits the properties of the dispatcher's (inheritable_thread_target).
        with framework_searches.marking_jobs(_searches.get(id(self.trials), (None, {}))[0], trial["tid"]):
            return original(self, trial)

    return _run_trial_async


def _wrap_finish_trial_run(original: Callable[..., Any]) -> Callable[..., Any]:
    def _finish_trial_run(self: Any, is_success: Any, is_cancelled: Any, trial: Any, data: Any) -> Any:
        result = original(self, is_success, is_cancelled, trial, data)
        search, choices = _searches.get(id(self.trials), (None, {}))
        if search is not None:
            _write_result(search, choices, trial, data)
        return result

    return _finish_trial_run


@never_raise
def _write_result(search: FrameworkSearch, choices: Mapping[str, Any], document: Any, data: Any) -> None:
    result = data if document["state"] == _DONE and isinstance(data, Mapping) else {}
    status = {_DONE: _status(result), _CANCEL: "KILLED"}.get(document["state"], "FAILED")
    error = describe_error(data) if isinstance(data, BaseException) else None
    _write(search, document, choices, result, status, error, None)


@never_raise
def _write(
    search: FrameworkSearch,
    document: Any,
    choices: Mapping[str, Any],
    result: Mapping[str, Any],
    status: str,
    error: str | None,
    scope: Any,
) -> None:
    metrics = framework_searches.numbers_of({"loss": result.get("loss"), **result})
    params = _params(document, choices)
    framework_searches.write_trial(search, document["tid"], params, metrics, status, error, scope)


def _status(result: Mapping[str, Any]) -> str:
    return "FINISHED" if result.get("status") == "ok" else "FAILED"  # hyperopt.base.STATUS_OK


def _params(document: Any, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sampled values by label. The index of an `hp.choice` is replaced by the option, where it is plain."""
    params = {}
    for label, values in document["misc"]["vals"].items():
        if len(values) != 1:
            continue  # a label of an option that was not chosen
        value = values[0]
        options = choices.get(label, ())
        params[label] = options[int(value)] if 0 <= int(value) < len(options) else value
    return params


def _choices(domain: Any) -> dict[str, list[Any]]:
    """Map the label of each `hp.choice` whose options are all literals to these."""
    from hyperopt.pyll import dfs

    found: dict[str, list[Any]] = {}
    for node in dfs(domain.expr):
        if node.name == "switch" and node.pos_args[0].name == "hyperopt_param":
            options = node.pos_args[1:]
            if all(option.name == "literal" for option in options):
                found[str(node.pos_args[0].pos_args[0].obj)] = [option.obj for option in options]
    return found
