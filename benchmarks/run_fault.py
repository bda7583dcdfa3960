"""Run one faulty job or its healthy twin: python -m benchmarks.run_fault NAME faulty|healthy LOG_DIR

NAME is a job of `query_jobs` or `driver_jobs`.
"""

import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

from . import driver_jobs, query_jobs

JOBS: dict[str, query_jobs.Job] = {**query_jobs.JOBS, **driver_jobs.JOBS}
_CONF = {
    "spark.master": "local[4]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.executor.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.adaptive.enabled": "false",
    "spark.eventLog.enabled": "true",
    "spark.eventLog.rolling.enabled": "false",
}


def main() -> None:
    """Run the job; its event log is in LOG_DIR."""
    name, state, logs = sys.argv[1:]
    own = query_jobs.CONF.get(name, ({}, {}))[state != "faulty"]
    master = {"spark.master": "local-cluster[2,1,1024]"} if name in driver_jobs.CLUSTER else {}
    builder = SparkSession.builder.appName(f"{name}-{state}")
    for key, value in {**_CONF, **master, "spark.eventLog.dir": f"file://{logs}", **own}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    with tempfile.TemporaryDirectory(prefix="afterglow-fault-") as folder:
        JOBS[name](spark, state == "faulty", Path(folder))
    spark.stop()


if __name__ == "__main__":
    main()
