"""Keep failures of annotate away from user code. The first one is a warning, later ones are silent."""

from __future__ import annotations

import functools
import sys
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # typing has ParamSpec since Python 3.10
    from typing import ParamSpec

    P = ParamSpec("P")
T = TypeVar("T")

_warned: set[str] = set()
_lock = threading.Lock()


def never_raise(function: Callable[P, T]) -> Callable[P, T | None]:
    """Decorate a function so that it returns None where it would raise an Exception.

    Only the first failure in a process is reported, whichever function failed.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            warn_once(
                "failure",
                f"{function.__name__} failed ({describe_error(error)}). Annotations are incomplete; the job itself is "
                "not affected. Further failures are not reported.",
            )
            return None

    return wrapper


def warn_once(topic: str, message: str) -> None:
    """Warn once per topic and process. Where warnings are errors, do nothing."""
    with _lock:
        if topic in _warned:
            return
        _warned.add(topic)
    try:
        warnings.warn(f"afterglow.annotate: {message}", RuntimeWarning, stacklevel=3)
    except RuntimeWarning:
        # `-W error` must not turn a warning into a failure of the training job.
        return


def print_message(message: str) -> None:
    """Print to the driver's stderr. A closed stderr is ignored."""
    try:
        sys.stderr.write(f"afterglow: {message}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return


def reset_warnings() -> None:
    """Allow every topic to warn once more, for an `autolog()` after `disable()`."""
    with _lock:
        _warned.clear()


def describe_error(error: BaseException) -> str:
    """Return class and message in one line. Never raises, even if the exception's own __str__ does."""
    try:
        return f"{type(error).__name__}: {error}".strip()
    except Exception:
        return type(error).__name__
