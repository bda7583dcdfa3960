"""Small event logs: one job of two tasks each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_MS = 1_760_000_000_000


def small_logs(folder: Path, count: int) -> list[str]:
    """The paths of so many logs, each of its own application."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = folder / f"app-small-{number:04}"
        path.write_text("".join(json.dumps(event) + "\n" for event in _events(number)))
        paths.append(str(path))
    return paths


def _events(number: int) -> Iterator[dict[str, Any]]:
    at = START_MS + 1000 * number
    stage: dict[str, Any] = {"Stage ID": 0, "Stage Attempt ID": 0, "Stage Name": "count at S.scala:5"}
    stage |= {"Number of Tasks": 2, "RDD Info": [], "Parent IDs": [], "Details": "", "Accumulables": []}
    yield {"Event": "SparkListenerLogStart", "Spark Version": "4.0.0"}
    yield {
        "Event": "SparkListenerApplicationStart",
        "App Name": "small",
        "App ID": f"app-small-{number:04}",
        "Timestamp": at,
        "User": "ann",
    }
    executor = {"Host": "h", "Total Cores": 2, "Log Urls": {}}
    yield {"Event": "SparkListenerExecutorAdded", "Timestamp": at, "Executor ID": "1", "Executor Info": executor}
    job = {"Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": at + 10, "Stage IDs": [0]}
    yield {**job, "Stage Infos": [stage], "Properties": {}}
    yield {"Event": "SparkListenerStageSubmitted", "Stage Info": {**stage, "Submission Time": at + 11}}
    for task in range(2):
        info: dict[str, Any] = {"Task ID": task, "Index": task, "Attempt": 0, "Launch Time": at + 20, "Host": "h"}
        info |= {"Executor ID": "1", "Locality": "ANY", "Speculative": False, "Getting Result Time": 0}
        info |= {"Finish Time": at + 50, "Failed": False, "Killed": False, "Accumulables": []}
        end = {"Event": "SparkListenerTaskEnd", "Stage ID": 0, "Stage Attempt ID": 0, "Task Type": "ResultTask"}
        metrics = {"Executor Run Time": 25, "Executor CPU Time": 20_000_000, "JVM GC Time": 1}
        yield {**end, "Task End Reason": {"Reason": "Success"}, "Task Info": info, "Task Metrics": metrics}
    completed = {**stage, "Submission Time": at + 11, "Completion Time": at + 51}
    yield {"Event": "SparkListenerStageCompleted", "Stage Info": completed}
    result = {"Result": "JobSucceeded"}
    yield {"Event": "SparkListenerJobEnd", "Job ID": 0, "Completion Time": at + 52, "Job Result": result}
    yield {"Event": "SparkListenerApplicationEnd", "Timestamp": at + 60}
