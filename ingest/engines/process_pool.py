"""Apply a function to many logs, in several processes; results come in the order of the logs.

A large log is read by this process, in parts, with threads. The results do not depend on which process read a log.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
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
_AHEAD, _MOST_AHEAD, _AHEAD_BYTES = 4, 128, 16 * 2**20
# Of them those that are queued for a process: the one that is being read and the next one, or more small ones.
_QUEUED, _MOST_QUEUED, _QUEUED_BYTES = 2, 64, 8 * 2**20

Result = TypeVar("Result")
Known = TypeVar("Known")
Sent = TypeVar("Sent")

Work = Callable[[EventLog, ReadOptions, Progress | None], Result]
"""Does something with one log, or raises AfterglowError. Both it and its result have to be picklable."""


@dataclass(slots=True)
class _Task(Generic[Result]):
    """A log whose outcome is known (`done`), is awaited from a worker (`worker`; `future` is set when it is submitted),
    or is up to this thread (neither)."""

    log: EventLog
    size: int
    done: Result | AfterglowError | None = None
    future: "Future[Result | AfterglowError] | None" = None
    worker: "_Worker | None" = None

    def is_awaited(self) -> bool:
        """Whether a worker will still finish it."""
        worker = self.worker
        return worker is not None and not worker.is_broken and (self.future is None or not self.future.done())

    def receive(self) -> None:
        """Takes the outcome from the worker, unless a process was killed, perhaps with another log."""
        if self.done is None and self.future is not None and self.future.done():
            with suppress(BrokenProcessPool):
                self.done = self.future.result()


class _Worker:
    """Other processes, or a thread of this one. `finished` is set whenever a log is finished.

    It has `least` logs at a time, and up to `most` while they have few bytes. Only `least` of them are submitted. The
    others wait in a queue, from which this process may take them back: to cancel what is submitted would end the pool's
    own thread when a process is killed (CPython issue 115634). `is_broken` is set then: this process does the rest.
    """

    def __init__(
        self, submit: Callable[[EventLog], Future[Any]], least: int, most: int, finished: threading.Event
    ) -> None:
        self._submit, self._least, self._most, self._finished = submit, least, most, finished
        self.is_broken = False
        self._queue: deque[_Task[Any]] = deque()
        self._lock = threading.RLock()  # a future that is done calls back at once
        self._free = least
        self._number = self._size = 0
        self._sizes_done: deque[int] = deque()

    def is_free(self) -> bool:
        """Whether it may get another log."""
        while self._sizes_done:
            self._number, self._size = self._number - 1, self._size - self._sizes_done.popleft()
        return not self.is_broken and _has_room(self._number, self._size, self._least, self._most, _QUEUED_BYTES)

    def give(self, task: _Task[Any]) -> None:
        """Gives it another log."""
        task.worker = self
        self._number, self._size = self._number + 1, self._size + task.size
        self._queue.append(task)
        self._submit_next()

    def take_back(self) -> _Task[Any] | None:
        """The last log of the queue, which is not submitted then; None if there is none."""
        with self._lock:
            if not self._queue:
                return None
            task = self._queue.pop()
        self._number, self._size = self._number - 1, self._size - task.size
        return task

    def close(self) -> None:
        """Submits nothing any more."""
        with self._lock:
            self._queue.clear()

    def _submit_next(self) -> None:
        with self._lock:
            while self._queue and self._free and not self.is_broken:
                try:
                    future = self._submit(self._queue[0].log)
                except BrokenProcessPool:
                    self.is_broken = True
                    return
                self._free -= 1
                task = self._queue.popleft()
                task.future = future
                future.add_done_callback(partial(self._finish, task.size))

    def _finish(self, size: int, future: Future[Any]) -> None:
        """Called by the thread that received the outcome."""
        if future.cancelled() or isinstance(future.exception(), BrokenProcessPool):
            self.is_broken = True  # without the lock, because the pool may hold its own now
        else:
            with self._lock:
                self._free += 1
                self._submit_next()
        self._sizes_done.append(size)
        self._finished.set()


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
    there, finished = partial(_work_there, work, before_sending, single), threading.Event()
    queued, most_queued = _QUEUED * others, _MOST_QUEUED * others

    def task(log: EventLog) -> _Task[Result | Known | Sent]:
        return _Task(log, log.size, known(log))

    with (
        _processes(others) as pool,
        ThreadPoolExecutor(1, "afterglow-read") as thread,
        closing(_Worker(lambda log: thread.submit(work_here, log), 1, 1, finished)) as here,
        closing(_Worker(lambda log: pool.submit(there, log), queued, most_queued, finished)) as elsewhere,
    ):
        coming = map(task, logs)
        window: deque[_Task[Result | Known | Sent]] = deque()
        size, least, most = 0, _AHEAD * others + 1, _MOST_AHEAD * others + 1
        while True:
            while _has_room(len(window), size, least, most, _AHEAD_BYTES):
                following = next(coming, None)
                if following is None:
                    break
                window.append(following)
                size += following.size
            if not window:
                return
            finished.clear()  # before anything is looked at that sets it
            _assign(window, here, elsewhere)
            first = window[0]
            if first.done is None and first.is_awaited():
                finished.wait()
                continue
            first.receive()
            yield work_here(first.log, progress) if first.done is None else first.done
            window.popleft()
            size -= first.size


def _assign(window: Iterable[_Task[Result]], here: _Worker, elsewhere: _Worker) -> None:
    """Gives each worker that is free the next small logs. This process takes the last log that is queued for the others
    if there are no more."""
    for task in window:
        if task.done is None and task.worker is None and _is_small(task.log):
            worker = next((worker for worker in (here, elsewhere) if worker.is_free()), None)
            if worker is None:
                return
            worker.give(task)
    last = elsewhere.take_back() if here.is_free() else None
    if last is not None:
        here.give(last)


def _has_room(number: int, size: int, least: int, most: int, limit: int) -> bool:
    """Whether one more log fits to a number of logs of this total size: up to `least` logs always, up to `most` while
    they have less than `limit` bytes."""
    return number < least or (number < most and size < limit)


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
