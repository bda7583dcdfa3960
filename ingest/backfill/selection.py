"""Years of logs: which of them are to be imported, and importing them one after the other or side by side."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ...schemas.logs import EventLog
from ..engines.local import Engine, Order
from ..errors import AfterglowError
from ..find_logs import Head, heads, listed
from ..options import ImportOptions
from ..results import Imported
from .ledger import ATTEMPTS, Entry, Ledger, may_pass, stamp


@dataclass(frozen=True, slots=True)
class Filters:
    """Which applications: started in [since_ms, until_ms), with a name and a user that fit these globs, that took
    `min_duration_s` (by when the log was written to last). Decided on the head of a log."""

    since_ms: int | None = None
    until_ms: int | None = None
    app_name: str | None = None
    user: str | None = None
    min_duration_s: float | None = None

    def want(self, log: EventLog, head: Head) -> bool:
        """Whether this log's application is among them; what a head does not say is no reason against it."""
        started, written = head.start_time_ms, max((file.modified_ms or 0 for file in log.files), default=0)
        if not head.is_log:
            return False
        if started is not None and self.since_ms is not None and started < self.since_ms:
            return False
        if started is not None and self.until_ms is not None and started >= self.until_ms:
            return False
        if self.app_name is not None and not fnmatchcase(head.name or "", self.app_name):
            return False
        if self.user is not None and not fnmatchcase(head.user or "", self.user):
            return False
        return not (
            self.min_duration_s is not None and started and written and written - started < self.min_duration_s * 1000
        )


@dataclass(slots=True)
class Todo:
    """What a look at the folders came to. `logs` are to be imported, in that order; `aside` failed too often;
    `filtered` are not wanted by the filters, or a copy of a log that is there fuller."""

    logs: list[tuple[EventLog, Head, int]] = field(default_factory=list)
    listed: int = 0
    done: int = 0
    filtered: int = 0
    failed_before: int = 0
    aside: list[tuple[str, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the logs to be imported."""
        return sum(log.size for log, _, _ in self.logs)


def select_logs(
    paths: Sequence[str],
    ledger: Ledger,
    filters: Filters,
    limit: int | None = None,
    order: Order = "oldest",
    retry_failed: bool = False,
) -> Todo:
    """Lists the logs and decides: by the ledger where it knows a log as it is now, else by the log's head.

    Raises:
        InputError: a path does not exist or cannot be listed.
    """
    known, todo = ledger.entries(), Todo()
    entries: list[tuple[EventLog, Entry | None]] = []
    for log in listed(paths):
        entry = known.get(log.name)
        entries.append((log, entry if entry is not None and entry.stamp == stamp(log) else None))
    new = iter(heads([log for log, entry in entries if entry is None]))
    seen = [(log, next(new) if entry is None else entry.head, entry) for log, entry in entries]
    todo.listed = len(seen)
    fullest = _fullest(seen)
    for log, head, entry in seen:
        if entry is not None and _settled(entry, log, todo, retry_failed):
            continue
        if not filters.want(log, head) or log.name not in fullest:
            todo.filtered += 1
            if entry is None:
                ledger.note(log, head, "seen")
            continue
        todo.logs.append((log, head, entry.attempts if entry is not None and not retry_failed else 0))
    ledger.commit()
    todo.logs.sort(key=lambda one: (one[1].start_time_ms or 0, one[0].name), reverse=order == "newest")
    if order == "biggest":
        todo.logs.sort(key=lambda one: -one[0].size)
    if limit is not None:
        del todo.logs[limit:]
    return todo


def _fullest(listed: Sequence[tuple[EventLog, Head, Entry | None]]) -> set[str]:
    """Of the logs of one application attempt (copies, an `.inprogress` beside the finished one) the fullest."""
    best: dict[tuple[str | None, str | None], EventLog] = {}
    for log, head, _ in listed:
        key = (head.app_id or log.name, head.app_attempt)
        best[key] = min(best.get(key, log), log, key=lambda one: (one.in_progress, -one.size))
    return {log.name for log in best.values()}


def _settled(entry: Entry, log: EventLog, todo: Todo, retry_failed: bool) -> bool:
    if entry.state == "done":
        todo.done += 1
        return True
    if entry.state in ("failed", "aside") and not retry_failed:
        if entry.state == "aside":
            todo.aside.append((log.name, entry.error or ""))
            return True
        if not entry.may_pass:
            todo.failed_before += 1
            return True
    return False


def run_backfill(
    todo: Todo,
    ledger: Ledger,
    experiments: Any,
    options: ImportOptions,
    engine: Engine,
    stop: Callable[[], bool] = lambda: False,
    read: Callable[[int], None] | None = None,
) -> Iterator[tuple[EventLog, Imported | AfterglowError, float]]:
    """Imports what is to be done and notes it in the ledger: per log what came of it and the seconds it took.

    Ends early where `stop` says so, after the log under way.
    """
    with closing(engine.import_logs([log for log, _, _ in todo.logs], experiments, options, read)) as outcomes:
        for log, head, attempts in todo.logs:
            if stop():
                return
            started = time.monotonic()
            one = next(outcomes)
            seconds = time.monotonic() - started
            if isinstance(one, AfterglowError):
                tried = attempts + 1
                state = "aside" if may_pass(one) and tried >= ATTEMPTS else "failed"
                ledger.note(log, head, "aside" if state == "aside" else "failed", tried, one, seconds=0.0)
            else:
                ledger.note(log, head, "done", runs=one.published.runs, seconds=seconds)
            ledger.commit()
            yield log, one, seconds
