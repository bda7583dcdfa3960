"""Executors' memory and running tasks over the application's time."""

import json
from pathlib import Path
from typing import Any

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.derive.timeseries import thin_history
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log, read_view
from afterglow.schemas import spark
from tests.conftest import sample_log

START, MB = 1_700_000_000_000, 10**6


def _log(folder: Path, *events: dict[str, Any]) -> str:
    path = folder / "app-1"
    begin = {"Event": spark.APPLICATION_START, "App Name": "a", "App ID": "app-1", "Timestamp": START, "User": "u"}
    added = {"Event": spark.EXECUTOR_ADDED, "Timestamp": START, "Executor ID": "7", "Executor Info": {"Total Cores": 4}}
    end = {"Event": spark.APPLICATION_END, "Timestamp": START + 10_000}
    path.write_text("\n".join(json.dumps(event) for event in (begin, added, *events, end)))
    return str(path)


def _task(number: int, launch: int, finish: int, gc: int = 0, peaks: dict[str, int] | None = None) -> dict[str, Any]:
    info = {"Task ID": number, "Index": number, "Attempt": 0, "Launch Time": START + launch, "Executor ID": "7"}
    info |= {"Host": "h", "Locality": "ANY", "Speculative": False, "Finish Time": START + finish}
    zeros = dict.fromkeys(spark.EXECUTOR_METRICS.values(), 0)
    return {
        "Event": spark.TASK_END,
        "Stage ID": 0,
        "Stage Attempt ID": 0,
        "Task End Reason": {"Reason": "Success"},
        "Task Info": info,
        "Task Executor Metrics": {**zeros, **(peaks or {})},
        "Task Metrics": {"JVM GC Time": gc, "Executor Run Time": finish - launch},
    }


def test_points_are_true_averages_and_peaks_of_ten_parts(tmp_path: Path) -> None:
    peaks = {"JVMHeapMemory": 5 * MB, "ProcessTreeJVMRSSMemory": 7 * MB, "ProcessTreePythonRSSMemory": 2 * MB}
    stage = {
        "Event": spark.STAGE_COMPLETED,
        "Stage Info": {
            "Stage ID": 0,
            "Stage Attempt ID": 0,
            "Submission Time": START,
            "Completion Time": START + 9_500,
        },
    }
    at_stage = {"Event": spark.STAGE_EXECUTOR_METRICS, "Executor ID": "7", "Stage ID": 0, "Stage Attempt ID": 0}
    at_stage["Executor Metrics"] = {"JVMHeapMemory": 6 * MB, "OnHeapStorageMemory": MB}
    path = _log(tmp_path, _task(0, 0, 2_000, 500, peaks), _task(1, 1_500, 3_000), stage, at_stage)
    (log,) = find_logs([path])
    history = derive(read_view(log)).application.history
    step, time_ms, value = history["system/running_tasks"][1]
    assert (step, time_ms, value) == (1, START + 2_000, 1.5)
    assert [point[2] for point in history["system/cores"]] == [4.0] * 10
    assert history["system/gc_ratio"] == [
        (0, START + 1_000, 0.25),
        (1, START + 2_000, 0.166667),
        (2, START + 3_000, 0.0),
    ]
    heap = [(1, START + 2_000, 5.0), (9, START + 10_000, 6.0)]
    assert history["system/executor 7/heap_megabytes"] == heap
    assert history["system/executor 7/rss_megabytes"] == [(1, START + 2_000, 9.0)]
    assert history["system/executor 7/storage_megabytes"] == [(1, START + 2_000, 0.0), (9, START + 10_000, 1.0)]


def test_what_was_not_polled_is_no_point() -> None:
    (log,) = find_logs([str(sample_log("cv-pipeline"))])
    tables = read_log(log)
    assert len(tables.executor_metrics) == 0
    assert {name for name in derive(ApplicationView(tables)).application.history if name.startswith("system/")} == {
        "system/running_tasks",
        "system/cores",
        "system/gc_ratio",
    }


def test_an_application_that_runs_has_no_points_yet() -> None:
    (log,) = find_logs([str(sample_log("killed-driver"))])
    assert log.in_progress
    assert not derive(read_view(log)).application.history


def test_an_application_of_a_millisecond_in_a_far_year_has_points(tmp_path: Path) -> None:
    far = 253_402_300_700_000 - START  # moments as large as these differ by a 32nd of a millisecond at least
    path = Path(_log(tmp_path, _task(0, far, far + 1)))
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for event in events:
        if "Timestamp" in event:
            event["Timestamp"] = START + far + (event["Event"] == spark.APPLICATION_END)
    path.write_text("\n".join(map(json.dumps, events)))
    app = read_view(*find_logs([str(path)]))
    assert app.duration_ms == 1
    assert [value for _, _, value in derive(app).application.history["system/cores"]] == [4.0]


def test_a_long_history_keeps_its_ends_and_its_highest_points() -> None:
    points = [(step, START + step, 100.0 if step == 777 else float(step % 7)) for step in range(5_000)]
    kept = thin_history(points, 50)
    assert len(kept) <= 50 and list(kept) == sorted(kept)
    assert (kept[0], kept[-1]) == (points[0], points[-1]) and points[777] in kept
    assert thin_history(points[:50], 50) == points[:50]


def test_input_that_is_read_again_is_no_more_data() -> None:
    tree = derive(read_view(find_logs([str(sample_log("annotated-search"))])[0]))
    metrics = tree.application.metrics
    assert 0 < metrics["io/max_stage_input_records"] < metrics["io/input_records"] / 5
