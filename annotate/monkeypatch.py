"""Replace attributes of pyspark and other libraries, and restore them."""

from __future__ import annotations

import atexit
import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import connect_log, event_log, event_queue, import_hook
from .never_raise import never_raise

LAST_WRITE_S = 10.0  # how long the stop of a Spark Connect session waits for the last events


class _Replaced(NamedTuple):
    owner: Any
    name: str
    original: Any
    ours: Any


@dataclass
class _Switch:
    enabled: bool = False


switch = _Switch()  # whether replacements annotate

_replaced: list[_Replaced] = []
_replaced_stop: list[_Replaced] = []

# Called before pending events are written for the last time.
last_calls: list[Callable[[], None]] = []

# Called with a SparkContext before it stops. Each returns a function that is called after it has stopped.
stop_callbacks: list[Callable[[Any], Callable[[], None] | None]] = []


def replace(owner: Any, name: str, make: Callable[[Any], Any], replaced: list[_Replaced] | None = None) -> None:
    """Replace the owner's own attribute by `make(original)`. Raises AttributeError if the owner does not define it."""
    original = vars(owner).get(name)
    if original is None:
        raise AttributeError(f"{owner!r} does not define {name}")
    ours = functools.wraps(original)(make(original))
    setattr(owner, name, ours)
    (_replaced if replaced is None else replaced).append(_Replaced(owner, name, original, ours))


def replace_while_enabled(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """As `replace`, but the replacement calls the original directly once annotation is off.

    Another library may have wrapped our replacement, so `restore` cannot always remove it.
    """

    def make(original: Any) -> Any:
        annotated = wrap(original)

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            return (annotated if switch.enabled else original)(*args, **kwargs)

        return call

    replace(owner, name, make)


def restore() -> None:
    """Restore every original, the latest first.

    An attribute that somebody else has replaced since stays. Their replacement calls ours, which calls the original.
    """
    for replaced in (_replaced, _replaced_stop):
        for owner, name, original, ours in reversed(replaced):
            if vars(owner).get(name) is ours:
                setattr(owner, name, original)
        replaced.clear()


def flush_before_stop() -> None:
    """Have SparkContext.stop write pending events first, and so SparkSession.stop of Spark Connect.

    From then on operations of Spark Connect take pending events.
    """
    if _replaced_stop:
        return
    import pyspark

    context_class = getattr(pyspark, "SparkContext", None)  # the package pyspark-client has none
    if context_class is not None:
        replace(context_class, "stop", _wrap_context_stop, _replaced_stop)
    import_hook.when_imported("pyspark.sql.connect.session", _patch_connect)


def _wrap_context_stop(original: Callable[..., Any]) -> Callable[..., Any]:
    def stop(self: Any, *args: Any, **kwargs: Any) -> Any:
        _flush_and_close(self)
        afterwards = [after for call in list(stop_callbacks) if (after := call(self))] if _is_alive(self) else []
        try:
            return original(self, *args, **kwargs)
        finally:
            for after in afterwards:
                after()

    return stop


def _patch_connect(module: Any) -> None:
    """Patch pyspark.sql.connect.session."""
    replace(module.SparkSession, "stop", _wrap_session_stop, _replaced_stop)
    wrap_request = connect_log.wrap_request(event_queue.take)
    replace(module.SparkConnectClient, "_execute_plan_request_with_metadata", wrap_request, _replaced_stop)


def _wrap_session_stop(original: Callable[..., Any]) -> Callable[..., Any]:
    def stop(self: Any, *args: Any, **kwargs: Any) -> Any:
        _write_last(self)
        return original(self, *args, **kwargs)

    return stop


@never_raise
def _write_last(session: Any) -> None:
    """Write to a Spark Connect session that is about to stop."""
    if session.is_stopped:
        return
    for call in last_calls:
        call()
    _write_in_time(connect_log.ConnectLog(session))


def _write_in_time(log: connect_log.ConnectLog) -> None:
    """Write pending events. A server that does not answer is not waited for."""
    writer = threading.Thread(target=never_raise(event_queue.flush), args=(log,), name="afterglow-last", daemon=True)
    try:
        writer.start()
    except RuntimeError:  # since Python 3.12 no thread starts at exit
        event_queue.flush(log)
    else:
        writer.join(LAST_WRITE_S)


@never_raise
def _write_at_exit() -> None:
    """The JVM is still alive at exit: it ends when this process closes its standard input."""
    for call in last_calls:
        call()
    log = connect_log.current()
    if log is not None:
        _write_in_time(log)
    else:
        event_queue.flush()


def _is_alive(context: Any) -> bool:
    return getattr(context, "_jsc", None) is not None  # stop() may be called again


@never_raise
def _flush_and_close(context: Any) -> None:
    if event_log.active_context() is context:
        for call in last_calls:
            call()
        event_queue.flush()
        event_log.close(context)


atexit.register(_write_at_exit)
