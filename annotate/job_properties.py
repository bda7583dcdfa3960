"""Properties on the jobs of a thread: local properties, or job tags under Spark Connect."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..schemas.annotations import TAG_SEPARATOR
from ..schemas.spark import ANNOTATION_PREFIX
from . import connect_log, event_log
from .never_raise import warn_once


class JobProperties(Protocol):
    """Properties on the jobs of one thread, from construction until `restore`, which only that thread may call."""

    def set(self, key: str, value: str) -> None:
        """Change one property. Any thread may call it."""

    def restore(self) -> None:
        """Give the thread the properties it had before."""


class _LocalProperties:
    """Local properties, set on a copy of the thread's Properties object.

    Pool threads share one java.util.Properties, because pyspark.util.inheritable_thread_target sets the same clone in
    each. A property set there would appear on the jobs of the other threads too.
    """

    def __init__(self, jvm: Any, values: Any) -> None:
        self._jvm = jvm
        self._shared = jvm.getLocalProperties()
        self._copy = self._shared.clone()
        self._copy.putAll(values)
        jvm.setLocalProperties(self._copy)

    def set(self, key: str, value: str) -> None:
        self._copy.setProperty(key, value)

    def restore(self) -> None:
        self._jvm.setLocalProperties(self._shared)


class _JobTags:
    """Tags of a Spark Connect session, which belong to a thread. The user's own tags do not change.

    A pool's threads inherit the tags of the thread that made them (pyspark.util.inheritable_thread_target), and so the
    place of the jobs around: a key replaces what it had before.
    """

    def __init__(self, session: Any, values: Mapping[str, str]) -> None:
        self._session = session
        self._thread = threading.get_ident()
        self._live = session.getTags()  # SparkConnectClient.get_tags: the thread's own set
        self._before = self._ours()
        for key, value in values.items():
            self.set(key, value)

    def set(self, key: str, value: str) -> None:
        prefix = key + TAG_SEPARATOR
        old = [tag for tag in self._ours() if tag.startswith(prefix)]
        # SparkSession.addTag rejects commas and empty tags.
        self._change(old, [prefix + value.replace(",", ";")])

    def restore(self) -> None:
        now = self._ours()
        self._change([tag for tag in now if tag not in self._before], [t for t in self._before if t not in now])

    def _ours(self) -> list[str]:
        if threading.get_ident() == self._thread:
            self._live = self._session.getTags()  # clearTags makes a new set
        return [tag for tag in tuple(self._live) if tag.startswith(ANNOTATION_PREFIX)]

    def _change(self, removed: list[str], added: list[str]) -> None:
        if threading.get_ident() != self._thread:
            self._live.difference_update(removed)
            self._live.update(added)
            return
        for tag in removed:
            self._session.removeTag(tag)
        for tag in added:
            self._session.addTag(tag)


def is_connect(session: Any) -> bool:
    """Return whether the session is a Spark Connect session."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def session_of(dataset: Any) -> Any:
    """Return the session of a DataFrame."""
    session = getattr(dataset, "sparkSession", None)
    return dataset.sql_ctx.sparkSession if session is None else session  # before Spark 3.3


def setter(session: Any, values: Mapping[str, str | None]) -> Callable[[], JobProperties] | None:
    """Return a function that sets these properties in the calling thread, or None where jobs cannot have any.

    `session` is the job's, if it is known. Values that are None are left out. One setter serves many fits, so that
    each value crosses to the JVM once.
    """
    given = {key: value for key, value in values.items() if value is not None}
    if is_connect(session):
        if not hasattr(session, "addTag"):
            warn_once("connect", "Spark Connect needs Spark 3.5 or later for job tags. Nothing is annotated.")
            return None
        return lambda: _JobTags(session, given)
    log = event_log.current()
    if log is None:
        return None
    properties = _java_properties(log, given)

    return lambda: _LocalProperties(log.jvm, properties)


def set_in_thread(values: Mapping[str, str | None]) -> JobProperties | None:
    """Set these properties in the calling thread, or return None where jobs cannot have any."""
    set_properties = setter(connect_log.active_session(), values)
    return set_properties() if set_properties else None


def _java_properties(log: event_log.EventLog, values: Mapping[str, str]) -> Any:
    properties = log.context._jvm.java.util.Properties()
    for key, value in values.items():
        properties.setProperty(key, value)
    return properties
