"""Data that moves between machines."""

from .interface import ON_CORES, FindingCode, Threshold

CODES = (
    FindingCode(
        "fetch_wait",
        "stage",
        "shuffle",
        "Tasks wait for shuffle blocks from other machines.",
        "shuffle_fetch_wait_ms >= wait_ratio x executor_run_time_ms",
        f"the stage's shuffle_fetch_wait_ms, {ON_CORES}",
        "Shuffle less (filter, aggregate or broadcast before), and look at the network and at the disks that serve it.",
        (Threshold("wait_ratio", 0.2, "Share of the run time of all its tasks."),),
    ),
    FindingCode(
        "large_shuffle",
        "job",
        "shuffle",
        "A job moves far more data between its stages than it reads.",
        "shuffle_write_bytes of its stages >= shuffle_ratio x their input_bytes, and >= shuffle_bytes",
        "shuffle write time and fetch wait of its stages, each divided by the tasks that ran at the same time",
        "Filter and select columns before the shuffle, aggregate before a join, broadcast its small side, and look for "
        "rows that a join multiplies.",
        (
            Threshold("shuffle_ratio", 3, "Times its input."),
            Threshold("shuffle_bytes", 500e6, "Bytes shuffled."),
        ),
    ),
)
