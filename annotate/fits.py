"""Annotate Estimator.fit. Outside a search a fit writes events; inside one only its training summary is collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..schemas.annotations import ESTIMATOR, RUN
from . import context, evaluations, event_queue, job_properties
from .active_run import active_run_id
from .context import Scope
from .encode import number
from .estimator_params import all_params, class_of, is_search, param_map, stage_names, summary_figures
from .never_raise import describe_error, never_raise


def wrap_fit(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap Estimator.fit. Result, arguments and exceptions stay those of the original."""

    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        params = args[1] if len(args) > 1 else kwargs.get("params")
        # A list of param maps comes back as one fit each; a search is annotated at its _fit.
        if isinstance(params, (list, tuple)) or _is_search(self):
            return original(self, *args, **kwargs)
        scope, owners = _begin(self, args[0] if args else kwargs.get("dataset"), params) or (None, [])
        try:
            model = original(self, *args, **kwargs)
        except BaseException as error:
            if scope is not None:
                _end(scope, error)
            raise
        _collect_summary(self, model, owners)
        if scope is not None:
            evaluations.remember_model(model, scope.id)
            _end(scope, None)
        return model

    return fit


@never_raise
def _is_search(stage: Any) -> bool:
    return is_search(stage)


@never_raise
def _begin(estimator: Any, dataset: Any, params: Any) -> tuple[Scope | None, list[Scope]]:
    """Return the scope of a plain fit. A fit that is part of others has no scope; return theirs."""
    around = context.innermost()
    owners = [around] if around is not None else context.enclosing(estimator.uid)
    if owners:
        return None, owners
    names = stage_names(estimator)
    scope = Scope("estimator", event_queue.new_id(), estimator.uid, names, event_queue.now_ms(), context.current_run())
    with context.entering(scope):
        # Not estimator.copy(params): copy is user code, and the fit itself calls it once.
        effective = {**all_params(estimator, names), **param_map(params or {}, names)}
        event_queue.add(
            "estimator_start",
            id=scope.id,
            uid=scope.uid,
            estimator=type(estimator).__name__,
            run=scope.run,
            mlflow_run_id=active_run_id(),
            params=effective,
            stages=_stages(estimator, names),
            python_class=class_of(estimator),
        )
        session = job_properties.session_of(dataset)
        set_properties = job_properties.setter(session, {ESTIMATOR: scope.id, RUN: scope.run})
        scope.properties = set_properties() if set_properties else None
    return scope, [scope]


def _stages(estimator: Any, names: Mapping[str, str]) -> list[str] | None:
    stages = estimator.getStages() if hasattr(estimator, "getStages") else None
    return [names.get(stage.uid, type(stage).__name__) for stage in stages] if stages else None


@never_raise
def _collect_summary(estimator: Any, model: Any, owners: list[Scope]) -> None:
    """Add the training summary to the one scope that owns the fit. With several candidates it is dropped."""
    if len(owners) != 1:
        return
    stage = owners[0].names.get(estimator.uid, type(estimator).__name__)
    for name, value in summary_figures(model).items():
        if name == "objectiveHistory":
            owners[0].loss.setdefault(stage, value)
        elif isinstance(value, list):
            owners[0].loss.setdefault(f"{stage}.{name}", value)
        else:
            owners[0].figures.setdefault(f"{stage}.{name}", number(value))


@never_raise
def _end(scope: Scope, error: BaseException | None) -> None:
    context.leave(scope)
    if scope.properties is not None:
        scope.properties.restore()
    event_queue.add("estimator_end", id=scope.id, uid=scope.uid, **end_fields(scope, error))


def end_fields(scope: Scope, error: BaseException | None) -> dict[str, Any]:
    """Return the fields that every end event has: status, error, times, loss and figures."""
    return {
        "status": "FAILED" if error is not None else "FINISHED",
        "error": describe_error(error)[:1000] if error is not None else None,
        "start_ms": scope.start_ms,
        "end_ms": event_queue.now_ms(),
        "loss": scope.loss or None,
        "figures": scope.figures or None,
    }
