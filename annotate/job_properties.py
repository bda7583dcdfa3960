"""Properties on the jobs of a thread: local properties, or job tags under Spark Connect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..schemas.annotations import TAG_SEPARATOR
from . import event_log
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
    """Job tags of a Spark Connect session, which belong to a thread."""

    def __init__(self, session: Any, values: Mapping[str, str]) -> None:
        self._session = session
        self._tags: dict[str, str] = {}
        for key, value in values.items():
            self.set(key, value)

    def set(self, key: str, value: str) -> None:
        if key in self._tags:
            self._session.removeTag(self._tags[key])
        # SparkSession.addTag rejects commas and empty tags.
        self._tags[key] = f"{key}{TAG_SEPARATOR}{value}".replace(",", ";")
        self._session.addTag(self._tags[key])

    def restore(self) -> None:
        for tag in self._tags.values():
            self._session.removeTag(tag)


def is_connect(session: Any) -> bool:
    """Return whether the session is a Spark Connect session."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def setter(session: Any, values: Mapping[str, str | None]) -> Callable[[], JobProperties] | None:
    """Return a function that sets these properties in the calling thread, or None where jobs cannot have any.

    Values that are None are left out. One setter serves many fits, so that each value crosses to the JVM once.
    """
    given = {key: value for key, value in values.items() if value is not None}
    if is_connect(session):
        if not hasattr(session, "addTag"):
            warn_once("connect", "Spark Connect needs Spark 3.5 or later for job tags. Nothing is annotated.")
            return None
        warn_once(
            "connect",
            "Spark Connect has no SparkContext. Jobs are tagged with search, trial and fold (spark.addTag); "
            "params and metrics are not written.",
        )
        return lambda: _JobTags(session, given)
    log = event_log.current()
    if log is None:
        return None
    properties = _java_properties(log, given)

    return lambda: _LocalProperties(log.jvm, properties)


def local_properties(log: event_log.EventLog, values: Mapping[str, str | None]) -> JobProperties:
    """Set these local properties in the calling thread. Values that are None are left out."""
    given = {key: value for key, value in values.items() if value is not None}
    return _LocalProperties(log.jvm, _java_properties(log, given))


def _java_properties(log: event_log.EventLog, values: Mapping[str, str]) -> Any:
    properties = log.context._jvm.java.util.Properties()
    for key, value in values.items():
        properties.setProperty(key, value)
    return properties
