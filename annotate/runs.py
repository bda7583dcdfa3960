"""What the author of a job says himself: named runs, params, metrics, tags."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..schemas.annotations import RUN
from . import encode, event_log, frames, outbox, patches
from .active_run import active_run_id
from .event_log import EventLog
from .fits import span
from .frames import Frame, here
from .guard import guarded


@contextmanager
def run(name: str) -> Iterator[str]:
    """A run around the jobs and log_* calls of this thread inside the block; gives its id. Runs nest."""
    frame = Frame("run", outbox.new_id(), "", {}, outbox.now_ms(), frames.current_run())
    before = _enter(frame, name)
    error: BaseException | None = None
    try:
        yield frame.id
    except BaseException as raised:
        error = raised
        raise
    finally:
        _leave(frame, name, before, error)


def log_param(name: str, value: Any) -> None:
    """One param."""
    log_params({name: value})


def log_params(params: Mapping[str, Any]) -> None:
    """Params of the run around it, or of the application. Secrets are redacted by name."""
    _say(params=params)


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """One metric; NaN and infinities are kept."""
    log_metrics({name: value}, step)


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Metrics, all at this step, now."""
    _say(metrics=metrics, step=step)


def set_tags(tags: Mapping[str, Any]) -> None:
    """Tags. Secrets are redacted by name."""
    _say(tags=tags)


@guarded
def _say(params: Mapping[str, Any] | None = None, metrics: Mapping[str, float] | None = None,
         tags: Mapping[str, Any] | None = None, step: int | None = None) -> None:
    patches.write_before_stop()
    now = outbox.now_ms()
    at = None if step is None else int(step)
    frame = frames.top()
    trial = frame if frame is not None and frame.kind == "trial" else None
    outbox.add(
        "log", run=frames.current_run(), mlflow_run_id=active_run_id(),
        params=encode.redacted(params) if params else None, tags=encode.redacted(tags) if tags else None,
        metrics=[[encode.name(name), encode.number(value), at, now] for name, value in (metrics or {}).items()] or None,
        tuning=trial.id if trial else None, fold=trial.fold if trial else None, trial=trial.trial if trial else None,
    )


@guarded
def _enter(frame: Frame, name: str) -> tuple[EventLog, str | None] | None:
    """The event log and the run its jobs carried before; None where jobs cannot be marked."""
    patches.write_before_stop()
    here.runs.append(frame.id)
    outbox.add("run_start", id=frame.id, name=encode.name(name), parent=frame.run, mlflow_run_id=active_run_id())
    log = event_log.current()
    if log is None:
        return None
    before = log.context.getLocalProperty(RUN)
    log.context.setLocalProperty(RUN, frame.id)
    return log, before


@guarded
def _leave(frame: Frame, name: str, before: tuple[EventLog, str | None] | None, error: BaseException | None) -> None:
    if frame.id in here.runs:
        del here.runs[here.runs.index(frame.id):]
    outbox.add("run_end", id=frame.id, name=encode.name(name), **span(frame, error))
    if before is not None:
        log, outer = before
        if event_log.current() is log:
            log.context.setLocalProperty(RUN, outer)
