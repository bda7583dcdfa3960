"""Per-task values, collected by one PySpark accumulator and written as an annotation event afterwards.

Why not a named accumulator per value, which Spark would log by itself: docs/annotate.md.
"""

import threading
from typing import Any

from . import event_log
from . import event_queue as outbox
from . import monkeypatch as patches
from .encode import number
from .never_raise import guarded, say_once
from .task_values import SumByTask, TaskValues

_lock = threading.Lock()
_arrived: dict[tuple[int, int, str], float] = {}
_accumulators: dict[int, Any] = {}  # of the SparkContext alive, by its identity


class _Inbox(SumByTask):
    """The driver's side: updates go to `_arrived`, under a lock, as they come in on the accumulator server's thread."""

    def addInPlace(self, value1: dict[Any, Any], value2: dict[Any, Any]) -> dict[Any, Any]:
        with _lock:
            super().addInPlace(_arrived, value2)
        # Not written here: the DAGScheduler waits for this thread's answer (PythonAccumulatorV2.merge).
        outbox.wake()
        return value1

    def __reduce__(self) -> Any:
        return SumByTask, ()


def task_metrics() -> TaskValues:
    """An object for use inside mapPartitions, foreachPartition and Python UDFs: `.log(name, value)`.

    Values of one name are summed over a task attempt; only successful attempts count, each once. Without a SparkContext
    (Spark Connect) its `log` does nothing, and that is said once.
    """
    return TaskValues(_accumulator())


@guarded
def _accumulator() -> Any | None:
    import pyspark.cloudpickle

    from . import task_values

    cloudpickle: Any = pyspark.cloudpickle

    context = event_log.active_context()
    if context is None:
        say_once("task_metrics", "task_metrics needs a SparkContext of this process; its values are not collected.")
        return None
    patches.write_before_stop()
    with _lock:
        if id(context) not in _accumulators:
            cloudpickle.register_pickle_by_value(task_values)
            _accumulators.clear()
            _accumulators[id(context)] = context.accumulator({}, _Inbox())
        return _accumulators[id(context)]


def _take() -> list[dict[str, Any]]:
    """The event of what arrived since the last call: rows of stage id, task id, name, value."""
    with _lock:
        rows = [[stage, task, name, number(value)] for (stage, task, name), value in _arrived.items()]
        _arrived.clear()
    return [{"event": "task_metrics", "time_ms": outbox.now_ms(), "values": rows}] if rows else []


outbox.collectors.append(_take)
