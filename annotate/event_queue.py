"""Events wait here for a moment, so that a hundred short fits do not cost a hundred jobs.

What is not urgent is written by a thread of its own, INTERVAL_S after the last write at the earliest: the jobs added
are bounded by time and not by the number of fits, no trial waits for them, and a driver that is killed loses at most
that many seconds of events.
"""

import atexit
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from . import encode, event_log
from .never_raise import guarded, say_once

INTERVAL_S = 2.0
SETTLE_S = 0.2  # trials of a pool, and metrics of one epoch, come together
MAX_WITHOUT_CONTEXT = 1_000  # events kept while there is no SparkContext yet

WRITER = uuid.uuid4().hex[:8]

# Asked for events before each write: what arrives on threads that must not write themselves.
collectors: list[Callable[[], list[dict[str, Any]]]] = []

_lock = threading.Lock()
_writing = threading.Lock()
_wake = threading.Event()
_waiting: list[dict[str, Any]] = []
_thread: threading.Thread | None = None
_seq = 0
_ids = 0
_last_write = float("-inf")


def now_ms() -> int:
    """Milliseconds, UTC epoch; the driver's clock, which is the event log's."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """An id that no other search, fit or run of this log has, even where two Python processes share a SparkContext."""
    global _ids
    with _lock:
        _ids += 1
        return f"{WRITER}-{_ids}"


def add(event: str, *, urgent: bool = False, **fields: Any) -> None:
    """Say an event; fields that are None are left out, values must be plain (see encode). Urgent: written on return."""
    said = {"event": event, "time_ms": now_ms(), **{key: value for key, value in fields.items() if value is not None}}
    with _lock:
        _waiting.append(said)
    if urgent:
        flush()
    else:
        wake()


def wake() -> None:
    """Have the writer thread write soon; costs nothing."""
    global _thread
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_write_for_ever, name="afterglow-annotate", daemon=True)
            _thread.start()
    _wake.set()


def flush() -> None:
    """Write what waits, in this thread. Without a SparkContext it goes on waiting."""
    global _seq, _last_write, _waiting
    log = event_log.current()
    if log is None:
        _forget_oldest()
        return
    with _writing:
        collected = [event for collect in collectors for event in collect()]
        with _lock:
            events, _waiting = _waiting + collected, []
            _last_write = time.monotonic()
        if events:
            _seq += 1
            for text in encode.texts(WRITER, _seq, events):
                log.write(text)


def _write_for_ever() -> None:
    while True:
        _wake.wait()
        time.sleep(max(SETTLE_S, _last_write + INTERVAL_S - time.monotonic()))
        _wake.clear()
        guarded(flush)()


def _forget_oldest() -> None:
    with _lock:
        dropped = len(_waiting) - MAX_WITHOUT_CONTEXT
        if dropped > 0:
            del _waiting[:dropped]
    if dropped > 0:
        say_once("no_context", "there is no SparkContext to write to; the oldest annotations are dropped.")


# At exit the JVM is still there: it ends when this process closes its standard input.
atexit.register(guarded(flush))
