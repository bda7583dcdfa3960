"""The queue of events that are not written yet, so that a hundred short fits do not cost a hundred jobs.

A background thread writes events that are not urgent, INTERVAL_S after the previous write at the earliest. Time bounds
the number of jobs, and no trial waits for a write. A driver that is killed loses at most INTERVAL_S of events.

Over Spark Connect the next operation of the job takes the events. The background thread writes what is left after
INTERVAL_S.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from . import connect_log, encode, event_log
from .never_raise import never_raise, warn_once

INTERVAL_S = 2.0
SETTLE_S = 0.2  # trials of a pool end together, and so do the metrics of an epoch
MAX_WITHOUT_CONTEXT = 1_000  # events kept while there is no SparkContext yet

WRITER = uuid.uuid4().hex[:8]

# Called before each write for more events, by those whose own threads must not write.
collectors: list[Callable[[], list[dict[str, Any]]]] = []

_lock = threading.Lock()
_write_lock = threading.Lock()
_wake = threading.Event()
_pending: list[dict[str, Any]] = []
_thread: threading.Thread | None = None
_seq = 0
_ids = 0
_last_write = float("-inf")


def now_ms() -> int:
    """Return milliseconds, UTC epoch, by the driver's clock, which the event log uses too."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """Return an id that is unique in the log, even where two Python processes share a SparkContext."""
    global _ids
    with _lock:
        _ids += 1
        return f"{WRITER}-{_ids}"


def add(event: str, *, urgent: bool = False, **fields: Any) -> None:
    """Add an event of plain values (see encode). Fields that are None are left out.

    `urgent` writes it on return, except over Spark Connect.
    """
    entry = {"event": event, "time_ms": now_ms(), **{key: value for key, value in fields.items() if value is not None}}
    with _lock:
        _pending.append(entry)
    if urgent and connect_log.active_session() is None:
        flush()
    else:
        wake_writer()


def wake_writer() -> None:
    """Wake the background thread, which writes soon. Does not block."""
    global _thread
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_write_loop, name="afterglow-annotate", daemon=True)
            _thread.start()
    _wake.set()


def flush(log: connect_log.ConnectLog | None = None) -> None:
    """Write all pending events in this thread, to `log` or where the job runs. Without either they stay pending."""
    global _last_write, _pending
    target = log or connect_log.current() or event_log.current()
    if target is None:
        _drop_oldest()
        return
    with _write_lock:
        collected = [event for collect in collectors for event in collect()]
        with _lock:
            events, _pending = _pending + collected, []
            _last_write = time.monotonic()
            texts = _encoded(events)
        if texts:
            target.write(texts)


def take(limit: int) -> list[str]:
    """Return pending events as one text of about `limit` characters, oldest first. They are pending no more.

    Never waits. A finalizer of a model sends an operation too, in a thread that may hold the lock already.
    """
    if not _pending or not _lock.acquire(blocking=False):
        return []
    try:
        size = count = 0
        for event in _pending:
            size += encode.length(event)
            if size > limit:
                break
            count += 1
        events = _pending[:count]
        del _pending[:count]
        return _encoded(events)
    finally:
        _lock.release()


def _encoded(events: list[dict[str, Any]]) -> list[str]:
    """Encode events; the caller holds the lock, so that texts have the order of their events."""
    global _seq
    texts: list[str] = []
    for envelope in encode.split(events):
        _seq += 1
        texts.extend(encode.texts(WRITER, _seq, envelope))
    return texts


def _write_loop() -> None:
    while True:
        _wake.wait()
        # Over Spark Connect an operation soon takes the events without a query of ours.
        settle = SETTLE_S if connect_log.active_session() is None else INTERVAL_S
        time.sleep(max(settle, _last_write + INTERVAL_S - time.monotonic()))
        _wake.clear()
        never_raise(flush)()


def _drop_oldest() -> None:
    with _lock:
        dropped = len(_pending) - MAX_WITHOUT_CONTEXT
        if dropped > 0:
            del _pending[:dropped]
    if dropped > 0:
        warn_once("no_context", "There is no SparkContext to write to. The oldest annotations are dropped.")
