"""The stack of searches, trials, fits and runs that each thread is in.

MLlib starts threads of its own, which have an empty stack; `enclosing` finds their scopes by the estimator's uid.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .job_properties import JobProperties


@dataclass(eq=False)
class Scope:
    """A search, trial, plain fit or run in progress. Times are milliseconds, UTC epoch.

    `loss` and `figures` collect the training summaries of all estimators fitted in this scope, keyed by stage name.
    """

    kind: str  # tuning | trial | estimator | run
    id: str
    uid: str
    names: Mapping[str, str]  # uid -> stage name, of the estimator and all stages below it
    start_ms: int
    run: str | None = None  # id of the annotate.run around it
    properties: JobProperties | None = None
    search: SearchScope | None = None  # of a trial
    fold: int | None = None
    trial: int | None = None
    evaluate_ms: int | None = None
    loss: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class SearchScope(Scope):
    """A search in progress, with what its trials need."""

    session: Any = None
    total_fits: int = 0  # folds times param maps
    folds_started: int = 0
    fits_ended: int = 0
    lock: Any = field(default_factory=threading.Lock)


class _ThreadContext(threading.local):
    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.runs: list[str] = []


current_thread = _ThreadContext()
_active: list[Scope] = []  # of all threads
_lock = threading.Lock()


@contextmanager
def entering(scope: Scope) -> Iterator[None]:
    """Push the scope onto this thread's stack. If the block raises, the scope is removed again."""
    current_thread.scopes.append(scope)
    with _lock:
        _active.append(scope)
    try:
        yield
    except BaseException:
        leave(scope)
        if scope.properties is not None:
            scope.properties.restore()
        raise


def leave(scope: Scope) -> None:
    """Remove the scope from this thread's stack, with every scope above it."""
    if scope in current_thread.scopes:
        del current_thread.scopes[current_thread.scopes.index(scope) :]
    with _lock:
        if scope in _active:
            _active.remove(scope)


def innermost() -> Scope | None:
    """Return the innermost scope of this thread."""
    return current_thread.scopes[-1] if current_thread.scopes else None


def current_run() -> str | None:
    """Return the id of the innermost annotate.run of this thread, else the run of its search or fit."""
    scope = innermost()
    return current_thread.runs[-1] if current_thread.runs else scope.run if scope else None


def enclosing(uid: str) -> list[Scope]:
    """Return the scopes, of any thread, whose estimator contains this uid.

    Trials take precedence over the searches and fits around them. OneVsRest fits its classifier in such other threads.
    """
    with _lock:
        found = [scope for scope in _active if uid in scope.names]
    return [scope for scope in found if scope.kind == "trial"] or found[-1:]
