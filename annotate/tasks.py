"""Collect numbers from inside tasks with one PySpark accumulator, and write them as an annotation event.

docs/annotate.md explains why this is not one named accumulator per value, which Spark would log by itself.
"""

from __future__ import annotations

import threading
import types
from typing import Any

from . import connect_log, event_log, event_queue, monkeypatch, task_values
from .encode import number
from .never_raise import never_raise, warn_once
from .task_values import SumByTask, TaskValues

_lock = threading.Lock()
_received: dict[tuple[int, int, str], float] = {}
_accumulators: dict[int, Any] = {}  # id of the active SparkContext -> its accumulator


class _DriverSum(SumByTask):
    """The accumulator param on the driver. Updates arrive in the accumulator server's thread and go to `_received`."""

    def addInPlace(self, value1: dict[Any, Any], value2: dict[Any, Any]) -> dict[Any, Any]:
        with _lock:
            super().addInPlace(_received, value2)
        # Do not write here: the DAGScheduler waits for this thread (PythonAccumulatorV2.merge).
        event_queue.wake_writer()
        return value1

    def __reduce__(self) -> Any:
        return SumByTask, ()


def task_metrics() -> TaskValues:
    """Return an object for use inside mapPartitions, foreachPartition and Python UDFs: `.log(name, value)`.

    Values of one name are summed over a task attempt. Each successful attempt counts once, failed ones do not count.
    Without a SparkContext (Spark Connect) `log` does nothing, and a warning says so.
    """
    return TaskValues(_accumulator())


def pickle_by_value(module: Any) -> None:
    """Have pyspark pickle the classes of a module by value, so that workers need no Afterglow."""
    import pyspark.cloudpickle

    cloudpickle: Any = pyspark.cloudpickle
    if hasattr(cloudpickle, "register_pickle_by_value"):
        cloudpickle.register_pickle_by_value(module)
        return
    # The cloudpickle of Spark 3.2 pickles by value only what is in __main__ or in no module.
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == module.__name__:
            for its in (kind, *vars(kind).values()):
                if isinstance(its, (type, types.FunctionType)):
                    its.__module__ = "__main__"


@never_raise
def _accumulator() -> Any | None:
    pickle_by_value(task_values)
    # A Spark Connect server in this process does not share its accumulators with the client.
    context = event_log.active_context() if connect_log.active_session() is None else None
    if context is None:
        warn_once("task_metrics", "task_metrics needs a SparkContext in this process. Its values are not collected.")
        return None
    monkeypatch.flush_before_stop()
    with _lock:
        if id(context) not in _accumulators:
            _accumulators.clear()
            _accumulators[id(context)] = context.accumulator({}, _DriverSum())
        return _accumulators[id(context)]


def _take_received() -> list[dict[str, Any]]:
    """Return one event with the values received since the last call: rows of stage id, task id, name, value."""
    with _lock:
        rows = [[stage, task, name, number(value)] for (stage, task, name), value in _received.items()]
        _received.clear()
    return [{"event": "task_metrics", "time_ms": event_queue.now_ms(), "values": rows}] if rows else []


event_queue.collectors.append(_take_received)
