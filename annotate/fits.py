"""Estimator.fit: a plain fit is said with its params; inside a search or a pipeline only its training loss is taken."""

from collections.abc import Callable
from typing import Any

from ..schemas.annotations import ESTIMATOR, RUN
from . import context as frames
from . import event_queue as outbox
from . import job_properties as marks
from .active_run import active_run_id
from .context import Frame
from .encode import number
from .estimator_params import all_params, class_of, is_search, param_map, stage_names, summary_figures
from .never_raise import describe, guarded
from .switch import is_on

_Owners = list[Frame]


def around_fit(original: Callable[..., Any]) -> Callable[..., Any]:
    """Estimator.fit with its annotations; result, arguments and exceptions are the original's."""

    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        params = args[1] if len(args) > 1 else kwargs.get("params")
        # A list of param maps comes back as one fit each; a search is said by its _fit.
        if not is_on() or isinstance(params, (list, tuple)) or _is_search(self):
            return original(self, *args, **kwargs)
        frame, owners = _begin(self, args[0] if args else kwargs.get("dataset"), params) or (None, [])
        try:
            model = original(self, *args, **kwargs)
        except BaseException as error:
            if frame is not None:
                _end(frame, error)
            raise
        _gather(self, model, owners)
        if frame is not None:
            _end(frame, None)
        return model

    return fit


@guarded
def _is_search(stage: Any) -> bool:
    return is_search(stage)


@guarded
def _begin(estimator: Any, dataset: Any, params: Any) -> tuple[Frame | None, _Owners]:
    """The frame of a fit of its own, or None and the frames it is a part of."""
    top = frames.top()
    owners = [top] if top is not None else frames.owners(estimator.uid)
    if owners:
        return None, owners
    names = stage_names(estimator)
    frame = Frame("estimator", outbox.new_id(), estimator.uid, names, outbox.now_ms(), frames.current_run())
    with frames.opening(frame):
        # Not estimator.copy(params): a copy is the user's code, and is made once, by the fit itself.
        effective = {**all_params(estimator, names), **param_map(params or {}, names)}
        outbox.add(
            "estimator_start",
            id=frame.id,
            uid=frame.uid,
            estimator=type(estimator).__name__,
            run=frame.run,
            mlflow_run_id=active_run_id(),
            params=effective,
            stages=_stages(estimator, names),
            python_class=class_of(estimator),
        )
        mark = marks.prepare(dataset.sparkSession, {ESTIMATOR: frame.id, RUN: frame.run})
        frame.marks = mark() if mark else None
    return frame, [frame]


def _stages(estimator: Any, names: Any) -> list[str] | None:
    stages = estimator.getStages() if hasattr(estimator, "getStages") else None
    return [names.get(stage.uid, type(stage).__name__) for stage in stages] if stages else None


@guarded
def _gather(estimator: Any, model: Any, owners: _Owners) -> None:
    """The training summary's figures, to the one frame they belong to; to none if it cannot be told (see owners)."""
    if len(owners) != 1:
        return
    stage = owners[0].names.get(estimator.uid, type(estimator).__name__)
    for name, value in summary_figures(model).items():
        if isinstance(value, list):
            owners[0].loss.setdefault(stage, value)
        else:
            owners[0].figures.setdefault(f"{stage}.{name}", number(value))


@guarded
def _end(frame: Frame, error: BaseException | None) -> None:
    frames.pop(frame)
    if frame.marks is not None:
        frame.marks.end()
    outbox.add("estimator_end", id=frame.id, uid=frame.uid, **span(frame, error))


def span(frame: Frame, error: BaseException | None) -> dict[str, Any]:
    """The fields that every end of something has: status, error, times, loss and figures."""
    return {
        "status": "FAILED" if error is not None else "FINISHED",
        "error": describe(error)[:1000] if error is not None else None,
        "start_ms": frame.start_ms,
        "end_ms": outbox.now_ms(),
        "loss": frame.loss or None,
        "figures": frame.figures or None,
    }
