"""Work cut too small or too large for the cores: tiny tasks, few partitions, idle cores."""

from collections.abc import Iterator

import numpy as np

from ..units import count, seconds, share
from .intervals import spans
from .ranking import Found
from .work import Work


def find(of: Work) -> Iterator[Found]:
    """Stages of tiny tasks or of few."""
    if not len(of):
        return
    yield from _tiny(of)
    yield from _few(of)


def _tiny(of: Work) -> Iterator[Found]:
    run, medians = of.sums(of.column("executor_run_time_ms")), of.median_of("executor_run_time_ms")
    number = of.end - of.begin
    many = number >= of.at("tiny_tasks", "tasks_per_core") * of.at_once
    for stage in np.flatnonzero(many & (medians < of.at("tiny_tasks", "task_s") * 1e3)).tolist():
        start, end = of.span(stage)
        overhead = end - start - run[stage] / of.at_once[stage]
        if overhead < of.at("tiny_tasks", "overhead_ratio") * max(end - start, 1):
            continue
        yield Found(
            "tiny_tasks",
            float(overhead),
            message=f"{count(number[stage])} tasks of {seconds(medians[stage] / 1e3)} each: "
            f"{share(overhead / (end - start))} of the stage's {seconds((end - start) / 1e3)} went into starting them.",
            figures={"num_tasks": number[stage], "median_run_ms": medians[stage], "overhead_ms": overhead},
            **of.key(stage),
        )


def _few(of: Work) -> Iterator[Found]:
    least = of.at("few_partitions", "stage_s") * 1e3
    for stage in range(len(of.stages)):
        start, end = of.span(stage)
        planned = of.stages[stage]["num_tasks"] or int(of.end[stage] - of.begin[stage])
        if end - start < least or not planned:
            continue
        capacity = of.timeline.capacity_ms(start, end)
        cores = capacity / (end - start)
        few = planned <= of.at("few_partitions", "partitions_ratio") * cores
        if not few or cores < of.at("few_partitions", "cores"):
            continue
        idle = max(capacity - of.timeline.busy_ms(start, end), 0.0)
        if idle < of.at("few_partitions", "idle_ratio") * capacity:
            continue
        yield Found(
            "few_partitions",
            idle / cores,
            message=f"{count(planned)} task{'' if planned == 1 else 's'} for {count(cores)} cores: "
            f"{share(idle / capacity)} of their time was idle for {seconds((end - start) / 1e3)}.",
            figures={"num_tasks": planned, "cores": cores, "idle_core_ms": idle, "stage_ms": end - start},
            **of.key(stage),
        )


def find_idle(of: Work, explained_ms: float) -> Iterator[Found]:
    """Cores that were idle over the whole application; `explained_ms` is wall time for which other findings say why."""
    if not len(of):
        return
    capacity = busy = 0.0
    for start, end in spans(of.column("launch_time_ms"), of.ended):
        capacity += of.timeline.capacity_ms(start, end)
        busy += of.timeline.busy_ms(start, end)
    whole = of.timeline.capacity_ms(of.start_ms, of.end_ms)
    idle = max(capacity - busy - explained_ms * whole / max(of.duration_ms, 1), 0.0)
    if not capacity or idle < of.at("idle_cores", "idle_ratio") * capacity:
        return
    cores = whole / max(of.duration_ms, 1)
    besides = "Besides, while" if explained_ms else "While"
    yield Found(
        "idle_cores",
        idle / cores,
        f"application {of.app['name'] or of.app['app_id']}",
        f"{besides} tasks ran, {share(idle / capacity)} of the core time was idle: {seconds(idle / 1e3)} of "
        f"{seconds(capacity / 1e3)} on {count(cores)} cores.",
        figures={"idle_core_ms": idle, "core_ms": capacity, "ratio": idle / capacity, "cores": cores},
    )
