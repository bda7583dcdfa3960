"""Locate the event log that a SparkSession writes, from its own settings."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from ...schemas.logs import EventLog, without_password
from ...schemas.spark import (
    APP_ATTEMPT_ID,
    APP_ID,
    DEFAULT_LOG_DIR,
    EVENT_LOG_CODECS,
    EVENT_LOG_DIR,
    EVENT_LOG_ENABLED,
)
from ..errors import AfterglowError, InputError
from ..filesystems import is_local
from ..jobs.wait_for_log import LogQuery, locate_log

_STILL_S = 0.25
_SETTLE_S = 2.0


class SessionLogError(InputError):
    """The log of a session cannot be found or read from here. The message says what to set."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def find_session_log(spark: Any, sleep: Callable[[float], None] = time.sleep) -> EventLog:
    """The log of this session as it is now. Reads settings and lists files, and starts no Spark job.

    Spark writes events a moment after what they report. A log in progress is returned once it has not grown for a
    quarter of a second, and after two seconds in any case.

    Raises:
        SessionLogError: the session writes no log, or it cannot be read from here.
    """
    setting = _settings(spark)
    if (setting(EVENT_LOG_ENABLED) or "false").lower() != "true":
        raise SessionLogError(
            f"this session writes no event log; set {EVENT_LOG_ENABLED}=true and {EVENT_LOG_DIR} to a folder that the "
            "driver can read, before the session starts"
        )
    app_id = setting(APP_ID)
    if not app_id:
        raise SessionLogError(f"this session has no {APP_ID}; pass the SparkSession that ran the jobs")
    folder = _with_scheme(setting(EVENT_LOG_DIR) or DEFAULT_LOG_DIR)
    attempt, path = setting(APP_ATTEMPT_ID), _written_path(spark)
    log = _locate(folder, app_id, attempt, path)
    for _ in range(round(_SETTLE_S / _STILL_S)):
        if not log.in_progress:
            break
        sleep(_STILL_S)
        before, log = log, _locate(folder, app_id, attempt, path)
        if log.size == before.size:
            break
    return log


def _settings(spark: Any) -> Callable[[str], str | None]:
    """A function that returns a setting of the session, None where it is not set."""
    context = getattr(spark, "_sc", None)  # pyspark.sql.SparkSession; a session of Spark Connect has none
    if context is not None:
        settings = dict(context.getConf().getAll())
        return settings.get

    def ask(name: str) -> str | None:
        try:
            value: str | None = spark.conf.get(name, None)
        except Exception as error:  # pyspark.errors: the session has stopped, or its server cannot be reached
            raise SessionLogError(
                "this session of Spark Connect does not answer; call before spark.stop(), or import the log with "
                f"`afterglow import` ({' '.join(str(error).split())[:200]})"
            ) from error
        return value

    return ask


def _written_path(spark: Any) -> str | None:
    """The path that the driver itself writes to; None over Spark Connect, and after the session has stopped."""
    try:
        # SparkContext.eventLogger, EventLoggingListener.logWriter, EventLogFileWriter.logPath: its final name
        return str(spark._sc._jsc.sc().eventLogger().get().logWriter().logPath())
    except Exception:  # the JVM's objects are not API
        return None


def _locate(folder: str, app_id: str, attempt: str | None, path: str | None) -> EventLog:
    try:
        for known in (path, *_paths(folder, app_id, attempt)) if path else _paths(folder, app_id, attempt):
            log = locate_log(LogQuery(path=known))
            if log is not None:
                return log
        log = locate_log(LogQuery(folder, app_id))
    except AfterglowError as error:
        raise SessionLogError(
            f"the log of this session cannot be read from here ({error}); set {EVENT_LOG_DIR} to a folder that this "
            "Python process can read, before the session starts"
        ) from error
    if log is not None:
        return log
    place = f"{without_password(folder)}: no event log of {app_id}"
    if is_local(folder):
        raise SessionLogError(f"{place}; if the driver runs on another machine, set {EVENT_LOG_DIR} to shared storage")
    raise SessionLogError(
        f"{place} yet; object stores show a file when Spark closes it, so set {EVENT_LOG_DIR} to HDFS or a local "
        "folder, or spark.eventLog.rolling.enabled=true with a small spark.eventLog.rolling.maxFileSize"
    )


def _paths(folder: str, app_id: str, attempt: str | None) -> Iterator[str]:
    """Where Spark puts the log (EventLogFileWriter.nameForAppAndAttempt, SingleEventLogFileWriter.getLogPath,
    RollingEventLogFilesWriter.getAppEventLogDirPath)."""
    name = "_".join(re.sub("[ :/]", "-", part) for part in (app_id, attempt) if part)
    name = re.sub("[.${}'\"]", "_", name).lower()
    root = folder.rstrip("/")
    yield f"{root}/eventlog_v2_{name}"
    yield f"{root}/{name}"
    yield from (f"{root}/{name}.{codec}" for codec in EVENT_LOG_CODECS)


def _with_scheme(folder: str) -> str:
    """`file:/logs` as `file:///logs`."""
    return re.sub(r"^file:/(?=[^/])", "file:///", folder)
