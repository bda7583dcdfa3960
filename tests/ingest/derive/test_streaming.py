"""Structured streaming queries as runs, and the limits of job, stage and history rows."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ImportOptions
from afterglow.ingest.pipeline import derive_tree, read_view
from afterglow.schemas.runs.limits import QUERY_JOB_RUNS
from afterglow.schemas.runs.metrics import RUN_METRICS
from afterglow.schemas.runs.tree import Run

START_MS = 1_760_000_000_000
BATCHES = 120
LISTENER = "org.apache.spark.sql.streaming.StreamingQueryListener$"
IDS = {"id": "11111111-aaaa-4aaa-8aaa-111111111111", "runId": "22222222-bbbb-4bbb-8bbb-222222222222"}
FAILED = 40


def events(progress: bool) -> Iterator[dict[str, Any]]:
    """A query of BATCHES batches, one job each, and a job outside it."""
    app = {"App Name": "stream", "App ID": "app-stream", "Timestamp": START_MS, "User": "ann"}
    yield {"Event": "SparkListenerLogStart", "Spark Version": "4.3.0"}
    yield {"Event": "SparkListenerApplicationStart", **app}
    if progress:
        started = {**IDS, "name": "orders", "timestamp": "2025-10-09T08:53:20.500Z"}
        yield {"Event": LISTENER + "QueryStartedEvent", **started}
    for number in range(BATCHES + 1):
        end = "<br/>\n" if number % 2 else "\n"  # as Spark 3 and 4.3 write it
        text = f"orders{end}id = {IDS['id']}{end}runId = {IDS['runId']}{end}batch = {number}"
        description = text if number < BATCHES else "count of rows"
        at = START_MS + 1000 * (number + 1)
        stage: dict[str, Any] = {"Stage ID": number, "Stage Attempt ID": 0, "Stage Name": "start at S.scala:5"}
        stage |= {"Number of Tasks": 1, "RDD Info": [], "Parent IDs": [], "Details": "", "Accumulables": []}
        properties = {"spark.job.description": description}
        job = {"Event": "SparkListenerJobStart", "Job ID": number, "Submission Time": at, "Stage IDs": [number]}
        yield {**job, "Stage Infos": [stage], "Properties": properties}
        stage["Submission Time"] = at
        yield {"Event": "SparkListenerStageSubmitted", "Stage Info": stage, "Properties": properties}
        stage["Completion Time"] = at + 100 + number
        yield {"Event": "SparkListenerStageCompleted", "Stage Info": stage}
        succeeded = {"Result": "JobSucceeded" if number != FAILED else "JobFailed"}
        yield {
            "Event": "SparkListenerJobEnd",
            "Job ID": number,
            "Completion Time": at + 100 + number,
            "Job Result": succeeded,
        }
        if progress and number < BATCHES:
            sources = [{"description": "rate", "numInputRows": 5}, {"description": "file", "numInputRows": number}]
            time = datetime.fromtimestamp(at / 1000, timezone.utc)
            one: dict[str, Any] = {**IDS, "name": "orders", "timestamp": f"{time:%Y-%m-%dT%H:%M:%S}.000Z"}
            one |= {"batchId": number, "durationMs": {"addBatch": 100, "triggerExecution": 200 + number}}
            one |= {"sources": sources, "sink": {"numOutputRows": 7}}
            yield {"Event": LISTENER + "QueryProgressEvent", "progress": one}
    if progress:
        yield {"Event": LISTENER + "QueryTerminatedEvent", **IDS, "exception": None}
    yield {"Event": "SparkListenerApplicationEnd", "Timestamp": START_MS + 1000 * (BATCHES + 3)}


def derived(folder: Path, progress: bool, **limits: int) -> list[Run]:
    path = folder / "log"
    path.write_text("".join(json.dumps(event) + "\n" for event in events(progress)))
    (log,) = find_logs([str(path)])
    return list(derive_tree(read_view(log), "all", replace(ImportOptions(), **limits)).all())


@pytest.mark.parametrize("progress", [True, False])
def test_a_query_is_a_run_with_its_batches_as_history(tmp_path: Path, progress: bool) -> None:
    runs = derived(tmp_path, progress)
    (query,) = [run for run in runs if run.level == "query"]
    assert (query.name, query.status, query.parent) == ("query orders", "FINISHED", runs[0].key)
    assert query.metrics["batches/total"] == BATCHES
    declared = {one.name for one in RUN_METRICS if "query" in one.levels}
    assert {*query.metrics, *query.history} <= declared
    assert not progress or {name for name in declared if name.startswith("batch")} <= {*query.metrics, *query.history}
    steps = [step for step, _, _ in query.history["batch/duration_s"]]
    assert steps == list(range(BATCHES))
    first = query.history["batch/duration_s"][0][2]
    assert first == (0.2 if progress else 0.1)
    if progress:
        assert query.metrics["batches/input_rows"] == sum(5 + number for number in range(BATCHES))
        assert {value for _, _, value in query.history["batch/output_rows"]} == {7.0}


def test_few_jobs_of_a_query_have_a_run_and_the_failed_one_is_among_them(tmp_path: Path) -> None:
    runs = derived(tmp_path, False)
    (query,) = [run for run in runs if run.level == "query"]
    jobs = [run for run in runs if run.level == "job"]
    below = {run.tags["spark.job.id"] for run in jobs if run.parent == query.key}
    assert len(below) == QUERY_JOB_RUNS and str(FAILED) in below and str(BATCHES - 1) in below and "0" not in below
    assert [run.name for run in jobs if run.parent == runs[0].key] == [f"j{BATCHES} count of rows"]
    assert f"j{FAILED} orders batch {FAILED}" in {run.name for run in jobs}
    left = str(BATCHES - QUERY_JOB_RUNS)
    assert query.tags["afterglow.jobs_without_run"] == query.tags["afterglow.stages_without_run"] == left
    assert query.metrics["stages/total"] == BATCHES


def test_limits_of_jobs_and_stages_hold_and_the_run_above_counts_the_rest(tmp_path: Path) -> None:
    runs = derived(tmp_path, False, max_job_runs=5, max_stage_runs=3)
    assert Counter(run.level for run in runs) == {"application": 1, "query": 1, "job": 5, "stage": 3}
    jobs = {run.tags["spark.job.id"] for run in runs if run.level == "job"}
    assert str(FAILED) in jobs and str(BATCHES) in jobs  # it failed; it is the only one of its kind
    (query,) = [run for run in runs if run.level == "query"]
    assert int(query.tags["afterglow.jobs_without_run"]) == BATCHES - 4
    counted = [int(run.tags.get("afterglow.stages_without_run", 0)) for run in runs]
    assert sum(counted) == BATCHES + 1 - 3
