"""Data that moves between executors."""

from .interface import ON_CORES, FindingCode, Threshold
from .settings import BROADCAST, SMALLER_BROADCAST

CODES = (
    FindingCode(
        "fetch_wait",
        "stage",
        "shuffle",
        "Tasks wait for shuffle blocks of other executors.",
        "shuffle_fetch_wait_ms >= wait_ratio x executor_run_time_ms",
        f"the stage's shuffle_fetch_wait_ms, {ON_CORES}",
        "Shuffle less data (filter, aggregate or broadcast first). Check the network and the disks of the other "
        "executors.",
        (Threshold("wait_ratio", 0.2, "Minimum share of the run time of its tasks."),),
    ),
    FindingCode(
        "broadcast_missed",
        "stage",
        "shuffle",
        "A join shuffles and sorts a large side, although the other side fits into a broadcast.",
        "data size of one exchange <= small_bytes and of the other >= large_bytes, for a join type that can broadcast "
        "the small side",
        "shuffle write time of the large side, and the greater of its fetch wait and sort time, and of the join's run "
        f"time x its rows / (its rows + rows of the join); {ON_CORES}",
        "Broadcast the small side: broadcast(df), a hint, or spark.sql.autoBroadcastJoinThreshold.",
        (
            Threshold("small_bytes", 10e6, "Maximum bytes of the small side."),
            Threshold("large_bytes", 100e6, "Minimum bytes of the large side."),
        ),
        settings=(BROADCAST,),
    ),
    FindingCode(
        "large_broadcast",
        "stage",
        "shuffle",
        "The driver collects and broadcasts a large side of a join.",
        "data size of a BroadcastExchange >= broadcast_bytes",
        "its times to collect, build and broadcast",
        "Broadcast the smaller side, filter it first, or lower spark.sql.autoBroadcastJoinThreshold and remove the "
        "hint, so that Spark shuffles both sides.",
        (Threshold("broadcast_bytes", 200e6, "Minimum bytes of the broadcast."),),
        settings=(SMALLER_BROADCAST,),
    ),
    FindingCode(
        "large_shuffle",
        "job",
        "shuffle",
        "A job shuffles much more data than it reads.",
        "shuffle_write_bytes of its stages >= shuffle_ratio x their input_bytes, and >= shuffle_bytes",
        "shuffle write time and fetch wait of its stages / concurrent tasks",
        "Filter rows and select columns before the shuffle. Aggregate before a join, broadcast its small side, and "
        "look "
        "for a join that multiplies rows.",
        (
            Threshold("shuffle_ratio", 3, "Minimum ratio to the input."),
            Threshold("shuffle_bytes", 500e6, "Minimum bytes shuffled."),
        ),
    ),
)
