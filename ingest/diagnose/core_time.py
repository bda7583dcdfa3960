"""Split an application's core time into parts that cover it without gap or overlap."""

from collections.abc import Mapping

import numpy as np

from ..application_view import ApplicationView
from .intervals import clipped, spans


def core_time(app: ApplicationView) -> Mapping[str, float]:
    """Part -> milliseconds of core time. The parts add up to the executors' core time, or to the tasks' core time if
    that is more.

    A task takes its cpus from its launch to its end. Metrics that exceed this are cut, in the order of the parts. An
    engine with its own threads can report more CPU time than its task has. From Spark 4.1 on the run time counts every
    cpu of the task (SPARK-51666).
    """
    run = app.column("executor_run_time_ms").astype(np.float64)
    # a task whose times contradict each other has at least its run time, which a clock that is set back does not change
    took = np.where(app.known("duration_ms"), app.column("duration_ms"), run) * app.task_cpus
    lost = app.with_status("FAILED", "KILLED")
    run = np.minimum(np.where(run > app.column("duration_ms"), run, run * app.task_cpus), took)
    left = np.where(lost, 0.0, run)
    parts: dict[str, float] = {}
    for name, spent in (
        ("garbage collection", app.column("jvm_gc_time_ms") * app.task_cpus),
        ("CPU", app.column("executor_cpu_time_ns") / 1e6),
        ("waiting for shuffle", app.column("shuffle_fetch_wait_ms") * app.task_cpus),
    ):
        part = np.minimum(spent, left)
        left = left - part
        parts[name] = float(part.sum())
    parts["other run time (Python, disk, waiting)"] = float(left.sum())
    parts["starting and scheduling tasks"] = float((took - run)[~lost].sum())
    parts["work thrown away"] = float(took[lost].sum())
    busy = float(took.sum())
    working = clipped(spans(app.column("launch_time_ms"), app.ended), app.start_ms, app.end_ms)
    while_tasks = max(sum(app.timeline.capacity_ms(start, end) for start, end in working), busy)
    parts["idle beside other tasks"] = while_tasks - busy
    parts["idle while no task ran"] = max(app.timeline.capacity_ms(app.start_ms, app.end_ms) - while_tasks, 0.0)
    return parts
