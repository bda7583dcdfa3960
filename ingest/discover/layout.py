"""File names -> layout: names in, logs out. Nothing is opened.

Source: org.apache.spark.deploy.history.EventLogFileWriter, RollingEventLogFilesWriter (`eventlog_v2_<app>[_<attempt>]/
events_<n>_<app>[_<attempt>][.<codec>]`, `appstatus_<app>[_<attempt>][.inprogress]`) and EventLogFileCompactor.
Databricks: `eventlog` is the newest segment, `eventlog-<date>--<time>[.gz]` the ones before (seen in real folders).
Spark 1.0 to 1.2, org.apache.spark.scheduler.EventLoggingListener: a folder with `EVENT_LOG_<n>`, and the empty files
`SPARK_VERSION_<version>`, `COMPRESSION_CODEC_<class>` and, once the application has ended, `APPLICATION_COMPLETE`.
"""

import re
from collections.abc import Iterable
from itertools import islice

from ...schemas.logs import EventLog, LogFile, without_password

_SEGMENT = re.compile(r"^events_(\d+)_(.+)$")
_STATUS = re.compile(r"^appstatus_(.+?)(\.inprogress)?$")
_DATABRICKS = re.compile(r"^eventlog(?:-(\d{4}-\d{2}-\d{2}--\d{2}-\d{2}))?(?:\.(?:gz|gzip|zst|zstd|lz4|zip))*$")
_SPARK_1_LOG = re.compile(r"^EVENT_LOG_(\d+)$")
_SPARK_1_VERSION = "SPARK_VERSION_"
_SPARK_1_MARKER = re.compile(r"^(?:SPARK_VERSION_|COMPRESSION_CODEC_|APPLICATION_COMPLETE$)")
_NO_LOG = re.compile(r"^[._]|\.crc$|^appstatus_|\.compact\.inprogress$")
_IN_PROGRESS = ".inprogress"
_MOST_MISSING = 1000


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
    chosen = _in_order(
        (number, name, file)
        for number, compact, name, file in segments
        if compacted is None or number > compacted or (number == compacted and compact)
    )
    numbers = [number for number, _, _ in chosen]
    first = compacted if compacted is not None else 1
    there = set(numbers)
    missing = islice((n for n in range(first, max(numbers, default=first) + 1) if n not in there), _MOST_MISSING)
    # appstatus may be missing, or there may be both (renaming is copying on object stores): then it has ended
    in_progress = bool(status) and all(status)
    files_in_order = tuple(file for _, _, file in chosen)
    return EventLog(without_password(folder), "rolling", files_in_order, in_progress, compacted, tuple(missing))


def databricks(folder: str, files: Iterable[tuple[str, LogFile]]) -> EventLog:
    """One Databricks folder -> one log: dated segments in order, then `eventlog`."""
    dated = [(match[1] or "~", name, file) for name, file in files if (match := _DATABRICKS.match(name))]
    in_order = tuple(file for _, _, file in sorted(dated, key=lambda d: d[:2]))
    return EventLog(without_password(folder), "databricks", in_order)


def is_spark_1(names: Iterable[str]) -> bool:
    """Whether a folder with these file names is one log of Spark 1.0 to 1.2."""
    names = set(names)
    return any(_SPARK_1_MARKER.match(name) for name in names) and any(_SPARK_1_LOG.match(name) for name in names)


def spark_1(folder: str, files: Iterable[tuple[str, LogFile]]) -> EventLog:
    """One folder of Spark 1.0 to 1.2 -> one log, called after the folder."""
    files = list(files)
    logs = _in_order((int(match[1]), name, file) for name, file in files if (match := _SPARK_1_LOG.match(name)))
    names = {name for name, _ in files}
    version = next((n.removeprefix(_SPARK_1_VERSION) for n in sorted(names) if n.startswith(_SPARK_1_VERSION)), None)
    return EventLog(
        without_password(folder),
        "spark_1",
        tuple(file for _, _, file in logs),
        in_progress="APPLICATION_COMPLETE" not in names,
        spark_version=version,
    )


def _in_order(segments: Iterable[tuple[int, str, LogFile]]) -> list[tuple[int, str, LogFile]]:
    """By number and name. A zip archive may hold several members of one name; they stay in the archive's order."""
    return sorted(segments, key=lambda segment: segment[:2])


def single(file: LogFile) -> EventLog:
    """One file -> one log."""
    return EventLog(file.name, "single", (file,), in_progress=base_name(file.name).endswith(_IN_PROGRESS))


def may_be_log(name: str) -> bool:
    """False for names that no log has: hidden files, checksums, markers, unfinished compactions."""
    return not _NO_LOG.search(name) and not _SPARK_1_MARKER.match(name)
