"""Run one faulty job or its healthy twin: python -m benchmarks.run_fault NAME faulty|healthy LOG_DIR

NAME is a job of `query_jobs` or `driver_jobs`. The last line of the output is JSON: the share of the machine's CPU time
that other programs used meanwhile. The process needs a session of its own for that.
"""

import json
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from pyspark.sql import SparkSession

from . import driver_jobs, query_jobs

JOBS: dict[str, query_jobs.Job] = {**query_jobs.JOBS, **driver_jobs.JOBS}
_CONF = {
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
    "spark.executorEnv.PYTHONPATH": str(Path(__file__).parent.parent),  # functions of this package run on executors
}


def main() -> None:
    """Run the job; its event log is in LOG_DIR."""
    name, state, logs = sys.argv[1:]
    own = query_jobs.CONF.get(name, ({}, {}))[state != "faulty"]
    others, begin = _machine_cpu_s() - _session_cpu_s(), time.monotonic()
    builder = SparkSession.builder.appName(f"{name}-{state}").master(driver_jobs.MASTERS.get(name, "local[4]"))
    for key, value in {**_CONF, "spark.eventLog.dir": f"file://{logs}", **own}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    with tempfile.TemporaryDirectory(prefix="afterglow-fault-") as folder:
        JOBS[name](spark, state == "faulty", Path(folder))
    others = _machine_cpu_s() - _session_cpu_s() - others
    there = (time.monotonic() - begin) * (os.cpu_count() or 1)
    spark.stop()
    print(json.dumps({"others_ratio": round(max(others / there, 0.0), 3)}))


def _machine_cpu_s() -> float:
    """User and system time of all programs, by the kernel."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def _session_cpu_s() -> float:
    """The same of the processes of this session: Python, the JVMs and their workers."""
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (process / "stat").read_text().rsplit(") ", 1)[1].split()
            if int(fields[3]) == os.getsid(0):
                ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
