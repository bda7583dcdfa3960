"""Models that tasks train, one per group: their params, metrics, rows and seconds, collected as task_metrics are.

One PySpark accumulator carries them to the driver, which writes them as `models` events.
"""

from __future__ import annotations

import threading
from typing import Any

from . import connect_log, encode, event_log, event_queue, model_values, monkeypatch
from .encode import number
from .framework_searches import numbers_of
from .model_values import ModelLists, Models
from .never_raise import never_raise, warn_once
from .tasks import pickle_by_value

_MODELS_PER_EVENT = 500

_lock = threading.Lock()
_received: list[tuple[Any, ...]] = []
_accumulators: dict[int, Any] = {}  # id of the active SparkContext -> its accumulator


class _DriverLists(ModelLists):
    """The accumulator param on the driver. Updates arrive in the accumulator server's thread and go to `_received`."""

    def addInPlace(self, value1: list[Any], value2: list[Any]) -> list[Any]:
        with _lock:
            _received.extend(value2)
        event_queue.wake_writer()  # The DAGScheduler waits for this thread, so it does not write.
        return value1

    def __reduce__(self) -> Any:
        return ModelLists, ()


def models() -> Models:
    """Return an object for use inside applyInPandas, mapInPandas, mapPartitions and foreachPartition.

    `.log(key, params, metrics, rows, seconds)` records the model of one group. The models of a successful task attempt
    count, those of failed attempts do not. Without a SparkContext (Spark Connect) `log` does nothing, and a warning
    says so.
    """
    return Models(_accumulator())


@never_raise
def _accumulator() -> Any | None:
    pickle_by_value(model_values)
    # A Spark Connect server in this process does not share its accumulators with the client.
    context = event_log.active_context() if connect_log.active_session() is None else None
    if context is None:
        warn_once("models", "models needs a SparkContext in this process. Its models are not collected.")
        return None
    monkeypatch.flush_before_stop()
    with _lock:
        if id(context) not in _accumulators:
            _accumulators.clear()
            _accumulators[id(context)] = context.accumulator([], _DriverLists())
        return _accumulators[id(context)]


def _take_received() -> list[dict[str, Any]]:
    """Return events with the models received since the last call."""
    with _lock:
        taken = list(_received)
        _received.clear()
    rows = [row for row in map(never_raise(_encoded), taken) if row is not None]
    return [
        {"event": "models", "time_ms": event_queue.now_ms(), "values": rows[at : at + _MODELS_PER_EVENT]}
        for at in range(0, len(rows), _MODELS_PER_EVENT)
    ]


def _encoded(model: tuple[Any, ...]) -> list[Any]:
    stage, task, end_ms, key, params, metrics, rows, seconds = model
    return [
        stage,
        task,
        end_ms,
        encode.name(key),
        encode.redacted(params),
        numbers_of(metrics),
        None if rows is None else int(rows),
        None if seconds is None else number(seconds),
    ]


event_queue.collectors.append(_take_received)
