"""The event rows of a job of one stage with two partitions, whose tasks recorded models of groups."""

from typing import Any

from afterglow.annotate import encode
from afterglow.schemas.annotations import EVENT


def rows_of_models(values: list[list[Any]]) -> dict[str, list[dict[str, Any]]]:
    """Task 0 ran partition 0 in attempt 0 of the stage, task 1 partition 1, and task 2 partition 0 in attempt 1."""
    (text,) = encode.texts("w", 1, [{"event": "models", "time_ms": 1_090, "values": values}])
    place = {"job_id": 0, "stage_id": 0}
    tasks = [(0, 0, 0), (1, 0, 1), (2, 1, 0)]
    rows: dict[str, list[dict[str, Any]]] = {
        "application_start": [{"app_id": "app-1", "start_time_ms": 1_000}],
        "application_end": [{"end_time_ms": 1_100}],
        "job_start": [
            {"job_id": job, "submission_time_ms": 1_000 + job, "stage_ids": [0] * (1 - job)} for job in (0, 1)
        ],
        "job_end": [{"job_id": job, "completion_time_ms": 1_095, "succeeded": True} for job in (0, 1)],
        "job_stages": [{**place, "num_tasks": 2, "rdd_ids": [1]}],
        "job_properties": [{"job_id": 1, "key": EVENT, "value": text}],
        "stage_submitted": [
            {"stage_id": 0, "stage_attempt": attempt, "submission_time_ms": 1_005 + attempt} for attempt in (0, 1)
        ],
        "task_end": [
            {
                "stage_id": 0,
                "stage_attempt": attempt,
                "task_id": task,
                "index": index,
                "attempt": 0,
                "launch_time_ms": 1_010 + task,
                "finish_time_ms": 1_060 + task,
                "reason": "Success",
            }
            for task, attempt, index in tasks
        ],
    }
    order = ("application_start", "job_start", "stage_submitted", "task_end", "job_end", "application_end")
    for at, row in enumerate(row for name in order for row in rows[name]):
        row["at"] = at
    return rows
