"""What is replaced in pyspark while annotate is on, and put back when it is switched off."""

import functools
from collections.abc import Callable
from typing import Any

from . import event_log
from . import event_queue as outbox
from .never_raise import guarded

_applied: list[tuple[Any, str, Any, Any]] = []  # owner, attribute, original, ours
_stop: list[tuple[Any, str, Any, Any]] = []

# Asked before a SparkContext stops; what they give is done when it has.
stopping: list[Callable[[Any], Callable[[], None] | None]] = []


def replace(owner: Any, name: str, make: Callable[[Any], Any], applied: list[Any] | None = None) -> None:
    """Put `make(original)` in the place of the owner's own attribute. AttributeError if it has none of that name."""
    original = vars(owner).get(name)
    if original is None:
        raise AttributeError(f"{owner!r} has no {name} of its own")
    ours = functools.wraps(original)(make(original))
    setattr(owner, name, ours)
    (_applied if applied is None else applied).append((owner, name, original, ours))


def restore() -> None:
    """Put every original back, the last one first, unless somebody has since replaced ours with theirs.

    Then theirs calls ours, which passes everything through while annotate is off.
    """
    for applied in (_applied, _stop):
        for owner, name, original, ours in reversed(applied):
            if vars(owner).get(name) is ours:
                setattr(owner, name, original)
        applied.clear()


def write_before_stop() -> None:
    """From now on SparkContext.stop writes first what still waits."""
    if _stop:
        return
    from pyspark import SparkContext

    def make(original: Any) -> Any:
        def stop(self: Any, *args: Any, **kwargs: Any) -> Any:
            _last_words(self)
            afterwards = [do for asked in list(stopping) if (do := asked(self)) is not None] if _is_alive(self) else []
            try:
                return original(self, *args, **kwargs)
            finally:
                for do in afterwards:
                    do()

        return stop

    replace(SparkContext, "stop", make, _stop)


def _is_alive(context: Any) -> bool:
    return getattr(context, "_jsc", None) is not None  # stop() may be called again


@guarded
def _last_words(context: Any) -> None:
    if event_log.active_context() is context:
        outbox.flush()
        event_log.close(context)
