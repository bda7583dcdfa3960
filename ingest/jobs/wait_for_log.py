"""Locate the log of a job that has just ended, and wait until Spark has finished it."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from ...schemas.logs import EventLog
from .. import discover
from ..errors import InputError
from ..find_logs import Head, check_listed, peek
from ..options import ReadOptions
from ..orchestrators import fields_match
from ..pipeline import read_log

_LOOK_EVERY_S = 1.0
_STILL_S = 5.0  # a log that its name calls in progress is read for its end if it did not grow for this time
_ABANDONED_S = 60.0  # after this time without a write the driver counts as dead

Verdict = Literal["finished", "abandoned", "growing"]
"""`abandoned`: its name calls it in progress, but it was not written for a minute, or the driver is dead."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which log: the one at `path`; or in `log_dir` that of application `app_id`, or the newest one whose application's
    name matches the glob `app_name`, and whose fields of orchestrators match, and that did not start before `since_ms`.
    """

    log_dir: str | None = None
    app_id: str | None = None
    app_name: str | None = None
    path: str | None = None
    server: discover.HistoryServerOptions = field(default_factory=discover.HistoryServerOptions)
    orchestrators: Mapping[str, str] = field(default_factory=dict)
    since_ms: int | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return self.path
        if self.app_id is not None:
            return f"{self.log_dir}: application {self.app_id}"
        return f"{self.log_dir}: newest application" + (f" named {self.app_name}" if self.app_name else "")


def locate_log(wanted: LogQuery) -> EventLog | None:
    """The log as it is now, of several attempts the last; None if it does not exist (yet)."""
    if wanted.path is not None:
        for path in (wanted.path, wanted.path.removesuffix(".inprogress"), wanted.path + ".inprogress"):
            try:
                return next(iter(discover.discover([path], wanted.server)), None)
            except InputError:
                continue
        return None
    found = list(discover.discover([wanted.log_dir or "."], wanted.server))
    if wanted.app_id is not None:
        # the name holds the application's id, and after it the attempt's (EventLogFileWriter.getLogPath)
        named = re.compile(rf"(?:^|[/_!]){re.escape(wanted.app_id)}(?=$|[_./!])")
        found = [log for log in found if named.search(log.name)] or [
            log for log in found if peek(log).app_id == wanted.app_id
        ]
    newest = sorted(found, key=lambda log: max((file.modified_ms or 0 for file in log.files), default=0), reverse=True)
    for log in newest:
        if wanted.app_id is not None:
            return log
        head = peek(log)
        if head.is_log and _is_wanted(head, wanted):
            return log
    return None


def _is_wanted(head: Head, wanted: LogQuery) -> bool:
    started = head.start_time_ms
    return (
        (wanted.app_name is None or fnmatchcase(head.name or "", wanted.app_name))
        and fields_match(head.orchestrators, wanted.orchestrators)
        and (wanted.since_ms is None or started is None or started >= wanted.since_ms)
    )


def wait_for_log(
    wanted: LogQuery, wait_s: float, tell: Callable[[str], None], gone: Callable[[], bool] = lambda: False
) -> tuple[EventLog, Verdict]:
    """Waits until the log's name is final or its end can be read, at most `wait_s` seconds; returns it as it is then.

    An abandoned log is returned with `in_progress` off, so that its runs do not stay RUNNING. It does not wait if
    `gone` says that the driver is dead. `tell` gets one line if it has to wait.

    Raises:
        InputError: there is no such log within that time; or a History Server is asked for orchestrators.
    """
    check_listed([wanted.log_dir or ""], wanted.orchestrators)
    until, told = time.monotonic() + wait_s, False
    size, still_since = -1, 0.0
    while True:
        dead = gone()
        log, now = locate_log(wanted), time.monotonic()
        if log is not None:
            if not log.in_progress:
                return log, "finished"
            if log.size != size:
                size, still_since = log.size, now
            elif now - still_since >= _STILL_S and _has_end(log, wanted.server):
                return log, "finished"
        if now >= until or (dead and log is not None):
            if log is None:
                raise InputError(
                    f"{wanted}: no such event log after {wait_s:,.0f} s; check the folder, or wait longer with --wait"
                )
            if _has_end(log, wanted.server):
                return log, "finished"
            if dead or max(now - still_since, _age_s(log)) >= _ABANDONED_S:
                return replace(log, in_progress=False), "abandoned"
            return log, "growing"
        if not told:
            tell(f"waiting for the log: {wanted}" if log is None else f"waiting until Spark has finished {log.name}")
            told = True
        time.sleep(min(_LOOK_EVERY_S, max(until - now, 0.01)))


def unfinished(log: EventLog, verdict: Verdict) -> str | None:
    """A note about a log that Spark has not finished; None if it has."""
    if verdict == "finished":
        return None
    if verdict == "abandoned":
        return f"{log.name}: it has no end and is no longer written, so its driver was killed; importing what is there"
    return f"{log.name}: Spark is still writing it; importing what is there; import it again later"


def _age_s(log: EventLog) -> float:
    """Seconds since the last modification of its files; 0 if that is not known."""
    times = [file.modified_ms for file in log.files if file.modified_ms is not None]
    return time.time() - max(times) / 1000 if times else 0.0


def _has_end(log: EventLog, server: discover.HistoryServerOptions) -> bool:
    try:
        return bool(read_log(log, ReadOptions(history_server=server)).application["completed"])
    except Exception:  # the import will report it
        return False
