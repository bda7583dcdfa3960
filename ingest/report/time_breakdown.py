"""What a task's time went to: the parts that a task's own figures tell apart."""

from typing import Any

import numpy as np

from .. import arrow

Array = np.ndarray[Any, Any]

PARTS = (
    "computing",
    "garbage collection",
    "waiting for shuffle",
    "scheduler delay",
    "reading, writing, waiting",
)
"""In the order of the columns of `parts`."""


def parts(tasks: Any, at: Array) -> Array:
    """Milliseconds per task (rows `at` of the tasks table) and part.

    Garbage collection stops what computes, so that it counts towards neither CPU time nor the rest; what Spark counts
    beyond the run time is cut off. A task without metrics has no parts.
    """
    run, gc, fetch = (
        arrow.numbers(tasks, name)[at].astype(np.float64)
        for name in ("executor_run_time_ms", "jvm_gc_time_ms", "shuffle_fetch_wait_ms")
    )
    cpu = arrow.numbers(tasks, "executor_cpu_time_ns")[at] / 1e6
    delay = sum(
        arrow.numbers(tasks, name)[at].astype(np.float64)
        for name in ("scheduler_delay_ms", "executor_deserialize_time_ms", "getting_result_time_ms")
    )
    gc = np.minimum(gc, run)
    fetch = np.minimum(fetch, run - gc)
    cpu = np.minimum(cpu, run - gc - fetch)
    rest = np.maximum(run - gc - fetch - cpu, 0)
    return np.stack([cpu, gc, fetch, np.broadcast_to(delay, cpu.shape), rest], axis=1)


def greatest(of_tasks: Array) -> Array:
    """Per task the part that most of its time went to; -1 where it has none."""
    return np.where(of_tasks.sum(axis=1) > 0, of_tasks.argmax(axis=1), -1)
