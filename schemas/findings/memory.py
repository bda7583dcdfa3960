"""Stages with too little memory."""

from .interface import ON_CORES, FindingCode, Threshold
from .settings import MEMORY_FRACTION, MORE_MEMORY, MORE_PARTITIONS, YOUNG_GENERATION

CODES = (
    FindingCode(
        "spill",
        "stage",
        "memory",
        "A stage's data did not fit into memory and was spilled to disk.",
        "disk_spilled_bytes >= spilled_bytes",
        "the greater of memory_spilled_bytes / spill_bytes_per_s, and s / (2 + s) of the run time, where s is the "
        "spilled share of the bytes read, at most 1; "
        f"{ON_CORES}",
        "Use more partitions (spark.sql.shuffle.partitions), more executor memory, or fewer concurrent tasks per "
        "executor.",
        (
            Threshold("spilled_bytes", 10e6, "Minimum bytes spilled to disk."),
            Threshold("spill_bytes_per_s", 100e6, "Rate at which a task spills and reads memory, in bytes per second."),
        ),
        settings=(MEMORY_FRACTION, MORE_PARTITIONS, MORE_MEMORY),
    ),
    FindingCode(
        "gc",
        "stage",
        "memory",
        "Tasks wait for garbage collection.",
        "jvm_gc_time_ms >= gc_ratio x executor_run_time_ms",
        f"the stage's jvm_gc_time_ms above healthy_ratio of its run time, {ON_CORES}",
        "Give executors more memory, cache less or serialized, run fewer concurrent tasks, or create fewer objects.",
        (
            Threshold("gc_ratio", 0.15, "Minimum share of the run time of its tasks."),
            Threshold("healthy_ratio", 0.03, "Share that is normal for a JVM."),
        ),
        settings=(YOUNG_GENERATION, MORE_MEMORY),
    ),
)
