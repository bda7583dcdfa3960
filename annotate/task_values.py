"""The part of task_metrics that is sent to the workers.

It is pickled by value, so workers need no Afterglow. It uses only the standard library and pyspark, and no globals.
"""

from __future__ import annotations

from typing import Any


class TaskValues:
    """Collects numbers inside a task: `values.log("rows_dropped", 3)`. Create it with annotate.task_metrics()."""

    def __init__(self, accumulator: Any) -> None:
        self._accumulator = accumulator

    def log(self, name: str, value: float) -> None:
        """Add the value to this task's sum of that name. Ignore non-numbers and calls outside a task. Never raises."""
        try:
            from pyspark import TaskContext

            task = TaskContext.get()
            if task is not None and self._accumulator is not None:
                whole = isinstance(value, int) and abs(value) < 2**63
                number = int(value) if whole else float(value)
                self._accumulator.add({(task.stageId(), task.taskAttemptId(), str(name)[:250]): number})
        except Exception:
            # A failing measurement must not cost the user a task retry.
            return


class SumByTask:
    """Accumulator param: sums by (stage id, task id, name). See pyspark.AccumulatorParam."""

    def zero(self, value: Any) -> dict[Any, Any]:
        """Return the empty sum."""
        return {}

    def addInPlace(self, value1: dict[Any, Any], value2: dict[Any, Any]) -> dict[Any, Any]:
        """Add the second into the first."""
        for key, number in value2.items():
            value1[key] = value1.get(key, 0) + number
        return value1
