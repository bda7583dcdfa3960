"""Persisted data that is not used, or not there when it is used."""

from .interface import ON_CORES, Cause, FindingCode, Threshold

CODES = (
    FindingCode(
        "cache_lost",
        "stage",
        "caching",
        "Persisted data was not in memory when an action read it, and was computed again.",
        "tasks of a later stage on a persisted RDD that read no block of it, beside others that did, and whose run "
        "time is >= part_ratio x the median of the stage that persisted it",
        f"the run time of these tasks above the median of those that read a block, {ON_CORES}",
        "See the cause.",
        (Threshold("part_ratio", 0.5, "Minimum ratio to the run time of the first computation."),),
        (
            Cause(
                "memory",
                "Storage memory was too small for all blocks, so that some were not kept.",
                "Persist with MEMORY_AND_DISK or in serialized form, persist fewer columns, unpersist other data, or "
                "give executors more memory.",
            ),
            Cause(
                "executor lost",
                "An executor was lost, and its blocks with it.",
                "See the finding executor_lost. Persist with two replicas (MEMORY_AND_DISK_2) if executors are often "
                "lost.",
            ),
        ),
    ),
    FindingCode(
        "cache_unused",
        "stage",
        "caching",
        "Data is persisted, and no later action reads it.",
        "a persisted RDD that the stages of one action read, of an application that ended; not for fits and searches",
        "stored_ratio x the time of these stages, which compute and store the data",
        "Remove the call of persist() or cache(), or let later actions use the persisted data frame.",
        (Threshold("stored_ratio", 0.5, "Share of these stages' time that storing takes."),),
        at_most="warning",
    ),
)
