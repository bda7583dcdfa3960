"""Import the selected logs with an engine and record every result in the ledger."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.logs import EventLog
from ..engines.interface import Engine
from ..errors import AfterglowError, PublishError
from ..options import ImportOptions, Progress
from ..results import Imported
from ..transient_errors import is_transient
from .ledger import ATTEMPTS, Ledger
from .selection import Candidate, Selection

if TYPE_CHECKING:
    from ..publish import Experiments


@dataclass(frozen=True, slots=True)
class LogResult:
    """The result of one log, and the seconds it took."""

    log: EventLog
    outcome: Imported | AfterglowError
    seconds: float


def run_backfill(
    selection: Selection,
    ledger: Ledger,
    experiments: "Experiments | None",
    options: ImportOptions,
    engine: Engine,
    stop: Callable[[], bool] = lambda: False,
    read: Progress | None = None,
) -> Iterator[LogResult]:
    """Imports the selected logs, records each in the ledger, and yields the results in order.

    If `stop` returns True, it ends after the log under way. An error that may be transient counts against a log only if
    another log was imported, because a store that does not answer is no fault of a log.
    """
    logs = [candidate.log for candidate in selection.logs]
    works, excused = False, list[tuple[Candidate, AfterglowError]]()

    def count(candidate: Candidate, error: AfterglowError) -> None:
        failures = candidate.failures + 1
        quarantine = is_transient(error) and failures >= ATTEMPTS
        ledger.record(candidate.log, candidate.head, "quarantined" if quarantine else "failed", failures, error)

    with closing(engine.import_logs(logs, experiments, options, read)) as outcomes, _committed(ledger):
        for candidate in selection.logs:
            if stop():
                return
            started = time.monotonic()
            outcome = next(outcomes)
            seconds = time.monotonic() - started
            log, head = candidate.log, candidate.head
            if not isinstance(outcome, AfterglowError):
                ledger.record(log, head, "done", runs=outcome.published.runs, seconds=seconds)
                works = True
            elif isinstance(outcome, PublishError) and is_transient(outcome) and not works:
                ledger.record(log, head, "failed", candidate.failures, outcome)
                excused.append((candidate, outcome))
            else:
                count(candidate, outcome)
            if works:
                while excused:
                    count(*excused.pop())
            ledger.commit_if_due()
            yield LogResult(log, outcome, seconds)


@contextmanager
def _committed(ledger: Ledger) -> Iterator[None]:
    """Commits what is recorded, however the context ends."""
    try:
        yield
    finally:
        ledger.commit()


@contextmanager
def stop_on_sigterm() -> Iterator[threading.Event]:
    """An event that SIGTERM sets during the context."""
    stopped = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, before)


def follow(
    select: Callable[[], Selection],
    first: Selection,
    every_s: float | None,
    stopped: threading.Event,
    failed: Callable[[AfterglowError], None],
) -> Iterator[Selection]:
    """Yields the first selection, then a new one every `every_s` seconds until `stopped` is set; only the first if
    `every_s` is None.

    `failed` gets the error of a scan, which the next scan repeats: storage may be away for a while.
    """
    yield first
    while every_s is not None and not stopped.wait(every_s):
        try:
            selection = select()
        except AfterglowError as error:
            failed(error)
            continue
        yield selection
