"""What the author of a job says himself: named runs, params, metrics, tags."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..schemas.annotations import RUN
from . import context as frames
from . import encode, event_log
from . import event_queue as outbox
from . import monkeypatch as patches
from .active_run import active_run_id
from .context import Frame, here
from .event_log import EventLog
from .fits import span
from .never_raise import guarded


@contextmanager
def run(name: str) -> Iterator[str]:
    """A run around the jobs and log_* calls of this thread inside the block; gives its id.

    Runs nest; one that an exception leaves is FAILED. The id is empty if the run could not be noted.
    """
    entered = _enter(name)
    error: BaseException | None = None
    try:
        yield entered.frame.id if entered else ""
    except BaseException as raised:
        error = raised
        raise
    finally:
        if entered is not None:
            _leave(entered, name, error)


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
def _say(
    params: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, Any] | None = None,
    step: int | None = None,
) -> None:
    patches.write_before_stop()
    now = outbox.now_ms()
    at = None if step is None else int(step)
    frame = frames.top()
    trial = frame if frame is not None and frame.kind == "trial" else None
    outbox.add(
        "log",
        run=frames.current_run(),
        mlflow_run_id=active_run_id(),
        params=encode.redacted(params) if params else None,
        tags=encode.redacted(tags) if tags else None,
        metrics=[[encode.name(name), encode.number(value), at, now] for name, value in (metrics or {}).items()] or None,
        tuning=trial.id if trial else None,
        fold=trial.fold if trial else None,
        trial=trial.trial if trial else None,
    )


@dataclass(frozen=True, slots=True)
class _Entered:
    """A run that was entered, the event log its jobs go to (None: they cannot be marked), and their run before."""

    frame: Frame
    log: EventLog | None
    before: str | None


@guarded
def _enter(name: str) -> _Entered:
    patches.write_before_stop()
    frame = Frame("run", outbox.new_id(), "", {}, outbox.now_ms(), frames.current_run())
    log = event_log.current()
    before = log.context.getLocalProperty(RUN) if log else None
    outbox.add("run_start", id=frame.id, name=encode.name(name), parent=frame.run, mlflow_run_id=active_run_id())
    if log is not None:
        log.context.setLocalProperty(RUN, frame.id)
    here.runs.append(frame.id)
    return _Entered(frame, log, before)


@guarded
def _leave(entered: _Entered, name: str, error: BaseException | None) -> None:
    run_id = entered.frame.id
    if run_id in here.runs:
        del here.runs[here.runs.index(run_id) :]
    if entered.log is not None and event_log.current() is entered.log:
        entered.log.context.setLocalProperty(RUN, entered.before)
    outbox.add("run_end", id=run_id, name=encode.name(name), **span(entered.frame, error))
