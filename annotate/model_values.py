"""The part of `annotate.models` that is sent to the workers.

It is pickled by value, so workers need no Afterglow. It uses only the standard library and pyspark, and no globals.
"""

from __future__ import annotations

from typing import Any


class Models:
    """Collects the models of groups inside a task. Create it with annotate.models()."""

    def __init__(self, accumulator: Any) -> None:
        self._accumulator = accumulator

    def log(
        self,
        key: Any,
        params: Any = None,
        metrics: Any = None,
        rows: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """Record the model of one group: its key (a value or a tuple), params and metrics as dicts, the number of rows
        and the seconds of its training. Ignored outside a task. Never raises."""
        try:
            import time

            from pyspark import TaskContext

            task = TaskContext.get()
            if task is None or self._accumulator is None:
                return

            def plain(value: Any) -> Any:
                # Numbers of numpy become Python's, so that the driver needs no library of the task.
                value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
                return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)

            parts = key if isinstance(key, tuple) else (key,)
            name = ", ".join(str(plain(part)) for part in parts)
            given = ({str(k): plain(v) for k, v in dict(some or {}).items()} for some in (params, metrics))
            where = (task.stageId(), task.taskAttemptId(), int(time.time() * 1000))
            self._accumulator.add([(*where, name, *given, plain(rows), plain(seconds))])
        except Exception:
            # A failing measurement must not cost the user a task retry.
            return


class ModelLists:
    """Accumulator param: joins lists. See pyspark.AccumulatorParam."""

    def zero(self, value: Any) -> list[Any]:
        """Return the empty list."""
        return []

    def addInPlace(self, value1: list[Any], value2: list[Any]) -> list[Any]:
        """Append the second to the first."""
        value1.extend(value2)
        return value1
