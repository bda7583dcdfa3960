"""What is damaged: the lines of the samples, and a small log of every kind of event that becomes a row."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from afterglow.ingest import codecs
from afterglow.ingest.codecs import Gap
from afterglow.schemas import spark

from ..conftest import sample_log

START = 1_750_000_000_000
SAMPLES = ("executor-lost", "failing-tasks", "killed-driver", "skewed-join", "spark35-wordcount", "untrusted-text")
"""Samples of less than a megabyte."""


@cache
def sample_lines(name: str) -> tuple[bytes, ...]:
    """A sample's decompressed lines without their newlines, those of all its segments one after the other."""
    path = sample_log(name)
    files = sorted(p for p in path.iterdir() if p.name.startswith("events_")) if path.is_dir() else [path]
    data = b""
    for file in files:
        with file.open("rb") as raw:
            data += b"".join(chunk for chunk in codecs.open_stream(raw)[1] if not isinstance(chunk, Gap))
    return tuple(data.removesuffix(b"\n").split(b"\n"))


@cache
def small_lines(jobs: int = 3, tasks: int = 3) -> tuple[bytes, ...]:
    """A small log's lines: `jobs` jobs of a SQL execution each, with two stages of `tasks` tasks each."""
    events = _events(jobs, tasks)
    return tuple(json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() for event in events)


def _events(jobs: int, tasks: int) -> Iterator[dict[str, Any]]:
    yield {"Event": spark.LOG_START, "Spark Version": "4.0.0"}
    yield {
        "Event": spark.RESOURCE_PROFILE_ADDED,
        "Resource Profile Id": 0,
        "Executor Resource Requests": {"cores": {"Resource Name": "cores", "Amount": 2}},
        "Task Resource Requests": {"cpus": {"Resource Name": "cpus", "Amount": 1.0}},
    }
    yield {
        "Event": spark.ENVIRONMENT_UPDATE,
        "JVM Information": {"Java Version": "17"},
        "Spark Properties": {"spark.master": "yarn", "spark.app.id": "app-small"},
        "Classpath Entries": {},
    }
    yield {
        "Event": spark.APPLICATION_START,
        "App Name": "kleines Ärgernis",
        "App ID": "app-small",
        "Timestamp": START,
        "User": "ml",
    }
    for executor in ("1", "2"):
        yield {
            "Event": spark.EXECUTOR_ADDED,
            "Timestamp": START + 1,
            "Executor ID": executor,
            "Executor Info": {"Host": f"host-{executor}", "Total Cores": 2, "Log Urls": {}, "Attributes": {}},
        }
        yield {
            "Event": spark.BLOCK_MANAGER_ADDED,
            "Timestamp": START + 2,
            "Maximum Memory": 1000,
            "Block Manager ID": {"Executor ID": executor, "Host": f"host-{executor}", "Port": 1},
        }
    task = 0
    for job in range(jobs):
        now = START + 1000 * (job + 1)
        stages = [2 * job, 2 * job + 1]
        plan = {
            "nodeName": "Scan parquet ",
            "simpleString": "FileScan parquet [id#0L]",
            "children": [],
            "metrics": [],
            "metadata": {"Location": f"InMemoryFileIndex(1 paths)[file:/in/{job}]", "Format": "Parquet"},
        }
        yield {
            "Event": spark.SQL_START,
            "executionId": job,
            "rootExecutionId": job,
            "description": f'query "{job}"',
            "details": "",
            "physicalPlanDescription": "== Plan ==",
            "sparkPlanInfo": plan,
            "time": now,
        }
        yield {
            "Event": spark.JOB_START,
            "Job ID": job,
            "Submission Time": now,
            "Stage Infos": [_stage(stage, tasks) for stage in stages],
            "Stage IDs": stages,
            "Properties": {"spark.sql.execution.id": str(job), "spark.job.description": f"step {job}"},
        }
        for stage in stages:
            yield {
                "Event": spark.STAGE_SUBMITTED,
                "Stage Info": _stage(stage, tasks, **{"Submission Time": now + 10}),
                "Properties": {},
            }
            for index in range(tasks):
                failed = (stage, index) == (1, 1)
                yield _task(spark.TASK_START, stage, task, index, now + 20, failed)
                yield _task(spark.TASK_END, stage, task, index, now + 20, failed)
                task += 1
                if failed:
                    yield _task(spark.TASK_START, stage, task, index, now + 30, False, attempt=1)
                    yield _task(spark.TASK_END, stage, task, index, now + 30, False, attempt=1)
                    task += 1
            yield {
                "Event": spark.STAGE_COMPLETED,
                "Stage Info": _stage(stage, tasks, **{"Submission Time": now + 10, "Completion Time": now + 400}),
            }
        yield {
            "Event": spark.JOB_END,
            "Job ID": job,
            "Completion Time": now + 500,
            "Job Result": {"Result": "JobSucceeded"},
        }
        yield {"Event": spark.SQL_END, "executionId": job, "time": now + 510, "errorMessage": ""}
    yield {"Event": spark.EXECUTOR_REMOVED, "Timestamp": START + 90_000, "Executor ID": "2", "Removed Reason": "idle"}
    yield {"Event": spark.APPLICATION_END, "Timestamp": START + 100_000, "ExitCode": 0}


