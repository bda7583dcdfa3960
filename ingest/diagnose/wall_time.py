"""Divide an application's wall time into parts, without gap or overlap."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...schemas.findings.application import WALL_TIME_PARTS
from ..application_view import ApplicationView
from ..arrow import Array
from ..units import percentages, seconds
from .batches import job_spans, waits
from .intervals import Span
from .ranking import Candidate


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return the parts as one informational finding."""
    parts = wall_time(app)
    if not app.duration_ms:
        return
    percent = percentages(list(parts.values()))
    shown = sorted(zip(percent, parts.items(), strict=True), key=lambda one: (-one[1][1], one[1][0]))
    listed = ", ".join(
        f"{seconds(ms / 1e3)} {WALL_TIME_PARTS[name].label} ({number} %)" for number, (name, ms) in shown if number
    )
    yield Candidate(
        "wall_time",
        None,
        f"application {app.title}",
        f"Of {seconds(app.duration_ms / 1e3)}: {listed}.",
        figures={f"{name}_ms": ms for name, ms in parts.items()},
    )


def wall_time(app: ApplicationView) -> Mapping[str, int]:
    """Part of WALL_TIME_PARTS -> ms. No part is negative, and they add up to the application's duration.

    While tasks run, the time is divided by cores: those of running tasks go to what the tasks did, and the idle ones to
    the stages that left them idle.
    """
    totals = dict.fromkeys(WALL_TIME_PARTS, 0.0)
    launched, ended = _task_span(app)
    moments, first, last, running, cores = _segments(app, launched, ended)
    took = np.diff(moments)
    wide = np.maximum(np.maximum(running, cores), 1e-9)
    busy = running > 0
    idle = took * (wide - running) / wide
    cpus = app.task_cpus

    def of_tasks(per_segment: Array) -> Array:
        passed = np.concatenate(([0.0], np.cumsum(np.where(busy, per_segment, 0.0))))
        gained: Array = cpus * (passed[last] - passed[first])
        return gained

    if len(app):
        working = of_tasks(took / wide)
        for part, spent in _task_parts(app).items():
            totals[part] += float((working * spent).sum())
        waiting = of_tasks(np.divide(idle, running, out=np.zeros_like(idle), where=busy))
        many = _has_many_tasks(app)
        totals["straggler"] += float(waiting[many].sum())
        totals["few_tasks"] += float(waiting[~many].sum())
    for part, ms in _without_tasks(app, moments, took, busy).items():
        totals[part] += ms
    return _whole(totals, app.duration_ms)


def _task_span(app: ApplicationView) -> tuple[Array, Array]:
    """When each task began and ended within the application; a receiver's task takes no time."""
    launched = np.clip(app.column("launch_time_ms"), app.start_ms, app.end_ms)
    ended = np.clip(app.ended, launched, app.end_ms)
    ignored = ~app.known("launch_time_ms") | np.isin(app.stage_of, list(app.receivers))
    return launched, np.where(ignored, launched, ended)


def _segments(app: ApplicationView, launched: Array, ended: Array) -> tuple[Array, Array, Array, Array, Array]:
    """The times at which anything changes, the positions among them of each task's begin and end, and between each two
    of them the cores with a task and the cores of executors."""
    executors = [row for row in app.tables["executors"].to_pylist() if row["cores"]]
    added = np.array([row["add_time_ms"] or app.start_ms for row in executors], np.int64)
    removed = np.array([row["remove_time_ms"] or app.end_ms for row in executors], np.int64)
    added = np.clip(added, app.start_ms, app.end_ms)
    removed = np.clip(removed, added, app.end_ms)
    edges = np.array([*job_spans(app), *waits(app), (app.start_ms, app.end_ms), (_last(app), app.registered_ms)])
    moments = np.sort(np.concatenate([launched, ended, added, removed, edges.reshape(-1)]))
    moments = moments[np.concatenate(([True], np.diff(moments) > 0))]  # np.unique hashes, which takes ten times as long
    moments = moments[(moments >= app.start_ms) & (moments <= app.end_ms)]
    first, last, given, taken = (np.searchsorted(moments, times) for times in (launched, ended, added, removed))
    running = _rates(len(moments), first, last, app.task_cpus)
    cores = _rates(len(moments), given, taken, np.array([row["cores"] for row in executors], np.float64))
    return moments, first, last, running, cores


