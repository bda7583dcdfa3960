"""Every value that becomes no row is counted in an issue, by the native scanner and by Python alike."""

import json
from typing import Any

import pytest

from afterglow.ingest import decode, extract
from afterglow.schemas import spark
from afterglow.schemas.issues import ImportIssue
from tests.property.event_strategies import small_lines

TASK = json.loads(next(line for line in small_lines() if spark.TASK_END.encode() in line[:60] and b'"rows"' in line))
JOB = json.loads(next(line for line in small_lines() if spark.JOB_START.encode() in line[:60]))


def read(*events: dict[str, Any], native: bool = False) -> tuple[dict[str, list[dict[str, Any]]], list[ImportIssue]]:
    issues: list[ImportIssue] = []
    decoded = decode.Decoded() if native else decode.Decoded(scanner=None)
    data = b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)
    decode.decode_lines(decode.Lines(data, 0, 1), decoded, issues.append)
    batches = extract.extract(decoded.close(), decode.PATHS, 0, issues.append)
    return {name: batch.to_pylist() for name, batch in batches.items()}, issues


def with_update(update: object) -> dict[str, Any]:
    task: dict[str, Any] = json.loads(json.dumps(TASK))
    for accumulable in task["Task Info"]["Accumulables"]:
        if accumulable["Name"] == "rows":
            accumulable["Update"] = update
    return task


@pytest.mark.parametrize("native", [False, pytest.param(True, marks=pytest.mark.native)])
@pytest.mark.parametrize("update", ["text", "[1, 2]", [1], {"a": 1}, "NaN", "1e999", True])
def test_an_accumulator_that_is_not_numeric_is_counted(update: object, native: bool) -> None:
    rows, issues = read(with_update(update), with_update(update), with_update("7"), native=native)
    assert [row["value"] for row in rows["task_accumulators"]] == [7.0]
    assert [(i.code, i.count, i.offset) for i in issues] == [("value_not_numeric", 2, 0)]
    assert "rows" in issues[0].message


@pytest.mark.parametrize("native", [False, pytest.param(True, marks=pytest.mark.native)])
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 2**70, 1.5, "text"])
def test_a_number_that_does_not_fit_costs_itself_only(value: object, native: bool) -> None:
    task = json.loads(json.dumps(TASK))
    task["Task Metrics"]["Executor Run Time"] = value
    rows, issues = read(TASK, task, TASK, native=native)
    run_times = [row["executor_run_time_ms"] for row in rows["task_end"]]
    assert run_times[1] is None and run_times[0] == run_times[2] == TASK["Task Metrics"]["Executor Run Time"]
    assert rows["task_end"][1]["executor_cpu_time_ns"] == TASK["Task Metrics"]["Executor CPU Time"]
    assert [(i.code, i.line, i.count) for i in issues] == [("field_unusable", 2, 1)]


def test_values_of_32_bits_that_need_64_are_counted() -> None:
    rows, issues = read({**JOB, "Job ID": 2**31})
    assert rows["job_start"][0]["job_id"] is None and [i.code for i in issues] == ["field_unusable"]


def test_one_bad_item_of_a_list_leaves_the_others() -> None:
    job = json.loads(json.dumps(JOB))
    job["Stage IDs"] = [1, 2**70, 3]
    job["Stage Infos"][0]["Number of Tasks"] = "many"
    rows, issues = read(job)
    assert rows["job_start"][0]["stage_ids"] == [1, 3]
    assert [row["num_tasks"] for row in rows["job_stages"]] == [None, JOB["Stage Infos"][1]["Number of Tasks"]]
    assert [(i.code, i.count) for i in issues] == [("field_unusable", 2)]


def test_a_job_property_that_is_no_text_is_counted() -> None:
    _, issues = read({**JOB, "Properties": {"spark.job.description": 7, "spark.other": 8}})
    assert [(i.code, i.count) for i in issues] == [("field_unusable", 1)]


def with_metric(update: object, id_: object = 5) -> dict[str, Any]:
    task: dict[str, Any] = json.loads(json.dumps(TASK))
    metric = {"ID": id_, "Update": update, "Value": 9, "Internal": True, "Count Failed Values": True, "Metadata": "sql"}
    task["Task Info"]["Accumulables"].append(metric)
    return task


@pytest.mark.parametrize("native", [False, pytest.param(True, marks=pytest.mark.native)])
@pytest.mark.parametrize(
    "update, id_", [(2**63, 5), (-(2**63) - 1, 5), (1.5, 5), ("many", 5), ([1], 5), (7, 2**63), (7, "x"), (7, 2.5)]
)
def test_a_metric_of_sql_that_cannot_be_added_is_counted(update: object, id_: object, native: bool) -> None:
    rows, issues = read(
        with_metric(2**63 - 1, 2**63 - 1), with_metric(update, id_), with_metric(-(2**63)), native=native
    )
    assert [(row["metric_ids"], row["values"]) for row in rows["task_updates"]] == [
        ([2**63 - 1], [2**63 - 1]),
        ([5], [-(2**63)]),
    ]
    assert [(i.code, i.count) for i in issues] == [("field_unusable", 1)] and "SQL metric" in issues[0].message


@pytest.mark.parametrize("value, number", [(2**63, 1), ("many", 1), ([1], 1), (-1, 0), ("-1", 0), (None, 0)])
def test_a_metric_of_sql_in_a_stage_without_a_usable_value_is_counted(value: object, number: int) -> None:
    stage = json.loads(next(line for line in small_lines() if spark.STAGE_COMPLETED.encode() in line[:60]))
    stage["Stage Info"]["Accumulables"] = [
        {"ID": id_, "Name": "rows", "Value": one, "Metadata": "sql"} for id_, one in ((1, 3), (2, value))
    ]
    rows, issues = read(stage)
    assert [(row["metric_ids"], row["values"]) for row in rows["stage_metrics"]] == [([1, 2], [3, -1])]
    assert [(i.code, i.count) for i in issues] == [("field_unusable", 1)] * number


def test_an_update_of_the_driver_that_is_no_pair_is_counted() -> None:
    event = {"Event": spark.DRIVER_ACCUM_UPDATES, "executionId": 0, "accumUpdates": [[1, 2], [3], [4, 5, 6]]}
    rows, issues = read(event)
    assert [(row["metric_id"], row["value"]) for row in rows["driver_metrics"]] == [(1, 2)]
    assert [(i.code, i.count) for i in issues] == [("field_unusable", 2)]
