"""Replay the tasks of an application on another number of cores, as Spark would schedule them."""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..application_view import ApplicationView

_EXACT_WAVES = 2
_MIN_BULK_TASKS = 64
_SLACK_MS = 20  # a driver submits the next job within milliseconds


@dataclass(frozen=True, slots=True)
class StageWork:
    """One stage attempt: its tasks' durations (ms) in the order of launch, the positions of the stages of its job that
    it waits for, and its delay (ms) after the last of them, or after the start of the job."""

    tasks: tuple[float, ...]
    waits_for: tuple[int, ...]
    delay: float


@dataclass(frozen=True, slots=True)
class JobWork:
    """One job: its stages, the job before whose end it waited for (None: the application's start), and the driver's
    time (ms) from there to its submission."""

    stages: tuple[StageWork, ...]
    after: int | None
    gap: float
    tail: float = 0.0


@dataclass(frozen=True, slots=True)
class Work:
    """All jobs in the order of submission, and the driver's time (ms) after the last one."""

    jobs: tuple[JobWork, ...]
    tail: float


def work_of(app: ApplicationView, slots: int, *, by_thread: bool = True) -> Work:
    """The work of an application that ran on a number of slots.

    A log does not tell which job a driver waited for. A job follows the job that ended last. While others run and
    `by_thread` is true, it continues the thread that is idle longest.
    """
    jobs = sorted(app.jobs, key=lambda job: (app.job_span(job)[0], job["job_id"]))
    spans = [app.job_span(job) for job in jobs]
    idle_slots = _IdleSlots(app, slots)
    found = []
    running: list[tuple[int, int]] = []
    idle: deque[int] = deque()  # the ended jobs that none follows, the first ended first
    last: int | None = None
    for at, job in enumerate(jobs):
        start, end = spans[at]
        while running and running[0][0] <= start + _SLACK_MS:
            last = heapq.heappop(running)[1]
            idle.append(last)
        if running and by_thread and idle:
            after: int | None = idle.popleft()
        else:
            after = last
        if not running:
            idle.clear()
        heapq.heappush(running, (end, at))
        before = app.start_ms if after is None else spans[after][1]
        stages, done = _stages(app, app.stages_of_job.get(job["job_id"], []), start, idle_slots)
        found.append(JobWork(tuple(stages), after, max(float(start - before), 0.0), max(end - done, 0.0)))
    return Work(tuple(found), max(float(app.end_ms - max((end for _, end in spans), default=app.start_ms)), 0.0))


class _IdleSlots:
    """How long a slot was idle before a time. A stage that waits for a busy slot is not delayed by the driver."""

    def __init__(self, app: ApplicationView, slots: int) -> None:
        known = app.known("launch_time_ms") & app.known("duration_ms")
        launched, ended = app.column("launch_time_ms")[known], app.ended[known]
        times = np.unique(np.concatenate([[app.start_ms, app.end_ms], launched, ended])).astype(np.float64)
        busy = np.searchsorted(np.sort(launched), times, "right") - np.searchsorted(np.sort(ended), times, "right")
        self._times = times
        self._idle = np.concatenate([[0.0], np.cumsum(np.diff(times) * (busy[:-1] < slots))])

    def between(self, begin: float, end: float) -> float:
        """The time (ms) between two times in which at least one slot was idle."""
        first, last = np.interp([begin, end], self._times, self._idle)
        return float(last - first)


def _stages(
    app: ApplicationView, positions: Sequence[int], job_start: int, idle_slots: _IdleSlots
) -> tuple[list[StageWork], float]:
    """The stages of a job that ran tasks, in the order of submission, and when the last task ended."""
    ordered = sorted(positions, key=lambda stage: app.span(stage)[0])
    found: list[StageWork] = []
    spans: list[tuple[float, float]] = []
    ids: list[int] = []
    for stage in ordered:
        rows = app.rows(stage)
        rows = rows[app.known("launch_time_ms")[rows] & app.known("duration_ms")[rows]]
        if not len(rows):
            continue
        launched = app.column("launch_time_ms")[rows]
        durations = app.column("duration_ms")[rows][np.argsort(launched, kind="stable")].astype(np.float64)
        parents = set(app.stages[stage]["parent_ids"] or ())
        # a parent that began later is an attempt that was repeated
        waits_for = [at for at, stage_id in enumerate(ids) if stage_id in parents]
        begin = float(launched.min())
        ready = max((spans[at][1] for at in waits_for), default=float(job_start))
        found.append(
            StageWork(tuple(durations.tolist()), tuple(waits_for), idle_slots.between(ready, max(begin, ready)))
        )
        spans.append((begin, float(app.ended[rows].max())))
        ids.append(app.stages[stage]["stage_id"])
    return found, max((end for _, end in spans), default=float(job_start))