def _rates(moments: int, first: Array, last: Array, weights: Array) -> Array:
    """The weight of the intervals at work in each segment between two of the moments. `first` and `last` are the
    positions of their ends among the moments."""
    changes = np.bincount(first, weights, moments) - np.bincount(last, weights, moments)
    rates: Array = np.maximum(np.cumsum(changes)[:-1], 0.0)
    rates[rates < 1e-6] = 0.0
    return rates


def _task_parts(app: ApplicationView) -> Mapping[str, Array]:
    """Part -> its share of each task's duration. The shares of a task add up to 1."""
    took = np.maximum(app.column("duration_ms").astype(np.float64), 1e-9)
    run = app.column("executor_run_time_ms").astype(np.float64)
    # from Spark 4.1 on the run time counts every cpu of the task (SPARK-51666)
    run = np.minimum(np.where(run > took, run / app.task_cpus, run), took)
    run = np.where(app.known("executor_run_time_ms"), run, took)
    parts = {"scheduling": took - run}
    left = run
    python = np.isin(app.stage_of, list(app.python_stages))
    reads = (app.column("input_bytes") > 0) | (app.column("input_records") > 0)
    spilled = np.where(app.column("disk_spilled_bytes") > 0, app.column("memory_spilled_bytes"), 0)
    for part, spent in (
        ("gc", app.column("jvm_gc_time_ms")),
        ("shuffle", app.column("shuffle_fetch_wait_ms") + app.column("shuffle_write_time_ns") / 1e6),
        ("spill", spilled / app.threshold("spill", "spill_bytes_per_s") * 1e3),
        ("computing", app.column("executor_cpu_time_ns") / 1e6 / app.task_cpus),
    ):
        parts[part] = np.clip(spent, 0.0, left)
        left = left - parts[part]
    parts["python"] = np.where(python, left, 0.0)
    parts["reading"] = np.where(reads & ~python, left, 0.0)
    parts["computing"] = parts["computing"] + np.where(reads | python, 0.0, left)
    return {part: spent / took for part, spent in parts.items()}


def _has_many_tasks(app: ApplicationView) -> Array:
    """Which tasks belong to a stage with a task for every core, so that idle cores wait for its last tasks."""
    planned = np.array([row["num_tasks"] or 0 for row in app.stages] + [0], np.int64)
    cores = [app.timeline.most_cores(*app.span(stage)) for stage in range(len(app.stages))]
    many: Array = (planned >= np.maximum(np.array([*cores, math.inf]), 1))[app.stage_of]
    return many


def _last(app: ApplicationView) -> int:
    """When the last job or SQL execution ended."""
    ends = [app.job_span(job)[1] for job in app.jobs]
    ends += [row["completion_time_ms"] or app.start_ms for row in app.tables["sql_executions"].to_pylist()]
    return min(max(ends, default=app.end_ms), app.end_ms)


def _without_tasks(app: ApplicationView, moments: Array, took: Array, busy: Array) -> Mapping[str, float]:
    """The time in which no task ran, by part."""
    middle = (moments[:-1] + moments[1:]) / 2
    in_job, in_wait = _inside(job_spans(app), middle), _inside(waits(app), middle)
    first = min((app.job_span(job)[0] for job in app.jobs), default=app.end_ms)
    free = ~busy
    parts: dict[str, float] = {}
    for part, holds in (
        ("batch_wait", in_wait),
        ("scheduling", in_job),
        ("starting", middle < min(app.registered_ms, first)),
        ("after_end", middle > _last(app)),
        ("driver", np.ones(len(middle), np.bool_)),
    ):
        parts[part] = float(took[free & holds].sum())
        free = free & ~holds
    return parts


def _inside(stretches: Sequence[Span], at: Array) -> Array:
    """Which of the times are within one of the intervals, which are in order."""
    if not stretches:
        return np.zeros(len(at), np.bool_)
    begins, ends = np.array(stretches, np.int64).T
    last = np.searchsorted(begins, at, "right") - 1
    inside: Array = (last >= 0) & (at < ends[np.maximum(last, 0)])
    return inside


def _whole(parts: Mapping[str, float], total: int) -> Mapping[str, int]:
    """Whole numbers in the ratios of the parts, which add up to the total (largest remainder)."""
    exact = sum(parts.values())
    # the last digits of a sum differ from one numpy to the next
    scaled = {name: round(ms * total / exact, 4) if exact else 0.0 for name, ms in parts.items()}
    whole = {name: math.floor(ms) for name, ms in scaled.items()}
    names = sorted(scaled, key=lambda name: whole[name] - scaled[name])
    for name in names[: max(total - sum(whole.values()), 0)]:
        whole[name] += 1
    return whole
