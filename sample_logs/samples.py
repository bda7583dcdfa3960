"""What samples there are: the job that makes each, how its log is written, and what the log must then show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SINGLE = {"spark.eventLog.rolling.enabled": "false"}
PLAIN = SINGLE | {"spark.eventLog.compress": "false"}
ZSTD = SINGLE | {"spark.eventLog.compress": "true", "spark.eventLog.compression.codec": "zstd"}
ROLLING_ZSTD = {
    "spark.eventLog.rolling.enabled": "true",
    "spark.eventLog.compress": "true",
    "spark.eventLog.compression.codec": "zstd",
}
STANDALONE = "spark://127.0.0.1:7077"


@dataclass(frozen=True)
class Sample:
    """One folder of sample_logs.

    `shows` holds exact counts of the log (see readlog.count), `shows_at_least` those that vary from run to run.
    """

    name: str
    pins: str
    script: str
    conf: Mapping[str, str]
    shows: Mapping[str, int] = field(default_factory=dict)
    shows_at_least: Mapping[str, int] = field(default_factory=dict)
    spark: str = "4"
    truth: bool = False
    gzip: bool = False
    annotate: bool = False  # the job imports afterglow.annotate


SAMPLES = (
    Sample(
        name="cv-pipeline",
        pins="CrossValidator over a Pipeline, 3 folds x 2 param maps, with the truth of every job",
        script="cv_pipeline.py",
        conf=ROLLING_ZSTD,
        shows={"failed_tasks": 0},
        shows_at_least={"jobs": 20, "skipped_stages": 1},
        truth=True,
    ),
    Sample(
        name="tvs-forest",
        pins="TrainValidationSplit over a random forest, 2 param maps, with the truth of every job; "
        "no `internal.metrics` among the `Accumulables` of its TaskEnds (SPARK-42204)",
        script="tvs_forest.py",
        conf=ZSTD | {"spark.eventLog.includeTaskMetricsAccumulators": "false"},
        shows={"failed_tasks": 0},
        shows_at_least={"jobs": 10},
        truth=True,
    ),
    Sample(
        name="annotated-search",
        pins="CrossValidator over a random forest with annotate.autolog(), 2 folds x 4 param maps, two trials at a "
        "time; params, metrics and the trial of every job",
        script="annotated_search.py",
        conf=ZSTD | {"spark.eventLog.includeTaskMetricsAccumulators": "false"},
        shows={"failed_tasks": 0},
        shows_at_least={"jobs": 30},
        annotate=True,
    ),
    Sample(
        name="skewed-join",
        pins="one straggler that also spills; job groups and descriptions; scans of Parquet and CSV; output",
        script="skewed_join.py",
        conf=ZSTD
        | {
            "spark.sql.shuffle.partitions": "6",
            "spark.sql.adaptive.skewJoin.enabled": "false",
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
            "spark.sql.autoBroadcastJoinThreshold": "-1",
            "spark.shuffle.spill.numElementsForceSpillThreshold": "8000",
        },
        shows={"failed_tasks": 0},
        shows_at_least={"spilling_tasks": 1, "tasks": 12},
    ),
    Sample(
        name="broadcast-join",
        pins="the job of skewed-join with a broadcast join, and so without the skewed shuffle: a pair to compare",
        script="skewed_join.py",
        conf=ZSTD | {"spark.sql.shuffle.partitions": "6", "spark.sql.adaptive.coalescePartitions.enabled": "false"},
        shows={"failed_tasks": 0, "spilling_tasks": 0},
        shows_at_least={"tasks": 10},
    ),
    Sample(
        name="failing-tasks",
        pins="tasks that fail and are tried again, a job that fails, named user accumulators; Scala (spark-shell)",
        script="failing_tasks.scala",
        conf=PLAIN | {"spark.master": "local[2,4]"},
        shows={"jobs": 3, "failed_jobs": 1, "failed_tasks": 7},
    ),
    Sample(
        name="cached-and-skipped",
        pins="skipped stages (reused shuffles, cached data), unpersist, and a job that has no stage",
        script="cached_and_skipped.py",
        conf=ZSTD,
        shows={"jobs_without_stages": 1, "failed_tasks": 0},
        shows_at_least={"skipped_stages": 5},
    ),
    Sample(
        name="spark35-wordcount",
        pins="Spark 3.5, and gzip (Databricks keeps its logs so; the plain log was compressed afterwards)",
        script="wordcount.py",
        conf=PLAIN,
        shows={"failed_tasks": 0},
        shows_at_least={"jobs": 2},
        spark="3.5",
        gzip=True,
    ),
    Sample(
        name="untrusted-text",
        pins="HTML, markdown, terminal escapes, credentials and very long text in names, descriptions, groups, errors "
        "and settings",
        script="untrusted_text.py",
        conf=PLAIN,
        shows={"jobs": 6, "failed_jobs": 1},
    ),
    Sample(
        name="killed-driver",
        pins="a driver killed by SIGKILL: `.inprogress`, no ApplicationEnd, a job and tasks without an end",
        script="killed_driver.py",
        conf=PLAIN | {"spark.master": "local[3]"},
        shows={"application_ends": 0, "unfinished_jobs": 1},
        shows_at_least={"unfinished_tasks": 2},
    ),
    Sample(
        name="executor-lost",
        pins="an executor that dies: ExecutorRemoved, Resubmitted tasks, fetch failures, second stage attempts; "
        "a standalone cluster of two hosts, with remote shuffle reads",
        script="executor_lost.py",
        conf=ZSTD | {"spark.master": STANDALONE, "spark.executor.memory": "512m", "spark.shuffle.io.maxRetries": "1"},
        shows={"executors_removed": 1},
        shows_at_least={"resubmitted_tasks": 1, "fetch_failed_tasks": 1, "stage_reattempts": 1},
    ),
    Sample(
        name="rolled-segments",
        pins="a log in two segments, with lines of more than 1 MB",
        script="long_lines.py",
        conf=ROLLING_ZSTD | {"spark.eventLog.rolling.maxFileSize": "10m"},
        shows={"jobs": 4, "stages": 4, "tasks": 8, "failed_tasks": 0, "segments": 2},
    ),
    *(
        Sample(
            name=f"codec-{codec}",
            pins=f"the {codec} codec as Spark frames it",
            script="wordcount.py",
            conf=SINGLE | {"spark.eventLog.compress": "true", "spark.eventLog.compression.codec": codec},
            shows={"failed_tasks": 0},
            shows_at_least={"jobs": 2},
        )
        for codec in ("lz4", "snappy", "lzf")
    ),
)
