"""Spark SQL jobs that each have one fault in their plan or their files, and their healthy twins.

What has to be found in each is in `real_faults`.
"""

import gzip
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import LongType

from .seeded_jobs import _BURN

Job = Callable[[SparkSession, bool, Path], None]


def exploded_rows(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """An explode makes 600 rows of each, which an aggregate then counts; the twin has the size of the array."""
    rows = spark.range(0, 100_000, 1, 4).selectExpr("id % 100 as key", "sequence(1, 600) as many", "id")
    if faulty:
        exploded = rows.select("key", "id", F.explode("many").alias("one"))
        exploded.groupBy("key").agg(F.max(F.xxhash64("id", "one")), F.count("*")).collect()
    else:
        rows.groupBy("key").agg(F.max(F.xxhash64("id")), F.sum(F.size("many"))).collect()


def python_rows(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A Python function computes what an expression of SQL can."""
    rows = spark.range(0, 2_500_000, 1, 4)

    def mixed(number: int) -> int:
        return (number * 31 + 7) % 1_000_003

    column = F.udf(mixed, LongType(), useArrow=False)("id") if faulty else F.expr("(id * 31 + 7) % 1000003")
    rows.select(column.alias("mixed")).agg(F.sum("mixed")).collect()


def small_output(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """Every task writes a file per day: 3,600 files; the twin repartitions by day and writes 60."""
    rows = spark.range(0, 600_000, 1, 60).selectExpr("id", "hash(id) % 30 as day")
    (rows if faulty else rows.repartition(4, "day")).write.partitionBy("day").parquet(str(folder / "out"))


def repeated_counts(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """Five actions compute one data frame; the twin persists it."""
    rows = spark.range(0, 1_500_000, 1, 4).withColumn("hash", F.expr(_BURN)).withColumn("n", F.length("hash"))
    if not faulty:
        rows = rows.persist()
    rows.count()
    for least in range(4):
        rows.where(F.col("hash") > str(least)).agg(F.max("n"), F.min("hash")).collect()


def unused_cache(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A data frame is persisted and counted, and nothing reads it again."""
    rows = spark.range(0, 8_000_000, 1, 4).selectExpr("id", "repeat(cast(id as string), 6) as text", "id % 91 as key")
    if faulty:
        rows.persist()
    rows.count()
    spark.range(0, 3_000_000, 1, 4).agg(F.max(F.expr(_BURN))).collect()


def evicted_cache(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """An RDD of which half fits into memory is persisted in memory and read four times. The twin has the memory."""
    rows = spark.sparkContext.parallelize(range(16), 16).map(_large_block)
    rows.persist()
    for _ in range(4):
        rows.map(len).sum()


def _large_block(number: int) -> bytes:
    """6 MB that take a second to compute and do not compress."""
    import hashlib

    parts, text = [], str(number).encode()
    for _ in range(94_000):
        text = hashlib.sha512(text * 40).digest()
        parts.append(text)
    return b"".join(parts)


def many_frames(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """The union of 250 data frames with a column each, which the driver plans for long. The twin has one frame."""
    if faulty:
        frame = spark.range(0, 10, 1, 1).withColumn("part", F.lit(0))
        for part in range(1, 250):
            other = spark.range(0, 10, 1, 1).withColumn("part", F.lit(part))
            frame = frame.unionByName(other.withColumn("twice", F.col("id") * 2).drop("twice"))
    else:
        frame = spark.range(0, 2_500, 1, 4).withColumn("part", F.expr("id % 250"))
    for limit in range(3):
        frame.where(F.col("id") > limit).groupBy("part").count().coalesce(4).collect()


def late_filter(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A query needs one day of ninety. The twin's table is partitioned by the day."""
    rows = spark.range(0, 12_000_000, 1, 8).selectExpr("id", "uuid() as text", "id % 90 as day")
    path = str(folder / "table")
    if faulty:
        rows.write.parquet(path)
    else:
        rows.repartition(4, "day").write.partitionBy("day").parquet(path)
    for day in (5, 6, 7):
        found = spark.read.parquet(path).where(F.col("day").cast("int") == day)
        found.agg(F.count("*"), F.max("text")).collect()


def every_pair(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A join by a range of numbers compares every pair. The twin has an equality of buckets too."""
    left = spark.range(0, 40_000, 1, 4).selectExpr("id as a", "id div 100 as bucket_a")
    right = spark.range(0, 40_000, 1, 4).selectExpr("id as b", "id div 100 as bucket_b")
    near = (F.abs(F.col("a") - F.col("b")) < 3) & (F.expr("hash(a + b) % 3 = 0"))
    if not faulty:
        near = near & (F.col("bucket_a") == F.col("bucket_b"))
    left.join(right, near).groupBy().count().collect()


def broadcast_large(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A hint broadcasts the large side of a join. The twin broadcasts the small one."""
    large = spark.range(0, 8_000_000, 1, 4).selectExpr("id as key", "repeat(cast(id as string), 4) as text")
    small = spark.range(0, 2_000, 1, 2).selectExpr("id * 7 as key", "id as value")
    joined = small.join(F.broadcast(large), "key") if faulty else large.join(F.broadcast(small), "key")
    joined.agg(F.max("text"), F.sum("value")).collect()


def sorted_join(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A join shuffles and sorts 200 MB because broadcasts are off. The twin broadcasts the small side."""
    large = spark.range(0, 6_000_000, 1, 4).selectExpr("hash(id) % 5000 as key", "repeat(uuid(), 2) as text")
    small = spark.range(0, 2_000, 1, 2).selectExpr("id as key", "id as value")
    large.join(small, "key").agg(F.max("text"), F.sum("value")).collect()


def gzip_input(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """One gzip file, which a single task has to read. The twin has eight."""
    lines = "".join(f"{number},{number * 7919 % 1_000_003},{'x' * (number % 23)}\n" for number in range(60_000))
    number = 1 if faulty else 8
    for part in range(number):
        with gzip.open(folder / f"part-{part}.csv.gz", "wt", compresslevel=1) as file:
            for _ in range(64 // number):
                file.write(lines)
    rows = spark.read.csv(str(folder), schema="a long, b long, c string")
    rows.selectExpr("max(hex(sha2(concat(a, b, c), 512)))").collect()


def skewed_group(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """One group has 80 % of the rows, which are collected and chained into a hash in one task."""
    key = "case when id % 10 < 8 then 0 else id % 4999 end" if faulty else "id % 4999"
    rows = spark.range(0, 1_200_000, 1, 4).selectExpr(f"{key} as key", "hash(id) as value")
    rows.groupBy("key").agg(F.sort_array(F.collect_list("value")).alias("all")).selectExpr(
        "max(aggregate(all, '', (hash, value) -> sha2(concat(hash, repeat('x', 2000), value), 512)))"
    ).collect()


def null_keys(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """Two thirds of a join's keys are null, and go to one task. The twin leaves them out before an outer join."""
    key = "case when id % 3 > 0 then null else hash(id) % 100000 end" if faulty else "hash(id) % 100000"
    left = spark.range(0, 4_000_000, 1, 4).selectExpr(f"{key} as key", "uuid() as text")
    right = spark.range(0, 1_000_000, 1, 4).selectExpr("id as key", "id as value")
    joined = left.join(right.hint("merge"), "key", "left")
    joined.selectExpr("max(hex(sha2(concat(text, coalesce(value, 0)), 512)))").collect()


def whole_window(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A window without a partition moves all rows into one task."""
    rows = spark.range(0, 2_000_000, 1, 4).selectExpr("hash(id) as value", "id % 64 as key")
    window = Window.orderBy("value") if faulty else Window.partitionBy("key").orderBy("value")
    rows.select(F.row_number().over(window).alias("place"), "value").agg(F.max("place"), F.sum("value")).collect()


def one_writer(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """`coalesce(1)` before the write makes one task compute everything."""
    rows: DataFrame = spark.range(0, 3_000_000, 1, 8).select("id", F.expr(_BURN).alias("hash"))
    (rows.coalesce(1) if faulty else rows).write.parquet(str(folder / "out"))


def many_partitions(spark: SparkSession, faulty: bool, folder: Path) -> None:
    """A small aggregate into 3,000 shuffle partitions (see `CONF`)."""
    spark.range(0, 300_000, 1, 4).groupBy(F.expr("id % 1000").alias("key")).agg(F.sum("id")).collect()


JOBS: dict[str, Job] = {
    job.__name__: job
    for job in (
        exploded_rows,
        python_rows,
        small_output,
        repeated_counts,
        unused_cache,
        evicted_cache,
        many_frames,
        late_filter,
        every_pair,
        broadcast_large,
        sorted_join,
        gzip_input,
        skewed_group,
        null_keys,
        whole_window,
        one_writer,
        many_partitions,
    )
}
# Of those whose fault is a setting: the settings of the faulty job, and of its twin.
CONF: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "many_partitions": ({"spark.sql.shuffle.partitions": "3000"}, {"spark.sql.shuffle.partitions": "4"}),
    "sorted_join": ({"spark.sql.autoBroadcastJoinThreshold": "-1"}, {}),
    "evicted_cache": (
        {"spark.driver.memory": "600m", "spark.memory.fraction": "0.2"},
        {"spark.driver.memory": "1500m"},
    ),
}
