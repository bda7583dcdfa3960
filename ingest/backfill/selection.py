"""Select the logs that a backfill imports, by filters and by the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase

from ...schemas.identity import ApplicationIdentity
from ...schemas.logs import EventLog
from ..discover.history_server import DEFAULT_OPTIONS, HistoryServerOptions
from ..engines.interface import Order
from ..find_logs import Head, check_listed, list_logs, nothing_found, read_heads
from ..orchestrators import fields_match
from .ledger import Entry, Ledger, stamp


@dataclass(frozen=True, slots=True)
class Filters:
    """Which applications to import, decided by the head of a log.

    Start time in [since_ms, until_ms). Globs for name, user and fields of orchestrators. `min_duration_s` from start to
    last modification. What the head does not contain excludes nothing, except that a missing name, user or field does
    not match a glob.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    app_name: str | None = None
    user: str | None = None
    min_duration_s: float | None = None
    orchestrators: Mapping[str, str] = field(default_factory=dict)

    def match(self, log: EventLog, head: Head) -> bool:
        """Whether this log's application is to be imported."""
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
        if self.orchestrators and not fields_match(head.orchestrators, self.orchestrators):
            return False
        return not (
            self.min_duration_s is not None and started and written and written - started < self.min_duration_s * 1000
        )


def parse_time(text: str) -> int:
    """An ISO date or time as milliseconds since the epoch; UTC unless it has an offset.

    Raises:
        ValueError: it has another form.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an ISO date or time, such as 2026-01-31 or 2026-01-31T12:00") from None
    return int((time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A log to import, and how often it failed before."""

    log: EventLog
    head: Head
    failures: int = 0


@dataclass(slots=True)
class Selection:
    """The result of scanning folders. `logs` are to be imported, in that order.

    `done`, `failed_before` (and unchanged since) and `quarantined` (log and error) are known from the ledger;
    `filtered` do not match, or are copies of another log.
    """

    logs: list[Candidate] = field(default_factory=list)
    listed: int = 0
    done: int = 0
    filtered: int = 0
    failed_before: int = 0
    quarantined: list[tuple[str, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the logs to import."""
        return sum(candidate.log.size for candidate in self.logs)


def select_logs(
    paths: Sequence[str],
    ledger: Ledger,
    filters: Filters,
    limit: int | None = None,
    order: Order = "oldest",
    retry_failed: bool = False,
    allow_empty: bool = False,
    server: HistoryServerOptions = DEFAULT_OPTIONS,
) -> Selection:
    """Lists the logs at `paths` and decides by the ledger, or for an unknown or changed log by its head.

    Raises:
        InputError: a path does not exist or cannot be listed; there is no log, unless `allow_empty`; or `filters` has
            orchestrators, which a History Server does not list.
    """
    check_listed(paths, filters.orchestrators)
    known, selection = ledger.entries(), Selection()
    entries: list[tuple[EventLog, Entry | None]] = []
    for log in list_logs(paths, server):
        entry = known.get(log.name)
        entries.append((log, entry if entry is not None and entry.stamp == stamp(log) else None))
    new = iter(read_heads([log for log, entry in entries if entry is None]))
    scanned = [(log, next(new) if entry is None else entry.head, entry) for log, entry in entries]
    if not allow_empty and not any(head.is_log for _, head, _ in scanned):
        raise nothing_found(paths, [log for log, _, _ in scanned])
    selection.listed = len(scanned)
    fullest = _fullest(scanned)
    for log, head, entry in scanned:
        if entry is not None and _is_settled(entry, log, selection, retry_failed):
            continue
        if not filters.match(log, head) or log.name not in fullest:
            selection.filtered += 1
            if entry is None:
                ledger.record(log, head, "seen")
            continue
        failures = entry.attempts if entry is not None and not retry_failed else 0
        selection.logs.append(Candidate(log, head, failures))
    ledger.commit()
    selection.logs.sort(key=lambda one: (one.head.start_time_ms or 0, one.log.name), reverse=order == "newest")
    if order == "biggest":
        selection.logs.sort(key=lambda one: -one.log.size)
    if limit is not None:
        del selection.logs[limit:]
    return selection


def _fullest(scanned: Sequence[tuple[EventLog, Head, Entry | None]]) -> set[str]:
    """Of the logs of one application (copies, an `.inprogress` beside the finished one) the fullest."""
    best: dict[ApplicationIdentity | str, EventLog] = {}
    for log, head, _ in scanned:
        key = head.identity or log.name
        best[key] = min(best.get(key, log), log, key=lambda one: (one.in_progress, -one.size))
    return {log.name for log in best.values()}


def _is_settled(entry: Entry, log: EventLog, selection: Selection, retry_failed: bool) -> bool:
    if entry.state == "done":
        selection.done += 1
        return True
    if entry.state in ("failed", "quarantined") and not retry_failed:
        if entry.state == "quarantined":
            selection.quarantined.append((log.name, entry.error or ""))
            return True
        if not entry.transient:
            selection.failed_before += 1
            return True
    return False
