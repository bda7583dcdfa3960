"""Many logs side by side: each small one in one of several processes, results in the order of the logs.

A large log is read here, in parts, by as many threads. Which process did a log cannot be seen in what comes out.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, TypeVar

import pyarrow as pa

from ...schemas.logs import EventLog
from ..errors import AfterglowError
from ..options import Progress, ReadOptions

_LARGE_BYTES = 32 * 2**20
# What a log costs at least, and by its bytes; and when other processes are worth it, which take a second to start.
_SECONDS_PER_LOG = 0.02
_SECONDS_PER_BYTE = 1e-8
_WORTH_PROCESSES_S = 3.0
_AHEAD_PER_PROCESS = 4  # so many logs are under way or done and wait for their turn: that bounds the memory

Result = TypeVar("Result")
Work = Callable[[EventLog, ReadOptions, Progress | None], Result]
"""Does something with one log, and raises an AfterglowError where it cannot. Has to be picklable, and so its result."""
Known = Callable[[EventLog], Result | AfterglowError | None]
"""What is to be said of a log without any work; None where there is work to do."""


@dataclass(slots=True)
class _Task(Generic[Result]):
    """A log, and where its outcome will come from: a process, or, where there is no future, this one."""

    log: EventLog
    future: "Future[Result | AfterglowError] | None" = None


class _MayBeCancelled(Future[Any]):
    """Where a process is killed, Python tells every future; in 3.11 the thread that does so dies at the first one that
    was cancelled, and those after it are waited for for ever."""

    def set_exception(self, exception: BaseException | None) -> None:
        with suppress(InvalidStateError):
            super().set_exception(exception)


def _nothing(log: EventLog) -> None:
    """Nothing is known without work."""


def _as_it_is(log: EventLog, result: Result) -> Result:
    """Nothing is to be packed."""
    return result


def each(
    work: Work[Result],
    logs: Sequence[EventLog],
    options: ReadOptions,
    progress: Progress | None = None,
    known: Known[Result] = _nothing,
    pack: Callable[[EventLog, Any], Any] = _as_it_is,
) -> Iterator[Result | AfterglowError]:
    """What is known of every log, or else what `work` gives, in order; the error, where it raised an expected one.

    This process works too, so where others are slow to start nothing waits for them. `progress` is told of bytes read
    for the log whose turn it is. `known` is asked in this process, a few logs ahead. Of what another process
    did, what `pack` makes of it there is sent here.
    """
    here = replace(options, workers=1)
    small = [log for log in logs if _is_small(log)]
    seconds = sum(_SECONDS_PER_LOG + _SECONDS_PER_BYTE * log.size for log in small)
    others = min(options.workers, len(small)) - 1 if seconds >= _WORTH_PROCESSES_S else 0
    if others < 1:
        for log in logs:
            found = known(log)
            yield _outcome(work, log, here if _is_small(log) else options, progress) if found is None else found
        return
    # spawn: a fork of a process in which Arrow's threads run may hang
    pool = ProcessPoolExecutor(others, multiprocessing.get_context("spawn"), _begin)
    try:
        coming = _tasks(pool, partial(_sent_from_there, work, pack), logs, here, known)
        yield from _in_turn(coming, _AHEAD_PER_PROCESS * others, work, options, progress)
    finally:
        pool.shutdown(cancel_futures=True)


def _tasks(
    pool: ProcessPoolExecutor,
    there: Callable[[EventLog, ReadOptions], Result | AfterglowError],
    logs: Sequence[EventLog],
    options: ReadOptions,
    known: Known[Result],
) -> Iterator[_Task[Result]]:
    for log in logs:
        task: _Task[Result] = _Task(log)
        found = known(log)
        if found is not None:
            task.future = _done(found)
        elif _is_small(log):
            with suppress(BrokenProcessPool):
                task.future = pool.submit(there, log, options)
                task.future.__class__ = _MayBeCancelled
        yield task


def _in_turn(
    coming: Iterator[_Task[Result]], ahead: int, work: Work[Result], options: ReadOptions, progress: Progress | None
) -> Iterator[Result | AfterglowError]:
    here = replace(options, workers=1)
    tasks: deque[_Task[Result]] = deque()
    while True:
        tasks.extend(islice(coming, ahead + 1 - len(tasks)))
        if not tasks:
            return
        first = tasks[0]
        if first.future is None or first.future.cancel():
            tasks.popleft()
            yield _outcome(work, first.log, here if _is_small(first.log) else options, progress)
        elif first.future.done() or not _helped(tasks, work, here):
            tasks.popleft()
            try:
                yield first.future.result()
            except BrokenProcessPool:  # the process was killed, perhaps for its memory, perhaps with another log
                yield _outcome(work, first.log, here, progress)


def _helped(tasks: "deque[_Task[Result]]", work: Work[Result], options: ReadOptions) -> bool:
    """Does a log whose turn comes later, rather than wait; False where all are begun."""
    for task in tasks:
        if task.future is not None and task.future.cancel():
            task.future = _done(_outcome(work, task.log, options))
            return True
    return False


def _done(outcome: Result | AfterglowError) -> "Future[Result | AfterglowError]":
    future: Future[Result | AfterglowError] = Future()
    future.set_result(outcome)
    return future


def _outcome(
    work: Work[Result], log: EventLog, options: ReadOptions, progress: Progress | None = None
) -> Result | AfterglowError:
    try:
        return work(log, options, progress)
    except AfterglowError as error:
        return error


def _sent_from_there(
    work: Work[Result], pack: Callable[[EventLog, Any], Any], log: EventLog, options: ReadOptions
) -> Result | AfterglowError:
    outcome = _outcome(work, log, options)
    return outcome if isinstance(outcome, AfterglowError) else pack(log, outcome)


def _is_small(log: EventLog) -> bool:
    """Not worth to be read in parts. How large a log on a History Server is, is not known."""
    return 0 < log.size < _LARGE_BYTES


def _begin() -> None:
    """In another process: an interrupt is the first one's business, and nobody outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent: Any = multiprocessing.parent_process()

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _sent(table: Any) -> tuple[Any, tuple[bytes]]:
    """A table on its way to another process: pickle takes ten times as long, buffer by buffer."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return _received, (stream.getvalue().to_pybytes(),)


def _received(content: bytes) -> Any:
    return pa.ipc.open_stream(content).read_all()


TABLE_PICKLED = {pa.Table: _sent}
"""For a pickler's dispatch_table."""
ForkingPickler.register(pa.Table, _sent)
