"""Named runs, params, metrics and tags that the author of a job logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..schemas.annotations import RUN
from . import connect_log, context, encode, event_log, event_queue, job_properties, monkeypatch
from .active_run import active_run_id
from .context import Scope, current_thread
from .fits import end_fields
from .never_raise import never_raise


@contextmanager
def run(name: str) -> Iterator[str]:
    """Open a run around the jobs and log_* calls of this thread, and yield its id.

    Runs nest. A run whose block raises is FAILED. The id is empty where the run could not be opened.
    """
    entered = _enter(name)
    error: BaseException | None = None
    try:
        yield entered.scope.id if entered else ""
    except BaseException as raised:
        error = raised
        raise
    finally:
        if entered is not None:
            _leave(entered, name, error)


def log_param(name: str, value: Any) -> None:
    """Log one param. See log_params."""
    log_params({name: value})


def log_params(params: Mapping[str, Any]) -> None:
    """Log params of the innermost run, or of the application. Secrets are redacted by name."""
    _log(params=params)


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """Log one metric. NaN and infinities are kept."""
    log_metrics({name: value}, step)


def log_metrics(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Log metrics of the innermost run or trial, with this step and the current time."""
    _log(metrics=metrics, step=step)


def set_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the innermost run. Secrets are redacted by name."""
    _log(tags=tags)


@never_raise
def _log(
    params: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, Any] | None = None,
    step: int | None = None,
) -> None:
    monkeypatch.flush_before_stop()
    now = event_queue.now_ms()
    at_step = None if step is None else int(step)
    scope = context.innermost()
    trial = scope if scope is not None and scope.kind == "trial" else None
    rows = [[encode.name(name), encode.number(value), at_step, now] for name, value in (metrics or {}).items()]
    event_queue.add(
        "log",
        run=context.current_run(),
        mlflow_run_id=active_run_id(),
        params=encode.redacted(params) if params else None,
        tags=encode.redacted(tags) if tags else None,
        metrics=rows or None,
        tuning=trial.id if trial else None,
        fold=trial.fold if trial else None,
        trial=trial.trial if trial else None,
    )


@dataclass(frozen=True)
class _Entered:
    """A run that was opened, and the function that gives the thread its previous run property."""

    scope: Scope
    restore: Callable[[], None]


@never_raise
def _enter(name: str) -> _Entered:
    monkeypatch.flush_before_stop()
    scope = Scope("run", event_queue.new_id(), "", {}, event_queue.now_ms(), context.current_run())
    event_queue.add("run_start", id=scope.id, name=encode.name(name), parent=scope.run, mlflow_run_id=active_run_id())
    restore = _set_run(scope.id)
    current_thread.runs.append(scope.id)
    return _Entered(scope, restore)


def _set_run(run_id: str) -> Callable[[], None]:
    """Mark this thread's jobs. Local properties that the user sets in the block stay, so the thread keeps its own."""
    if connect_log.active_session() is not None:
        tags = job_properties.set_in_thread({RUN: run_id})
        return tags.restore if tags is not None else lambda: None
    log = event_log.current()
    if log is None:
        return lambda: None
    previous = log.context.getLocalProperty(RUN)
    log.context.setLocalProperty(RUN, run_id)

    def restore() -> None:
        if event_log.current() is log:
            log.context.setLocalProperty(RUN, previous)

    return restore


@never_raise
def _leave(entered: _Entered, name: str, error: BaseException | None) -> None:
    run_id = entered.scope.id
    if run_id in current_thread.runs:
        del current_thread.runs[current_thread.runs.index(run_id) :]
    never_raise(entered.restore)()
    event_queue.add("run_end", id=run_id, name=encode.name(name), **end_fields(entered.scope, error))
