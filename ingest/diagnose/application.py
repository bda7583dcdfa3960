"""Figures of the whole application: its critical path, the least time on the same cores, where the core time went."""

from collections.abc import Iterator

import numpy as np

from .. import arrow
from ..units import count, seconds, share
from .intervals import clipped, length, spans
from .ranking import Found
from .work import Array, Work

_NAMED = 3
_STAGES_KEPT = 500


def find(of: Work) -> Iterator[Found]:
    """One of each for every application that ran tasks."""
    if not len(of) or of.duration_ms <= 0:
        return
    yield _critical_path(of)
    yield _lower_bound(of)
    yield from _core_hours(of)


def _subject(of: Work) -> str:
    return f"application {of.app['name'] or of.app['app_id']}"


def _critical_path(of: Work) -> Found:
    """From the end backwards: the stage that ended last before what follows on the path began."""
    at = [of.span(stage) for stage in range(len(of.stages))]
    time, path, driver = of.end_ms, list[int](), 0
    for stage in sorted(range(len(at)), key=lambda number: (at[number][1], at[number][0]), reverse=True):
        start, end = at[stage]
        if end <= time and end > start:
            driver += time - end
            path.append(stage)
            time = max(start, of.start_ms)
    driver += max(time - of.start_ms, 0)
    path.reverse()
    in_stages = sum(at[stage][1] - at[stage][0] for stage in path)
    longest = sorted(path, key=lambda stage: at[stage][0] - at[stage][1])[:_NAMED]
    named = ", ".join(f"{of.subject(stage)} ({seconds((at[stage][1] - at[stage][0]) / 1e3)})" for stage in longest)
    stages = [f"{of.stages[s]['stage_id']}.{of.stages[s]['stage_attempt']}" for s in path]
    return Found(
        "critical_path",
        None,
        _subject(of),
        f"{count(len(path))} of {count(len(at))} stages are on it with {seconds(in_stages / 1e3)}, the driver and "
        f"waiting "
        f"with {seconds(driver / 1e3)}; the longest: {named}.",
        figures={"stages_ms": in_stages, "driver_ms": driver, "num_stages": len(path), "stages": stages[:_STAGES_KEPT]},
    )


def _lower_bound(of: Work) -> Found:
    longest = np.zeros(len(of.stages), np.int64)
    np.maximum.at(longest, of.stage_of[of.succeeded], of.column("duration_ms")[of.succeeded])
    by_job: dict[int | None, list[int]] = {}
    for number, row in enumerate(of.stages):
        by_job.setdefault(row["job_id"], []).append(number)
    chains = [
        (job["submission_time_ms"], _chain(of, by_job.get(job["job_id"], []), longest))
        for job in of.jobs
        if job["submission_time_ms"] is not None
    ]
    jobs = [job for job in of.jobs if job["submission_time_ms"] is not None]
    starts = np.array([job["submission_time_ms"] for job in jobs], np.int64)
    ends = np.array([max(job["completion_time_ms"] or of.end_ms, job["submission_time_ms"]) for job in jobs], np.int64)
    stretches = clipped(spans(starts, ends), of.start_ms, of.end_ms)
    begins = np.array([start for start, _ in stretches], np.int64)
    chain = np.zeros(len(stretches))
    for start, ms in chains:
        at = int(np.searchsorted(begins, start, "right")) - 1
        if 0 <= at < len(chain):
            chain[at] = max(chain[at], ms)
    alone = of.duration_ms - length(stretches)
    least = float(alone)
    for (start, end), longest_chain in zip(stretches, chain.tolist(), strict=True):
        cores = of.timeline.capacity_ms(start, end) / (end - start)
        packed = of.timeline.busy_ms(start, end) / cores if cores else 0.0
        least += min(max(packed, longest_chain), end - start)
    return Found(
        "lower_bound",
        None,
        _subject(of),
        f"It took {seconds(of.duration_ms / 1e3)}; on the same cores {seconds(least / 1e3)} was the least, of which "
        f"{seconds(alone / 1e3)} without any job.",
        figures={"duration_ms": of.duration_ms, "least_ms": least, "without_jobs_ms": alone},
    )


def _chain(of: Work, stages: list[int], longest: Array) -> int:
    """The longest way through one job's stages, each at its longest task, in ms. Parents have lower ids."""
    reach: dict[int, int] = {}
    for number in stages:
        row = of.stages[number]
        before = max((reach.get(parent, 0) for parent in row["parent_ids"] or ()), default=0)
        reach[row["stage_id"]] = max(reach.get(row["stage_id"], 0), before + int(longest[number]))
    return max(reach.values(), default=0)


def _core_hours(of: Work) -> Iterator[Found]:
    total = of.timeline.capacity_ms(of.start_ms, of.end_ms)
    if total <= 0:
        return
    lost = of.with_status("FAILED", "KILLED")
    duration = np.where(arrow.valid(of.tasks, "duration_ms"), of.column("duration_ms"), 0)
    kept = ~lost

    def summed(name: str, factor: float = 1.0) -> float:
        return float(of.column(name)[kept].sum() * factor)

    run, cpu = summed("executor_run_time_ms"), summed("executor_cpu_time_ns", 1e-6)
    gc, wait = summed("jvm_gc_time_ms"), summed("shuffle_fetch_wait_ms")
    working = spans(of.column("launch_time_ms"), of.ended)
    while_tasks = sum(of.timeline.capacity_ms(start, end) for start, end in working)
    parts = {
        "CPU": cpu,
        "garbage collection": gc,
        "waiting for shuffle": wait,
        "other run time (Python, disk, waiting)": max(run - cpu - gc - wait, 0.0),
        "starting and scheduling tasks": max(float(duration[kept].sum()) - run, 0.0),
        "work thrown away": float(duration[lost].sum()),
        "idle beside other tasks": max(while_tasks - of.timeline.busy_ms(of.start_ms, of.end_ms), 0.0),
        "idle while no task ran": max(total - while_tasks, 0.0),
    }
    shown = sorted((one for one in parts.items() if one[1] >= 0.01 * total), key=lambda one: -one[1])
    yield Found(
        "core_hours",
        None,
        _subject(of),
        f"{total / 3.6e6:.3g} core-hours: " + ", ".join(f"{share(ms / total)} {name}" for name, ms in shown) + ".",
        figures={"core_ms": total, **parts},
    )
