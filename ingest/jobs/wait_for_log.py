"""The log of a job that has just ended: found where Spark writes logs, and waited for until it is final."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from ...schemas.logs import EventLog
from .. import discover
from ..errors import InputError
from ..find_logs import peek
from ..options import ReadOptions
from ..pipeline import read_log

_LOOK_EVERY_S = 1.0
_STILL_S = 5.0  # a log named in progress that does not grow for so long is read, to see whether it has its end
_ABANDONED_S = 60.0  # one that has not been written to for so long after its job is taken for a dead driver's

Verdict = Literal["finished", "abandoned", "growing"]
"""`abandoned`: its name says that Spark still writes it, but nothing came for a minute, or the driver is known dead."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which log: the one at `path`, or in `log_dir` that of application `app_id`, or the newest one (whose
    application's name fits `app_name`, a glob)."""

    log_dir: str | None = None
    app_id: str | None = None
    app_name: str | None = None
    path: str | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return self.path
        if self.app_id is not None:
            return f"{self.log_dir}: application {self.app_id}"
        return f"{self.log_dir}: newest application" + (f" named {self.app_name}" if self.app_name else "")


def find_log(wanted: LogQuery) -> EventLog | None:
    """The log as it is now; None where it is not there (yet). Of several attempts the last."""
    if wanted.path is not None:
        for path in (wanted.path, wanted.path.removesuffix(".inprogress"), wanted.path + ".inprogress"):
            try:
                return next(iter(discover.discover([path])), None)
            except InputError:
                continue
        return None
    found = list(discover.discover([wanted.log_dir or "."]))
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
        if head.is_log and (wanted.app_name is None or fnmatchcase(head.name or "", wanted.app_name)):
            return log
    return None


def wait_for_log(
    wanted: LogQuery, wait_s: float, tell: Callable[[str], None], gone: Callable[[], bool] = lambda: False
) -> tuple[EventLog, Verdict]:
    """The log, and what became of it: its name says that it is final or its end can be read, or after `wait_s` neither.

    An abandoned log is no longer `in_progress`, so that its runs do not stay RUNNING for ever. `gone` says that the
    driver is known to be dead: then nothing is waited for. `tell` is called once where there is waiting to do.

    Raises:
        InputError: there is no such log within that time.
    """
    until, told = time.monotonic() + wait_s, False
    size, still_since = -1, 0.0
    while True:
        dead = gone()
        log, now = find_log(wanted), time.monotonic()
        if log is not None:
            if not log.in_progress:
                return log, "finished"
            if log.size != size:
                size, still_since = log.size, now
            elif now - still_since >= _STILL_S and _has_end(log):
                return log, "finished"
        if now >= until or (dead and log is not None):
            if log is None:
                raise InputError(f"{wanted}: no such event log after {wait_s:,.0f} s; check the folder and --wait")
            if _has_end(log):
                return log, "finished"
            if dead or max(now - still_since, _age_s(log)) >= _ABANDONED_S:
                return replace(log, in_progress=False), "abandoned"
            return log, "growing"
        if not told:
            tell(f"waiting for {wanted}" if log is None else f"waiting until Spark has finished {log.name}")
            told = True
        time.sleep(min(_LOOK_EVERY_S, max(until - now, 0.01)))


def unfinished(log: EventLog, verdict: Verdict) -> str | None:
    """What to tell of a log that Spark has not finished; None where it has."""
    if verdict == "finished":
        return None
    if verdict == "abandoned":
        return f"{log.name}: has no end and is no longer written to: its driver was killed; importing as far as it goes"
    return f"{log.name}: Spark is still writing it; importing what is there, and it can be imported again later"


def _age_s(log: EventLog) -> float:
    """Seconds since the log was last written to, by its files' times; 0 where they are not known."""
    times = [file.modified_ms for file in log.files if file.modified_ms is not None]
    return time.time() - max(times) / 1000 if times else 0.0


def _has_end(log: EventLog) -> bool:
    try:
        return bool(read_log(log, ReadOptions()).application["completed"])
    except Exception:  # whatever it is, the import will say so
        return False
