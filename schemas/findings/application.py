"""Figures of every application, which are no fault."""

from .interface import FindingCode

CODES = (
    FindingCode(
        "critical_path",
        "application",
        "application",
        "The chain of stages and driver work that the application's end waited for.",
        "from the end backwards: the stage that ended last before, as long as one ran; else the driver",
        "none: it is no fault",
        "Shorten what is on the path; what is beside it costs cores, not time.",
        informational=True,
    ),
    FindingCode(
        "lower_bound",
        "application",
        "application",
        "The least time that this work could have taken on the same cores.",
        "time in which no job ran, plus for every stretch of jobs the greater of: task time divided by cores; the "
        "longest chain of stages, each at its longest task",
        "none: it is no fault",
        "Where the difference is large, look at skew, stragglers and idle cores; where it is small, only less work or "
        "more cores help.",
        informational=True,
    ),
    FindingCode(
        "core_hours",
        "application",
        "application",
        "The core time that was there, and where it went.",
        "cores of executors x the time they were there: CPU, garbage collection, waiting for shuffle, other run time, "
        "starting and scheduling, work thrown away, idle beside other tasks, idle while no task ran",
        "none: it is no fault",
        "The greatest share that is not CPU is where to look first.",
        informational=True,
    ),
)
