"""Write texts into the application's own event log, as local properties of jobs without partitions.

DAGScheduler.submitJob posts JobStart and JobEnd of such a job itself and schedules nothing. The JobStart carries the
thread's local properties and no stage.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..schemas.annotations import EVENT
from ..schemas.spark import JOB_DESCRIPTION
from .never_raise import warn_once


@dataclass
class EventLog:
    """The event log of one SparkContext, with the JVM objects that are created once for it."""

    context: Any  # pyspark.SparkContext
    jvm: Any  # org.apache.spark.SparkContext
    empty_rdd: Any  # without partitions; kept, as creating one costs a call and an RDD id
    properties: Any  # java.util.Properties of our jobs, without the user's job group and tags
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, texts: Sequence[str]) -> None:
        """Run one job without partitions per text. The thread has its own Properties object again afterwards."""
        with self.lock:
            own = self.jvm.getLocalProperties()
            self.jvm.setLocalProperties(self.properties)
            try:
                for text in texts:
                    self.properties.setProperty(EVENT, text)
                    self.empty_rdd.count()
            finally:
                self.jvm.setLocalProperties(own)


_known: EventLog | None = None


def active_context() -> Any | None:
    """Return the active SparkContext of this process, or None. Never imports pyspark."""
    pyspark = sys.modules.get("pyspark")
    kind = getattr(pyspark, "SparkContext", None)
    context = getattr(kind, "_active_spark_context", None)
    return context if getattr(context, "_jsc", None) is not None else None


def current() -> EventLog | None:
    """Return the active SparkContext's event log. None without one, and where threads share local properties."""
    global _known
    context = active_context()
    if context is None:
        return None
    if _known is None or _known.context is not context:
        _known = _open(context)
    return _known if _known.jvm is not None else None


def close(context: Any) -> None:
    """Write nothing more to this SparkContext, which is about to stop."""
    if _known is not None and _known.context is context:
        _known.jvm = None


def _open(context: Any) -> EventLog:
    # As pyspark.util.inheritable_thread_target tests it: pinned threads use py4j.clientserver.ClientServer.
    if type(context._gateway).__name__ != "ClientServer":
        # Without pinned threads a call may run in any JVM thread, and a local property would mark another job.
        warn_once("pinned", "PYSPARK_PIN_THREAD is off, so threads share their properties. Nothing is annotated.")
        return EventLog(context, None, None, None)
    if context.getConf().get("spark.eventLog.enabled", "false").lower() != "true":
        warn_once(
            "event_log",
            "spark.eventLog.enabled is not true. Annotations are lost unless another listener writes an event log.",
        )
    properties = context._jvm.java.util.Properties()
    properties.setProperty(JOB_DESCRIPTION, "afterglow annotation (no tasks)")
    return EventLog(context, context._jsc.sc(), context._jsc.emptyRDD(), properties)
