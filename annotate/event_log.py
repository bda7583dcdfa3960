"""The way into the application's own event log: a job without partitions whose local properties hold the text.

JobStart of such a job carries the properties and no stage: DAGScheduler.submitJob posts JobStart and JobEnd itself and
never schedules anything.
"""

import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from ..schemas.annotations import EVENT
from ..schemas.spark import JOB_DESCRIPTION
from .never_raise import say_once


@dataclass(slots=True)
class EventLog:
    """One SparkContext, and the JVM objects that are made once for it."""

    context: Any  # pyspark.SparkContext
    jvm: Any  # org.apache.spark.SparkContext
    nothing: Any  # an RDD without partitions; kept, as making one costs a call and an RDD id
    properties: Any  # java.util.Properties of our jobs: nothing of the user's job group or tags
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, text: str) -> None:
        """One job without partitions in this thread; the thread's own properties are the same object afterwards."""
        with self.lock:
            own = self.jvm.getLocalProperties()
            self.properties.setProperty(EVENT, text)
            self.jvm.setLocalProperties(self.properties)
            try:
                self.nothing.count()
            finally:
                self.jvm.setLocalProperties(own)


_known: EventLog | None = None


def active_context() -> Any | None:
    """The SparkContext alive in this process, if pyspark was imported and has one; never imports pyspark."""
    pyspark = sys.modules.get("pyspark")
    kind = getattr(pyspark, "SparkContext", None)
    context = getattr(kind, "_active_spark_context", None)
    return context if getattr(context, "_jsc", None) is not None else None


def current() -> EventLog | None:
    """The event log of the SparkContext alive; None without one, and where threads have no properties of their own."""
    global _known
    context = active_context()
    if context is None:
        return None
    if _known is None or _known.context is not context:
        _known = _open(context)
    return _known if _known.jvm is not None else None


def close(context: Any) -> None:
    """Nothing is written to this SparkContext any more: it is about to stop."""
    if _known is not None and _known.context is context:
        _known.jvm = None


def _open(context: Any) -> EventLog:
    # As pyspark.util.inheritable_thread_target asks: py4j.clientserver.ClientServer is the gateway of pinned threads.
    if type(context._gateway).__name__ != "ClientServer":
        # Without pinned threads any call may land on any JVM thread, so a local property marks somebody else's job.
        say_once("pinned", "PYSPARK_PIN_THREAD is off, so that jobs cannot be told apart; nothing is annotated.")
        return EventLog(context, None, None, None)
    if context.getConf().get("spark.eventLog.enabled", "false").lower() != "true":
        say_once(
            "event_log",
            "spark.eventLog.enabled is not true; annotations are kept only if something else writes the event log.",
        )
    properties = context._jvm.java.util.Properties()
    properties.setProperty(JOB_DESCRIPTION, "afterglow annotation (no tasks)")
    return EventLog(context, context._jsc.sc(), context._jsc.emptyRDD(), properties)
