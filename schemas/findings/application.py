"""Informational figures of every application."""

from .interface import FindingCode

CODES = (
    FindingCode(
        "critical_path",
        "application",
        "application",
        "The chain of stages and driver work that determines the end of the application.",
        "from the end backwards: the stage that ended last, else the driver",
        "none, informational",
        "Shorten the work on the path. Work outside the path costs cores, not time.",
        informational=True,
    ),
    FindingCode(
        "lower_bound",
        "application",
        "application",
        "The shortest possible time for the same work on the same cores.",
        "time without a job (the wait of a stream for its next batch is named), plus for each period of jobs the "
        "greater of task time / cores and the longest chain of stages, each with its longest task",
        "none, informational",
        "If the difference is large, look at skew, stragglers and idle cores. If it is small, reduce the work or add "
        "cores.",
        informational=True,
    ),
    FindingCode(
        "core_hours",
        "application",
        "application",
        "The available core time, and how it was used.",
        "cores of executors x their lifetime, split into CPU, garbage collection, shuffle wait, other run time, "
        "starting "
        "and scheduling, lost work, idle beside other tasks, idle without a task",
        "none, informational",
        "Look first at the largest share other than CPU.",
        informational=True,
    ),
)
