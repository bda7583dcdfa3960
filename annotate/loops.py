"""Annotate the trials of a plain loop: `with annotate.trial(params):` around each fit and its evaluation.

Trials of one loop form one search. A loop is identified by the names of its params and by the annotate.run around it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from . import context, event_log, framework_searches, monkeypatch
from .context import Scope
from .framework_searches import FrameworkSearch
from .never_raise import describe_error, never_raise


@dataclass(eq=False)
class Trial:
    """One trial. Its first metric is the metric of the search."""

    number: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)

    def log_metric(self, name: str, value: float) -> None:
        """Set a metric of the trial. Never raises."""
        self.metrics[str(name)] = value


_lock = threading.Lock()
_loops: dict[tuple[int, str | None, tuple[str, ...]], FrameworkSearch] = {}


@contextmanager
def trial(params: Mapping[str, Any]) -> Iterator[Trial]:
    """Open one trial of a loop around its fit and its evaluation, and yield it for `log_metric`.

    A trial whose block raises is FAILED. The params are those of the trial; secrets are redacted by name.
    """
    opened = Trial()
    entered = _begin(params, opened)
    error: BaseException | None = None
    try:
        yield opened
    except BaseException as raised:
        error = raised
        raise
    finally:
        if entered is not None:
            _end(*entered, params, opened, error)


@never_raise
def _begin(params: Mapping[str, Any], opened: Trial) -> tuple[FrameworkSearch, Scope] | None:
    key = (id(event_log.active_context()), context.current_run(), tuple(sorted(map(str, params))))
    with _lock:
        loop = _loops.get(key)
        if loop is None:
            loop = _loops[key] = framework_searches.begin_search("loop", "loop", num_folds=1)
        opened.number = loop.trials
        loop.trials += 1
    scope = framework_searches.enter_trial(loop, opened.number)
    return (loop, scope) if scope is not None else None


@never_raise
def _end(
    loop: FrameworkSearch, scope: Scope, params: Mapping[str, Any], opened: Trial, error: BaseException | None
) -> None:
    framework_searches.leave_trial(scope)
    framework_searches.write_trial(
        loop,
        scope.trial or 0,
        params,
        framework_searches.numbers_of(opened.metrics),
        "FAILED" if error is not None else "FINISHED",
        describe_error(error) if error is not None else None,
        scope,
    )


def end_loops() -> None:
    """Write the end of every loop. Called before the SparkContext stops."""
    with _lock:
        loops = list(_loops.values())
        _loops.clear()
    for loop in loops:
        framework_searches.end_search(loop)


monkeypatch.last_calls.append(end_loops)
