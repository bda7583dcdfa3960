"""What a thread's jobs are marked with: local properties, or job tags under Spark Connect, which has none."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..schemas.annotations import TAG_SEPARATOR
from . import event_log
from .never_raise import say_once


class Marks(Protocol):
    """Marks on the jobs of the thread that made them, until `end`, which only that thread may call."""

    def set(self, key: str, value: str) -> None:
        """Change one mark; from any thread."""

    def end(self) -> None:
        """Take all of them away."""


class _Properties:
    """Local properties, on a copy of the thread's own.

    Pool threads share ONE java.util.Properties (pyspark.util.inheritable_thread_target sets the same clone in each), so
    what one thread sets there the others' jobs carry; hence the copy, and the same object back at the end.
    """

    def __init__(self, jvm: Any, common: Any) -> None:
        self._jvm = jvm
        self._shared = jvm.getLocalProperties()
        self._own = self._shared.clone()
        self._own.putAll(common)
        jvm.setLocalProperties(self._own)

    def set(self, key: str, value: str) -> None:
        self._own.setProperty(key, value)

    def end(self) -> None:
        self._jvm.setLocalProperties(self._shared)


class _Tags:
    """Job tags of a Spark Connect session, which are per thread."""

    def __init__(self, session: Any, values: Mapping[str, str]) -> None:
        self._session = session
        self._tags: dict[str, str] = {}
        for key, value in values.items():
            self.set(key, value)

    def set(self, key: str, value: str) -> None:
        if key in self._tags:
            self._session.removeTag(self._tags[key])
        # SparkSession.addTag refuses commas and empty tags.
        self._tags[key] = f"{key}{TAG_SEPARATOR}{value}".replace(",", ";")
        self._session.addTag(self._tags[key])

    def end(self) -> None:
        for tag in self._tags.values():
            self._session.removeTag(tag)


def is_connect(session: Any) -> bool:
    """Whether this is a session of Spark Connect."""
    return type(session).__module__.startswith("pyspark.sql.connect")


def prepare(session: Any, values: Mapping[str, str | None]) -> Callable[[], Marks] | None:
    """A function that marks the calling thread's jobs with these values (None: left out); None if nothing can.

    They are sent to the JVM once, for many fits: each value is a call there.
    """
    given = {key: value for key, value in values.items() if value is not None}
    if is_connect(session):
        if not hasattr(session, "addTag"):
            say_once(
                "connect", "Spark Connect sessions have no SparkContext, and before 3.5 no tags; nothing is annotated."
            )
            return None
        say_once(
            "connect",
            "Spark Connect sessions have no SparkContext: jobs are tagged with search, trial and fold "
            "(spark.addTag), params and metrics are not written.",
        )
        return lambda: _Tags(session, given)
    log = event_log.current()
    if log is None:
        return None
    common = log.context._jvm.java.util.Properties()
    for key, value in given.items():
        common.setProperty(key, value)

    return lambda: _Properties(log.jvm, common)
