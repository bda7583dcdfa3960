"""Apply a function to many logs, in several processes; results come in the order of the logs.

A large log is read by this process, in parts, with threads. The results do not depend on which process read a log.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, TypeVar

import pyarrow as pa

from ...schemas.logs import EventLog
from ..errors import AfterglowError
from ..options import Progress, ReadOptions
from .interface import catching

_LARGE_BYTES = 32 * 2**20
# The least cost of a log, its cost per byte, and the total from which on processes pay, which take a second to start.
_SECONDS_PER_LOG = 0.02
_SECONDS_PER_BYTE = 1e-8
_WORTH_PROCESSES_S = 3.0
# Logs that are under way, or done and wait for their turn: the least number, and the most while they have few bytes,
# which bounds the memory. Many small logs keep the processes busy while this one publishes a batch.
_AHEAD, _MOST_AHEAD, _AHEAD_BYTES = 4, 64, 16 * 2**20
# Of them those that are queued for a process: the one that is being read and the next one, or more small ones.
_QUEUED, _MOST_QUEUED, _QUEUED_BYTES = 2, 32, 8 * 2**20

Result = TypeVar("Result")
Known = TypeVar("Known")
Sent = TypeVar("Sent")

Work = Callable[[EventLog, ReadOptions, Progress | None], Result]
"""Does something with one log, or raises AfterglowError. Both it and its result have to be picklable."""


@dataclass(slots=True)
class _Task(Generic[Result]):
    """A log whose outcome is known (`done`), is awaited from a worker (`future`), or is up to this thread (neither)."""

    log: EventLog
    done: Result | AfterglowError | None = None
    future: "Future[Result | AfterglowError] | None" = None


@dataclass(slots=True)
class _Worker:
    """Other processes, or a thread of this one. `least` logs may be under way or wait there, and up to `most` of them
    while they have few bytes."""

    submit: Callable[[EventLog], Future[Any]]
    least: int
    most: int
    futures: list[tuple[Future[Any], int]] = field(default_factory=list)

    def is_free(self) -> bool:
        """Whether it may get another log."""
        self.futures = [(future, size) for future, size in self.futures if not future.done()]
        return _has_room([size for _, size in self.futures], self.least, self.most, _QUEUED_BYTES)


def _nothing_known(log: EventLog) -> None:
    """Every log has to be worked on."""


def _send_result(log: EventLog, result: Result) -> Result:
    """The result is sent to this process without a change."""
    return result


def map_logs(
    work: Work[Result],
    logs: Sequence[EventLog],
    options: ReadOptions,
    progress: Progress | None = None,
    known: Callable[[EventLog], Known | AfterglowError | None] = _nothing_known,
    before_sending: Callable[[EventLog, Result], Sent] = _send_result,  # type: ignore[assignment]
) -> Iterator[Result | Known | Sent | AfterglowError]:
    """Yields for every log, in order, its `known` result, or else the result of `work` or its AfterglowError.

    A thread of this process works too, so nothing waits for the others to start. `progress` reports bytes of a log that
    is read by this thread. `known` is called in this process, a few logs ahead. `before_sending` converts a result in
    another process.
    """
    single = replace(options, workers=1)
    small = [log for log in logs if _is_small(log)]
    seconds = sum(_SECONDS_PER_LOG + _SECONDS_PER_BYTE * log.size for log in small)
    others = min(options.workers, len(small)) - 1 if seconds >= _WORTH_PROCESSES_S else 0

    def work_here(log: EventLog, progress: Progress | None = None) -> Result | AfterglowError:
        return catching(work, log, single if _is_small(log) else options, progress)

    if others < 1:
        for log in logs:
            found = known(log)
            yield work_here(log, progress) if found is None else found
        return
    with _processes(others) as pool, ThreadPoolExecutor(1, "afterglow-read") as thread:
        there = partial(_work_there, work, before_sending, single)
        workers = [
            _Worker(lambda log: thread.submit(work_here, log), 1, 1),
            _Worker(lambda log: pool.submit(there, log), _QUEUED * others, _MOST_QUEUED * others),
        ]

        def task(log: EventLog) -> _Task[Result | Known | Sent]:
            return _Task(log, known(log))

        coming = map(task, logs)
        window: deque[_Task[Result | Known | Sent]] = deque()
        while True:
            least, most = _AHEAD * others + 1, _MOST_AHEAD * others + 1
            while _has_room([task.log.size for task in window], least, most, _AHEAD_BYTES):
                following = next(coming, None)
                if following is None:
                    break
                window.append(following)
            if not window:
                return
            _assign(window, workers)
            first = window[0]
            if first.future is not None and first.done is None:
                if not first.future.done():
                    futures = [task.future for task in window if task.future is not None]
                    wait([future for future in futures if not future.done()], return_when=FIRST_COMPLETED)
                    continue
                first.done = _received(first.future)
            yield work_here(first.log, progress) if first.done is None else first.done
            window.popleft()


def _assign(window: Sequence[_Task[Result]], workers: Sequence[_Worker]) -> None:
    """Gives each worker that is free the next small logs. The first worker, this process, takes the last log that is
    queued for the others if there are no more."""
    for task in window:
        if task.done is None and task.future is None and _is_small(task.log):
            worker = next((worker for worker in workers if worker.is_free()), None)
            if worker is None:
                return
            try:
                task.future = worker.submit(task.log)
            except BrokenProcessPool:  # a process was killed: this one does the rest
                worker.least = worker.most = 0
            else:
                worker.futures.append((task.future, task.log.size))
    here = workers[0]
    if not here.is_free():
        return
    for task in reversed(window):
        if task.future is not None and task.future.cancel():
            task.future = here.submit(task.log)
            here.futures.append((task.future, task.log.size))
            return


def _has_room(sizes: Sequence[int], least: int, most: int, size: int) -> bool:
    """Whether one more log fits to logs of these sizes: up to `least` logs always, up to `most` with less than `size`
    bytes."""
    return len(sizes) < least or (len(sizes) < most and sum(sizes) < size)


def _received(future: Future[Result]) -> Result | None:
    """The outcome from a worker; None if its process was killed, perhaps for its memory, perhaps with another log."""
    try:
        return future.result()
    except BrokenProcessPool:
        return None


def _work_there(
    work: Work[Result], before_sending: Callable[[EventLog, Result], Sent], options: ReadOptions, log: EventLog
) -> Sent | AfterglowError:
    outcome = catching(work, log, options, None)
    return outcome if isinstance(outcome, AfterglowError) else before_sending(log, outcome)


def _is_small(log: EventLog) -> bool:
    """Whether the log is not worth reading in parts. The size of a log on a History Server is unknown."""
    return 0 < log.size < _LARGE_BYTES


@contextmanager
def _processes(number: int) -> Generator[ProcessPoolExecutor, None, None]:
    # spawn: a fork of a process in which Arrow's threads run may hang
    pool = ProcessPoolExecutor(number, multiprocessing.get_context("spawn"), _begin)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """In another process: leaves interrupts to the first process, and ends when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _reduce_table(table: pa.Table) -> tuple[Callable[[bytes], pa.Table], tuple[bytes]]:
    """Pickles a table as an Arrow stream, which is ten times as fast as buffer by buffer."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return _read_table, (stream.getvalue().to_pybytes(),)


def _read_table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()


ForkingPickler.register(pa.Table, _reduce_table)
