"""Informational figures of every application."""

from collections.abc import Mapping
from dataclasses import dataclass

from .interface import FindingCode


@dataclass(frozen=True, slots=True)
class WallTimePart:
    """One part of an application's wall time: its words in a list, and one sentence."""

    label: str
    doc: str


WALL_TIME_PARTS: Mapping[str, WallTimePart] = {
    "starting": WallTimePart("starting", "Time until the executors had registered that the first job began with."),
    "driver": WallTimePart("driver", "Time outside jobs in which only the driver worked, or waited."),
    "batch_wait": WallTimePart("waiting for the next micro-batch", "Time in which a stream waited for its next batch."),
    "scheduling": WallTimePart(
        "scheduling", "Scheduling delay, deserialization and results of tasks, and jobs without a task."
    ),
    "reading": WallTimePart("reading", "Run time of tasks with input that is no CPU time and none of the other parts."),
    "computing": WallTimePart("computing", "CPU time of tasks, and run time that no metric explains."),
    "python": WallTimePart("Python", "Run time of tasks with Python functions that is no CPU time of the JVM."),
    "shuffle": WallTimePart("shuffle", "Time of tasks that waited for shuffle blocks or wrote them."),
    "spill": WallTimePart("spill", "Estimated time of tasks that spilled."),
    "gc": WallTimePart("garbage collection", "Garbage collection during tasks."),
    "straggler": WallTimePart(
        "waiting for the last tasks", "Idle cores beside tasks of stages that have a task for every core."
    ),
    "few_tasks": WallTimePart(
        "idle by too few tasks", "Idle cores beside tasks of stages with fewer tasks than cores."
    ),
    "after_end": WallTimePart("after the end", "Time after the last job or SQL execution."),
}
"""The parts of the wall time; they add up to the duration. While tasks run, the time is divided by cores."""

WHAT_IF: Mapping[str, float] = {"half": 0.5, "twice": 2.0, "four_times": 4.0}
"""Numbers of executors, as factors, for which the duration is estimated."""

CODES = (
    FindingCode(
        "wall_time",
        "application",
        "application",
        "The wall time of the application, divided into parts without remainder.",
        "time without a task by what happened then; time with tasks by cores: those of running tasks by the tasks' "
        "metrics, idle ones by the stages that left them idle",
        "none, informational",
        "Look first at the largest part other than computing.",
        informational=True,
    ),
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
    FindingCode(
        "what_if",
        "application",
        "application",
        "Duration on half, twice and four times the executors, from the application's own tasks.",
        "tasks replayed on that number of cores, with the driver's time as it was; the range is the difference "
        "between a replay on the same cores and the real duration, plus half of the change; of jobs in threads it "
        "also has the duration in another order",
        "none, informational",
        "Add executors only if the duration with twice as many is much shorter. Remove them if half as many suffice.",
        informational=True,
    ),
)
