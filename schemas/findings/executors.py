"""Machines that are slower than the others."""

from .interface import Cause, FindingCode, Threshold

CODES = (
    FindingCode(
        "slow_executor",
        "executor",
        "executors",
        "Tasks take longer on one executor than on the others, in all stages.",
        "over all stages: the sum of (tasks of the executor x their median duration) >= slow_ratio x the sum of (tasks "
        "of the executor x the median duration of the other executors' tasks of that stage), also per byte read, over "
        "at least `tasks` tasks, of which >= consistent_ratio take longer than the others' median; an executor's first "
        "tasks do not count",
        "per stage the greater of: the excess of its tasks divided by the tasks that ran at the same time; how long "
        "the stage ran on with this executor's tasks only",
        "Look at the machine (disk, CPU throttling, other tenants), exclude it (spark.excludeOnFailure, node labels), "
        "or turn on spark.speculation.",
        (
            Threshold("slow_ratio", 1.5, "Times what the others' tasks take."),
            Threshold("tasks", 6, "Tasks on the executor, at least."),
            Threshold("consistent_ratio", 0.7, "Share of its tasks that are slower than the others' median."),
        ),
        (
            Cause(
                "garbage collection",
                "Half of the excess or more is time in garbage collection.",
                "Give executors more memory, or run fewer tasks at once on each.",
            ),
            Cause(
                "waiting",
                "Most of the excess is no CPU time: its tasks do not get the CPU, or wait for disk or network.",
                "Look for throttling, other tenants, and a slow disk or network on the machine; exclude it, or turn on "
                "spark.speculation.",
            ),
            Cause(
                "slow CPU",
                "Half of the excess or more is CPU time: its tasks use more for the same work.",
                "Use machines of one kind, or turn on spark.speculation.",
            ),
        ),
    ),
    FindingCode(
        "slow_host",
        "host",
        "executors",
        "Tasks take longer on one host than on the others, on all of its executors and in all stages.",
        "as slow_executor, for hosts with more than one executor",
        "as slow_executor",
        "Look at the machine (disk, CPU throttling, other tenants), or exclude it (spark.excludeOnFailure, node "
        "labels).",
        (
            Threshold("slow_ratio", 1.5, "Times what the others' tasks take."),
            Threshold("tasks", 10, "Tasks on the host, at least."),
            Threshold("consistent_ratio", 0.7, "Share of its tasks that are slower than the others' median."),
        ),
    ),
)
