"""Annotate the trials of a plain loop: `with annotate.trial(params):` around each fit and its evaluation.

Trials of one loop form one search. A loop is identified by the names of its params and by the annotate.run around it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..schemas.annotations import FOLD, PHASE, RUN, TRIAL, TUNING, TUNING_ID
from . import context, encode, event_log, event_queue, job_properties, monkeypatch
from .active_run import active_run_id
from .context import Scope
from .fits import end_fields
from .never_raise import never_raise


@dataclass(eq=False)
class _Loop:
    """A loop in progress: its id and uid, and the number of trials that started."""

    id: str
    uid: str
    trials: int = 0


@dataclass(eq=False)
class Trial:
    """One trial. Its first metric is the metric of the search."""

    number: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    def log_metric(self, name: str, value: float) -> None:
        """Set a metric of the trial. Never raises."""
        self.metrics[str(name)] = value


_lock = threading.Lock()
_loops: dict[tuple[int, str | None, tuple[str, ...]], _Loop] = {}


@contextmanager
def trial(params: Mapping[str, Any]) -> Iterator[Trial]:
    """Open one trial of a loop around its fit and its evaluation, and yield it for `log_metric`.

    A trial whose block raises is FAILED. The params are those of the trial; secrets are redacted by name.
    """
    opened = Trial()
    scope = _begin(params, opened)
    error: BaseException | None = None
    try:
        yield opened
    except BaseException as raised:
        error = raised
        raise
    finally:
        if scope is not None:
            _end(scope, params, opened, error)


@never_raise
def _begin(params: Mapping[str, Any], opened: Trial) -> Scope:
    monkeypatch.flush_before_stop()
    run = context.current_run()
    loop, opened.number = _next(run, tuple(sorted(map(str, params))))
    now = event_queue.now_ms()
    scope = Scope("trial", loop.id, loop.uid, {}, now, run, fold=0, trial=opened.number)
    with context.entering(scope):
        log = event_log.current()
        if log is not None:
            values = {TUNING: loop.uid, TUNING_ID: loop.id, FOLD: "0", PHASE: "fit", RUN: run}
            values[TRIAL] = str(opened.number)
            scope.properties = job_properties.local_properties(log, values)
    return scope


def _next(run: str | None, names: tuple[str, ...]) -> tuple[_Loop, int]:
    """Return the loop of these params and the number of its next trial. A new loop writes its start."""
    key = (id(event_log.active_context()), run, names)
    with _lock:
        loop = _loops.get(key)
        if loop is None:
            number = event_queue.new_id()
            loop = _loops[key] = _Loop(number, f"loop_{number}")
            started = True
        else:
            started = False
        trial_number = loop.trials
        loop.trials += 1
    if started:
        event_queue.add(
            "tuning_start",
            urgent=True,
            id=loop.id,
            uid=loop.uid,
            kind="loop",
            num_folds=1,
            run=run,
            mlflow_run_id=active_run_id(),
        )
    return loop, trial_number


@never_raise
def _end(scope: Scope, params: Mapping[str, Any], opened: Trial, error: BaseException | None) -> None:
    context.leave(scope)
    if scope.properties is not None:
        scope.properties.restore()
    name, value = next(iter(opened.metrics.items()), (None, None))
    event_queue.add(
        "fit_end",
        id=scope.id,
        uid=scope.uid,
        fold=0,
        trial=opened.number,
        metric=None if value is None else encode.number(value),
        metric_name=name,
        params=encode.redacted(params),
        **end_fields(scope, error),
    )


def end_loops() -> None:
    """Write the end of every loop. Called before the SparkContext stops."""
    with _lock:
        loops = list(_loops.values())
        _loops.clear()
    for loop in loops:
        event_queue.add("tuning_end", id=loop.id, uid=loop.uid, status="FINISHED", end_ms=event_queue.now_ms())


monkeypatch.last_calls.append(end_loops)
