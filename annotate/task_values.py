"""The part of task_metrics that travels to the workers.

It is pickled by value, so that workers need no Afterglow: only the standard library and pyspark here, no globals.
"""

from typing import Any


class TaskValues:
    """Takes numbers inside a task: `values.log("rows_dropped", 3)`. Made by annotate.task_metrics() on the driver."""

    def __init__(self, accumulator: Any) -> None:
        self._accumulator = accumulator

    def log(self, name: str, value: float) -> None:
        """Add to this task's figure of that name. Never raises; nothing happens outside a task or without a number."""
        try:
            from pyspark import TaskContext

            task = TaskContext.get()
            if task is not None and self._accumulator is not None:
                whole = isinstance(value, int) and abs(value) < 2**63
                number = int(value) if whole else float(value)
                self._accumulator.add({(task.stageId(), task.taskAttemptId(), str(name)[:250]): number})
        except Exception:
            # A task that fails over its own measurement would cost the user a retry.
            return


class SumByTask:
    """Accumulator param: figures of one task under (stage id, task id, name), summed. See AccumulatorParam."""

    def zero(self, value: Any) -> dict[Any, Any]:
        """Nothing measured yet."""
        return {}

    def addInPlace(self, value1: dict[Any, Any], value2: dict[Any, Any]) -> dict[Any, Any]:
        """Add the second into the first."""
        for key, number in value2.items():
            value1[key] = value1.get(key, 0) + number
        return value1
