"""File names -> layout. Pure: names in, logs out; nothing is opened.

Source: org.apache.spark.deploy.history.EventLogFileWriter, RollingEventLogFilesWriter (`eventlog_v2_<app>[_<attempt>]/
events_<n>_<app>[_<attempt>][.<codec>]`, `appstatus_<app>[_<attempt>][.inprogress]`) and EventLogFileCompactor.
Databricks: `eventlog` is the newest segment, `eventlog-<date>--<time>[.gz]` the ones before (seen in real folders).
"""

import re
from collections.abc import Iterable

from ...schemas.logs import EventLog, LogFile, without_password

_SEGMENT = re.compile(r"^events_(\d+)_(.+)$")
_STATUS = re.compile(r"^appstatus_(.+?)(\.inprogress)?$")
_DATABRICKS = re.compile(r"^eventlog(?:-(\d{4}-\d{2}-\d{2}--\d{2}-\d{2}))?(?:\.(?:gz|gzip|zst|zstd|lz4))?$")
_NO_LOG = re.compile(r"^[._]|\.crc$|^appstatus_|\.compact\.inprogress$")
_IN_PROGRESS = ".inprogress"


def base_name(path: str) -> str:
    """The last part of a path or URI."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def is_rolling(names: Iterable[str]) -> bool:
    """Whether a folder with these file names is one rolling log."""
    return any(_SEGMENT.match(name) for name in names)


def is_databricks(names: Iterable[str]) -> bool:
    """Whether a folder with these file names is one Databricks log."""
    found = [name for name in names if _DATABRICKS.match(name)]
    return "eventlog" in found or any(name.startswith("eventlog-") for name in found)


def rolling(folder: str, files: Iterable[tuple[str, LogFile]]) -> EventLog:
    """One rolling folder -> one log: segments by number, from the newest compacted one on."""
    segments: list[tuple[int, bool, str, LogFile]] = []
    status: list[bool] = []
    for name, file in files:
        match = _SEGMENT.match(name)
        if match and not name.endswith((".crc", ".compact.inprogress")):
            segments.append((int(match[1]), name.endswith(".compact"), name, file))
        elif match := _STATUS.match(name):
            status.append(match[2] is not None)
    compacted = max((number for number, compact, _, _ in segments if compact), default=None)
    chosen = sorted(
        (number, name, file)
        for number, compact, name, file in segments
        if compacted is None or number > compacted or (number == compacted and compact)
    )
    numbers = [number for number, _, _ in chosen]
    first = compacted if compacted is not None else 1
    missing = sorted(set(range(first, max(numbers, default=first) + 1)) - set(numbers))
    # appstatus may be missing or say both (a rename that is no rename, on object stores): ended wins
    in_progress = bool(status) and all(status)
    files_in_order = tuple(file for _, _, file in chosen)
    return EventLog(without_password(folder), "rolling", files_in_order, in_progress, compacted, tuple(missing))


def databricks(folder: str, files: Iterable[tuple[str, LogFile]]) -> EventLog:
    """One Databricks folder -> one log: dated segments in order, then `eventlog`."""
    dated = [(match[1] or "~", name, file) for name, file in files if (match := _DATABRICKS.match(name))]
    in_order = tuple(file for _, _, file in sorted(dated, key=lambda d: d[:2]))
    return EventLog(without_password(folder), "databricks", in_order)


def single(file: LogFile) -> EventLog:
    """One file -> one log."""
    return EventLog(file.name, "single", (file,), in_progress=base_name(file.name).endswith(_IN_PROGRESS))


def may_be_log(name: str) -> bool:
    """False for what never is a log by its name: hidden files, checksums, appstatus, unfinished compactions."""
    return not _NO_LOG.search(name)
