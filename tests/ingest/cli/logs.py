"""A small event log, as text."""

import json
from pathlib import Path
from typing import Any


def write_log(
    folder: Any,
    name: str = "job",
    app_id: str = "app-1",
    start_ms: int = 1_700_000_000_000,
    tasks: int = 2,
    file: str = "log",
    duration_ms: int = 2000,
    exit_code: int | None = None,
) -> Path:
    """Writes the log of an application with one job of one stage."""
    end_ms = start_ms + duration_ms - 1000
    stage = {
        "Stage ID": 0, "Stage Attempt ID": 0, "Stage Name": "count at a.py:1", "Number of Tasks": tasks, "RDD Info": [],
        "Parent IDs": [], "Details": "", "Submission Time": start_ms + 100, "Accumulables": [],
    }  # fmt: skip
    info = {"Executor ID": "driver", "Host": "h", "Locality": "ANY", "Speculative": False, "Getting Result Time": 0}
    events: list[dict[str, Any]] = [
        {"Event": "SparkListenerLogStart", "Spark Version": "3.5.0"},
        {"Event": "SparkListenerApplicationStart", "App Name": name, "App ID": app_id,
         "Timestamp": start_ms, "User": "u"},
        {"Event": "SparkListenerJobStart", "Job ID": 0, "Submission Time": start_ms + 100, "Stage Infos": [stage],
         "Stage IDs": [0], "Properties": {}},
        {"Event": "SparkListenerStageSubmitted", "Stage Info": stage, "Properties": {}},
        *(
            {"Event": "SparkListenerTaskEnd", "Stage ID": 0, "Stage Attempt ID": 0, "Task Type": "ResultTask",
             "Task End Reason": {"Reason": "Success"},
             "Task Info": {"Task ID": i, "Index": i, "Attempt": 0, "Launch Time": start_ms + 200, **info,
                           "Finish Time": end_ms - 100, "Failed": False, "Killed": False, "Accumulables": []}}
            for i in range(tasks)
        ),
        {"Event": "SparkListenerStageCompleted", "Stage Info": {**stage, "Completion Time": end_ms - 50}},
        {"Event": "SparkListenerJobEnd", "Job ID": 0, "Completion Time": end_ms,
         "Job Result": {"Result": "JobSucceeded"}},
        {"Event": "SparkListenerApplicationEnd", "Timestamp": start_ms + duration_ms,
         **({} if exit_code is None else {"ExitCode": exit_code})},
    ]  # fmt: skip
    path = Path(str(folder)) / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path
