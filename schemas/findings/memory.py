"""Stages that lack memory."""

from .interface import ON_CORES, FindingCode, Threshold

CODES = (
    FindingCode(
        "spill",
        "stage",
        "memory",
        "A stage's data did not fit into memory and was written to disk in between.",
        "disk_spilled_bytes >= spilled_bytes",
        "the greater of memory_spilled_bytes / spill_bytes_per_s, and s / (2 + s) of the run time, where s is the "
        "share of the bytes read that was spilled, at most 1 (spilling a byte is taken for half the work on it); "
        f"{ON_CORES}",
        "Use more partitions (spark.sql.shuffle.partitions), or more executor memory, or fewer tasks at once on each.",
        (
            Threshold("spilled_bytes", 10e6, "Bytes spilled to disk."),
            Threshold("spill_bytes_per_s", 100e6, "Bytes of memory that a task spills and reads back in a second."),
        ),
    ),
    FindingCode(
        "gc",
        "stage",
        "memory",
        "Tasks wait while executors collect garbage.",
        "jvm_gc_time_ms >= gc_ratio x executor_run_time_ms",
        f"the stage's jvm_gc_time_ms above healthy_ratio of its run time, {ON_CORES}",
        "Give executors more memory, cache less or serialized, run fewer tasks at once on each, or make fewer objects.",
        (
            Threshold("gc_ratio", 0.15, "Share of the run time of all its tasks."),
            Threshold("healthy_ratio", 0.03, "Share that any JVM spends."),
        ),
    ),
)
