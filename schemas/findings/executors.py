"""Executors and hosts that are slower than the others."""

from .interface import Cause, FindingCode, Threshold
from .settings import EXCLUDE_MACHINES, MORE_MEMORY, SPECULATION, YOUNG_GENERATION

CODES = (
    FindingCode(
        "slow_executor",
        "executor",
        "executors",
        "Tasks take longer on one executor than on the others, in all stages.",
        "over all stages: sum of (its tasks x their median duration) >= slow_ratio x sum of (its tasks x the median "
        "of the "
        "other executors), also per byte read, for at least `tasks` tasks of which >= consistent_ratio exceed the "
        "others' median; an executor's first tasks do not count",
        "per stage the greater of the excess of its tasks / concurrent tasks, and the time in which only this "
        "executor's "
        "tasks ran",
        "Check the machine (disk, CPU throttling, other tenants). Exclude it (spark.excludeOnFailure, node labels) or "
        "turn on spark.speculation.",
        (
            Threshold("slow_ratio", 1.5, "Ratio to the duration of the other tasks."),
            Threshold("tasks", 6, "Minimum number of tasks on the executor."),
            Threshold("consistent_ratio", 0.7, "Share of its tasks that are slower than the others' median."),
        ),
        (
            Cause(
                "garbage collection",
                "At least half of the excess is garbage collection.",
                "Give executors more memory, or run fewer concurrent tasks on each.",
                settings=(MORE_MEMORY, YOUNG_GENERATION),
            ),
            Cause(
                "waiting",
                "Most of the excess is not CPU time. Its tasks wait for the CPU, disk or network.",
                "Check the machine for throttling, other tenants, and a slow disk or network. Exclude it, or turn on "
                "spark.speculation.",
            ),
            Cause(
                "slow CPU",
                "At least half of the excess is CPU time. Its tasks need more CPU for the same work.",
                "Use machines of one type, or turn on spark.speculation.",
            ),
        ),
        settings=(SPECULATION, EXCLUDE_MACHINES),
    ),
    FindingCode(
        "slow_host",
        "host",
        "executors",
        "Tasks take longer on one host than on the others, on all its executors and in all stages.",
        "as slow_executor, for hosts with more than one executor",
        "as slow_executor",
        "Check the machine (disk, CPU throttling, other tenants), or exclude it (spark.excludeOnFailure, node labels).",
        (
            Threshold("slow_ratio", 1.5, "Ratio to the duration of the other tasks."),
            Threshold("tasks", 10, "Minimum number of tasks on the host."),
            Threshold("consistent_ratio", 0.7, "Share of its tasks that are slower than the others' median."),
        ),
        settings=(SPECULATION, EXCLUDE_MACHINES),
    ),
)
