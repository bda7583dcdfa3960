"""Break down the time of a task by its metrics."""

import numpy as np

from ..application_view import ApplicationView
from ..arrow import Array

PYTHON = "Python functions"
PARTS = (
    "computing",
    "garbage collection",
    "waiting for shuffle",
    "scheduler delay",
    "reading, writing, waiting",
    PYTHON,
)
"""In the order of the columns of `parts`."""


def parts(app: ApplicationView, at: Array) -> Array:
    """Milliseconds per task (rows `at` of the tasks table) and part in PARTS.

    The parts never add up to more than the run time and the delays. A task without metrics has none.
    """
    run, gc, fetch = (
        app.column(name)[at].astype(np.float64)
        for name in ("executor_run_time_ms", "jvm_gc_time_ms", "shuffle_fetch_wait_ms")
    )
    cpu = app.column("executor_cpu_time_ns")[at] / 1e6
    delay = sum(
        app.column(name)[at].astype(np.float64)
        for name in ("scheduler_delay_ms", "executor_deserialize_time_ms", "getting_result_time_ms")
    )
    gc = np.minimum(gc, run)
    fetch = np.minimum(fetch, run - gc)
    cpu = np.minimum(cpu, run - gc - fetch)
    rest = np.maximum(run - gc - fetch - cpu, 0)
    python = np.where(np.isin(app.stage_of[at], list(app.python_stages)), rest, 0)
    return np.stack([cpu, gc, fetch, np.broadcast_to(delay, cpu.shape), rest - python, python], axis=1)


def greatest(of_tasks: Array) -> Array:
    """Per task, the part that took most of its time; -1 if it has no parts."""
    return np.where(of_tasks.sum(axis=1) > 0, of_tasks.argmax(axis=1), -1)
