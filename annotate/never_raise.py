"""Nothing of ours is raised into user code: the first failure is said once, later ones are silent."""

import functools
import sys
import threading
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_said: set[str] = set()
_lock = threading.Lock()


def guarded(function: Callable[P, T]) -> Callable[P, T | None]:
    """The function, but what it raises is said once (per process, whatever failed) and None is returned."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            say_once(
                "failure",
                f"{function.__name__} failed ({describe(error)}); annotations are incomplete, the job "
                "itself is not touched. Further failures are not reported.",
            )
            return None

    return wrapper


def say_once(topic: str, message: str) -> None:
    """Warn, once per topic and process; silent where the user made warnings errors."""
    with _lock:
        if topic in _said:
            return
        _said.add(topic)
    try:
        warnings.warn(f"afterglow.annotate: {message}", RuntimeWarning, stacklevel=3)
    except RuntimeWarning:
        # `-W error` must not turn a notice into a failure of the training job.
        return


def say(message: str) -> None:
    """To the person at the driver, on its standard error; a closed one is no matter."""
    try:
        sys.stderr.write(f"afterglow: {message}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return


def forget() -> None:
    """Say everything once again: a new `autolog()` after `disable()`."""
    with _lock:
        _said.clear()


def describe(error: BaseException) -> str:
    """Class and message in one line. Never raises, whatever the exception's own __str__ does."""
    try:
        return f"{type(error).__name__}: {error}".strip()
    except Exception:
        return type(error).__name__
