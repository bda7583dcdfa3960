"""Searches of other frameworks than MLlib: their start and end, and the trial of every job.

Each framework has a module that calls these functions. A trial runs in a thread of the driver (`enter_trial`), or as a
job whose thread inherits the properties that `marking_jobs` sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..schemas.annotations import FOLD, PHASE, RUN, TRIAL, TUNING, TUNING_ID
from . import context, encode, event_queue, job_properties, monkeypatch
from .active_run import active_run_id
from .context import Scope
from .fits import end_fields
from .job_properties import JobProperties
from .never_raise import describe_error, never_raise


@dataclass(eq=False)
class FrameworkSearch:
    """A search in progress. `trials` counts those that started in it; `written` holds the numbers that have ended."""

    id: str
    uid: str
    start_ms: int
    run: str | None
    trials: int = 0
    written: set[int] = field(default_factory=set)


def begin_search(framework: str, kind: str, uid: str | None = None, **fields: Any) -> FrameworkSearch:
    """Write the start of a search. `fields` are those of the event `tuning_start`."""
    monkeypatch.flush_before_stop()
    number = event_queue.new_id()
    outer = context.innermost()
    trial = outer if outer is not None and outer.kind == "trial" else None
    search = FrameworkSearch(number, uid or f"{kind}_{number}", event_queue.now_ms(), context.current_run())
    event_queue.add(
        "tuning_start",
        urgent=True,
        id=search.id,
        uid=search.uid,
        framework=framework,
        kind=kind,
        run=search.run,
        mlflow_run_id=active_run_id(),
        parent=trial.id if trial else None,
        parent_fold=trial.fold if trial else None,
        parent_trial=trial.trial if trial else None,
        **fields,
    )
    return search


def end_search(search: FrameworkSearch, error: BaseException | None = None, **fields: Any) -> None:
    """Write the end of a search. `fields` are those of the event `tuning_end`."""
    event_queue.add(
        "tuning_end",
        id=search.id,
        uid=search.uid,
        status="FAILED" if error is not None else "FINISHED",
        error=describe_error(error)[:1000] if error is not None else None,
        start_ms=search.start_ms,
        end_ms=event_queue.now_ms(),
        **fields,
    )


@contextmanager
def marking_jobs(
    search: FrameworkSearch | None, trial: int | None = None, fold: int | None = 0, phase: str = "fit"
) -> Iterator[None]:
    """Give the properties of a trial to this thread, and to threads that inherit its properties in the block."""
    properties = _set_properties(search, trial, fold, phase) if search is not None else None
    try:
        yield
    finally:
        if properties is not None:
            never_raise(properties.restore)()


@never_raise
def _set_properties(search: FrameworkSearch, trial: int | None, fold: int | None, phase: str) -> JobProperties | None:
    values: dict[str, str | None] = {TUNING: search.uid, TUNING_ID: search.id, PHASE: phase, RUN: search.run}
    if trial is not None:
        values.update({TRIAL: str(trial), FOLD: None if fold is None else str(fold)})
    return job_properties.set_in_thread(values)


@never_raise
def enter_trial(search: FrameworkSearch, number: int) -> Scope:
    """Begin a trial in this thread: its jobs carry its number, and the fits in it belong to it."""
    scope = Scope("trial", search.id, search.uid, {}, event_queue.now_ms(), search.run, fold=0, trial=number)
    with context.entering(scope):
        scope.properties = _set_properties(search, number, 0, "fit")
    return scope


@never_raise
def leave_trial(scope: Scope) -> None:
    """End what `enter_trial` began. The caller writes the trial's result with `write_trial`."""
    context.leave(scope)
    if scope.properties is not None:
        scope.properties.restore()


@never_raise
def write_trial(
    search: FrameworkSearch,
    number: int,
    params: Mapping[str, Any] | None,
    metrics: Mapping[str, Any],
    status: str,
    error: str | None = None,
    scope: Scope | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> None:
    """Write the result of a trial that is one fit. Its first metric is the metric of the search."""
    search.written.add(number)
    rows = [(encode.name(name), encode.number(value)) for name, value in metrics.items()]
    fields: dict[str, Any] = {"start_ms": start_ms, "end_ms": end_ms}
    if scope is not None:
        fields = end_fields(scope, None)
    fields.update(status=status, error=error[:1000] if error else None)
    event_queue.add(
        "fit_end",
        id=search.id,
        uid=search.uid,
        fold=0,
        trial=number,
        metric_name=rows[0][0] if rows else None,
        metric=rows[0][1] if rows else None,
        metrics=dict(rows[1:]) or None,
        params=encode.redacted(params or {}),
        evaluate_ms=scope.evaluate_ms if scope is not None else None,
        **fields,
    )


def numbers_of(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the entries that are numbers. Booleans are not."""
    found = {}
    for name, value in values.items():
        if isinstance(value, bool):
            continue
        try:
            found[str(name)] = encode.number(value)
        except (TypeError, ValueError):
            continue
    return found


def searching(
    search: FrameworkSearch | None, call: Callable[[], Any], end: Callable[[BaseException | None], None]
) -> Any:
    """Call the framework, then `end` with the exception that it raised, which is raised again."""
    try:
        result = call()
    except BaseException as error:
        if search is not None:
            never_raise(end)(error)
        raise
    if search is not None:
        never_raise(end)(None)
    return result