def replay(work: Work, slots: int) -> float:
    """The duration (ms) of the work on a number of slots: every ready stage queues its tasks, first come, first served,
    and a task takes the slot that is free first."""
    tasks = sum(len(stage.tasks) for job in work.jobs for stage in job.stages)
    free = [0.0] * max(min(slots, tasks), 1)  # more slots than tasks are never taken
    state = _State(work, free)
    for at, job in enumerate(work.jobs):
        if job.after is None:
            state.submit(at, job.gap)
    state.run()
    return max(state.job_ends.values(), default=0.0) + work.tail


def without_tasks(work: Work) -> float:
    """The duration (ms) of the work if its tasks took no time: what the driver takes, on any number of slots."""
    jobs = (replace(job, stages=tuple(replace(one, tasks=(0.0,)) for one in job.stages)) for job in work.jobs)
    return replay(Work(tuple(jobs), work.tail), 1)


@dataclass(slots=True)
class _State:
    work: Work
    free: list[float]
    job_ends: dict[int, float] = field(default_factory=dict)
    _queue: list[tuple[float, int, int]] = field(default_factory=list)
    _ends: dict[tuple[int, int], float] = field(default_factory=dict)
    _starts: dict[int, float] = field(default_factory=dict)

    def submit(self, at: int, start: float) -> None:
        """A job is submitted; the stages that wait for nothing are ready after their delay."""
        job = self.work.jobs[at]
        self._starts[at] = start
        if not job.stages:
            self._end(at, start)
        for number, stage in enumerate(job.stages):
            if not stage.waits_for:
                heapq.heappush(self._queue, (start + stage.delay, at, number))

    def run(self) -> None:
        """Runs until no stage is left."""
        followers, free = self._followers(), self.free
        while self._queue:
            ready, at, number = heapq.heappop(self._queue)
            if number < 0:  # a job has ended
                for follower in followers.get(at, ()):
                    self.submit(follower, ready + self.work.jobs[follower].gap)
                continue
            job = self.work.jobs[at]
            end = ready
            for duration in self._run_bulk(job.stages[number].tasks, ready):
                ended = (free[0] if free[0] > ready else ready) + duration
                heapq.heapreplace(free, ended)
                if ended > end:
                    end = ended
            self._ends[at, number] = end
            for later, stage in self._unblocked(at, number):
                ends = [self._ends[at, parent] for parent in stage.waits_for]
                heapq.heappush(self._queue, (max(ends) + stage.delay, at, later))
            if all((at, one) in self._ends for one in range(len(job.stages))):
                self._end(at, max(self._ends[at, one] for one in range(len(job.stages))) + job.tail)

    def _run_bulk(self, tasks: Sequence[float], ready: float) -> Sequence[float]:
        """Runs all tasks but the last few of every slot at once, and returns those that are left.

        With many tasks for each slot all slots are busy to about the same time, whatever the order. Only the last tasks
        decide which slot ends later.
        """
        slots = len(self.free)
        bulk = len(tasks) - _EXACT_WAVES * slots
        if bulk < max(_EXACT_WAVES * slots, _MIN_BULK_TASKS):
            return tasks
        begins = [max(free, ready) for free in self.free]
        work = sum(tasks[:bulk])
        level = (sum(begins) + work) / slots
        if level < max(begins):  # another stage still has some of the slots
            return tasks
        spread = work / bulk / slots  # the slots do not all become free at the same time
        self.free[:] = [level + spread * (slot - (slots - 1) / 2) for slot in range(slots)]
        return tasks[bulk:]

    def _unblocked(self, at: int, number: int) -> Iterator[tuple[int, StageWork]]:
        for later, stage in enumerate(self.work.jobs[at].stages):
            if number in stage.waits_for and all((at, parent) in self._ends for parent in stage.waits_for):
                yield later, stage

    def _end(self, at: int, end: float) -> None:
        self.job_ends[at] = end
        heapq.heappush(self._queue, (end, at, -1))

    def _followers(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for at, job in enumerate(self.work.jobs):
            if job.after is not None:
                found.setdefault(job.after, []).append(at)
        return found