def _stage(stage: int, tasks: int, **times: int) -> dict[str, Any]:
    rdd = {
        "RDD ID": stage,
        "Name": "MapPartitionsRDD",
        "Callsite": "map at train.py:10",
        "Parent IDs": [],
        "Storage Level": {"Use Disk": False, "Use Memory": False, "Replication": 1},
    }
    return {
        "Stage ID": stage,
        "Stage Attempt ID": 0,
        "Stage Name": f"count at train.py:{stage}",
        "Number of Tasks": tasks,
        "RDD Info": [rdd],
        "Parent IDs": [stage - 1] if stage % 2 else [],
        "Details": "org.apache.spark.rdd.RDD.count",
        **times,
        "Accumulables": [],
    }


def _task(event: str, stage: int, task: int, index: int, launch: int, failed: bool, attempt: int = 0) -> dict[str, Any]:
    info: dict[str, Any] = {
        "Task ID": task,
        "Index": index,
        "Attempt": attempt,
        "Partition ID": index,
        "Launch Time": launch,
        "Executor ID": str(1 + task % 2),
        "Host": f"host-{1 + task % 2}",
        "Locality": "ANY",
        "Speculative": False,
        "Getting Result Time": 0,
        "Finish Time": 0,
        "Failed": False,
        "Killed": False,
        "Accumulables": [],
    }
    found = {"Event": event, "Stage ID": stage, "Stage Attempt ID": 0}
    if event == spark.TASK_START:
        return {**found, "Task Info": info}
    info |= {
        "Finish Time": launch + 50 + task,
        "Failed": failed,
        "Accumulables": [
            {
                "ID": 1,
                "Name": "internal.metrics.resultSize",
                "Update": 5,
                "Value": 9,
                "Internal": True,
                "Count Failed Values": True,
            },
            {
                "ID": 2,
                "Name": "rows",
                "Update": str(task),
                "Value": "99",
                "Internal": False,
                "Count Failed Values": False,
            },
        ]
        if task % 3
        else [],
    }
    reason = (
        {"Reason": "Success"}
        if not failed
        else {
            "Reason": "ExceptionFailure",
            "Class Name": "java.lang.IllegalStateException",
            "Description": 'so \\ "it" goes\n',
            "Stack Trace": [],
            "Full Stack Trace": "",
            "Accumulator Updates": [],
        }
    )
    metrics = {
        "Executor Deserialize Time": 2,
        "Executor Deserialize CPU Time": 1_500_000,
        "Executor Run Time": 40 + task,
        "Executor CPU Time": 30_000_000,
        "Peak Execution Memory": 1024,
        "Result Size": 2535,
        "JVM GC Time": 3,
        "Result Serialization Time": 1,
        "Memory Bytes Spilled": 0,
        "Disk Bytes Spilled": 0,
        "Shuffle Read Metrics": {
            "Remote Blocks Fetched": 1,
            "Local Blocks Fetched": 3,
            "Fetch Wait Time": 4,
            "Remote Bytes Read": 10 * task,
            "Local Bytes Read": 7,
            "Total Records Read": 11,
        },
        "Shuffle Write Metrics": {"Shuffle Bytes Written": 59, "Shuffle Write Time": 704, "Shuffle Records Written": 1},
        "Input Metrics": {"Bytes Read": 0, "Records Read": 50},
        "Output Metrics": {"Bytes Written": 0, "Records Written": 0},
        "Updated Blocks": [],
    }
    return {
        **found,
        "Task Type": "ResultTask",
        "Task End Reason": reason,
        "Task Info": info,
        "Task Executor Metrics": {"JVMHeapMemory": task},
        "Task Metrics": metrics,
    }
