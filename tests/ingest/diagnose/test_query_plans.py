"""Findings from the nodes of SQL plans and their figures."""

import json
from typing import Any

import pytest

from tests.ingest.diagnose.builders import START, Made, task


def joined(name: str, left: int, right: int, rows: int, reduced_to: int = 10, **columns: Any) -> Made:
    """A total above a join of two sides, which one stage of 10 s ran."""
    work = Made()
    stage = work.stage([10_000] * 4)
    total = work.node("HashAggregate", output_rows=reduced_to, stage_ids=[stage])
    join = work.node(name, total, output_rows=rows, stage_ids=[stage], **columns)
    for side in (left, right):
        project = work.node("Project", join)
        work.node("Range", project, output_rows=side, stage_ids=[stage])
    return work


def test_a_join_that_multiplies_rows() -> None:
    row = joined("SortMergeJoin", 120_000, 2_500, 300_000_000).one("multiplied_rows")
    assert "made 300,000,000 rows of 120,000" in row["message"] and row["stage_id"] == 0
    assert row["cost_ms"] == pytest.approx(10_000 * (1 - 120_000 / 300_000_000), abs=1)
    assert json.loads(row["figures"])["input_rows"] == [120_000, 2_500]


def test_an_explode_that_multiplies_rows() -> None:
    work = joined("Generate", 100_000, 1, 50_000_000)
    work.rows["sql_nodes"] = work.rows["sql_nodes"][:4]
    assert work.codes() == ["multiplied_rows"]


@pytest.mark.parametrize(
    "left, rows, reduced_to",
    [
        (120_000, 9_000_000, 10),  # few rows
        (20_000_000, 300_000_000, 10),  # 15 times as many
        (120_000, 300_000_000, 300_000_000),  # they are the result
    ],
)
def test_joins_that_do_not_multiply_rows_for_nothing(left: int, rows: int, reduced_to: int) -> None:
    assert joined("SortMergeJoin", left, 2_500, rows, reduced_to).codes() == []


@pytest.mark.parametrize("name", ["CartesianProduct", "BroadcastNestedLoopJoin"])
def test_a_join_of_every_pair(name: str) -> None:
    row = joined(name, 20_000, 20_000, 10).one("cartesian_product")
    assert f"{name} compared 20,000 rows with 20,000 rows each" in row["message"]
    assert row["cost_ms"] == 9_999 and "equality" in row["advice"]


@pytest.mark.parametrize("left, right", [(400_000_000, 1), (9_000, 9_000)])
def test_pairs_with_a_scalar_or_of_few_rows_are_none(left: int, right: int) -> None:
    assert joined("BroadcastNestedLoopJoin", left, right, 10).codes() == []


def sorted_join(small: int, large: int, kind: str = "Inner", rows: int | None = None, found: int | None = None) -> Made:
    work = Made()
    write = work.stage([task(5_000, shuffle_write_time_ns=4 * 10**9)] * 4, name="write")
    stage = work.stage([task(5_000, shuffle_fetch_wait_ms=500)] * 4, name="join")
    join = work.node(
        "SortMergeJoin", description=f"SortMergeJoin [a#1], [b#2], {kind}", stage_ids=[stage], output_rows=found
    )
    for size in (large, small):
        sort = work.node("Sort", join, stage_ids=[stage], metrics={"sort time": 4_000 if size == large else 0})
        exchange = work.node("Exchange", sort, data_bytes=size, stage_ids=[write, stage])
        work.node("Range", exchange, output_rows=rows, stage_ids=[write])
    return work


def test_a_side_that_fits_into_a_broadcast() -> None:
    row = sorted_join(5_000_000, 900_000_000).one("broadcast_missed")
    # of 4 tasks at once: 4 s of writing, and in the join 0.5 s of waiting and 1 s of sorting
    assert row["cost_ms"] == pytest.approx(4_000 + 500 + 1_000) and row["subject"].startswith("stage 1.0")
    assert "shuffled 900 MB to join them with 5 MB" in row["message"]


def test_rows_that_go_through_the_shuffle_cost_the_join_s_stage_as_much_as_rows_of_its_result() -> None:
    row = sorted_join(5_000_000, 900_000_000, rows=3_000_000, found=1_000_000).one("broadcast_missed")
    assert row["cost_ms"] == 4_000 + 5_000 * 3 / 4


@pytest.mark.parametrize(
    "small, large, kind",
    [(11_000_000, 900_000_000, "Inner"), (5_000_000, 90_000_000, "Inner"), (5_000_000, 900_000_000, "RightOuter")],
)
def test_joins_that_cannot_or_need_not_broadcast(small: int, large: int, kind: str) -> None:
    assert sorted_join(small, large, kind).codes() == []


def test_a_broadcast_of_a_large_side() -> None:
    for sent, codes in ((900_000_000, ["large_broadcast"]), (190_000_000, [])):
        work = Made(duration_ms=60_000)
        stage = work.stage([1_000] * 4)
        metrics = {"data size": sent, "time to collect": 6_000, "time to build": 3_000, "time to broadcast": 1_000}
        top = work.node("BroadcastExchange", data_bytes=sent, metrics=metrics)
        work.node("Range", top, stage_ids=[stage])
        assert work.codes() == codes
        assert not codes or work.one("large_broadcast")["cost_ms"] == 10_000


def evaluating(rows: int, cpu_ms: int, name: str = "BatchEvalPython") -> Made:
    work = Made()
    stage = work.stage([task(10_000, executor_cpu_time_ns=cpu_ms * 10**6)] * 4)
    work.node(name, output_rows=rows, stage_ids=[stage])
    return work


def test_python_functions_called_row_by_row() -> None:
    row = evaluating(600_000, 2_000).one("python_udf")
    assert (
        row["cost_ms"] == 10_000 * 0.8 * 0.5 and "600,000 rows one by one for 32 s of the tasks' 40 s" in row["message"]
    )


def test_few_rows_in_the_jvm_or_in_batches_are_none() -> None:
    assert evaluating(90_000, 2_000).codes() == evaluating(600_000, 9_900).codes() == []
    assert evaluating(600_000, 2_000, "ArrowEvalPython").codes() == []


def filtering(rows: int, kept: int, between: str = "ColumnarToRow", location: str = ", Location: x[file:/a]") -> Made:
    work = Made(duration_ms=60_000)
    stage = work.stage([5_000] * 4)
    total = work.node("HashAggregate", output_rows=1, stage_ids=[stage])
    filter_ = work.node("Filter", total, output_rows=kept, stage_ids=[stage])
    wrapper = work.node(between, filter_)
    description = f"FileScan parquet{location}"
    work.node("Scan parquet", wrapper, output_rows=rows, description=description, stage_ids=[stage])
    return work


def test_a_filter_that_keeps_few_rows_of_a_scan() -> None:
    row = filtering(2_000_000, 20_000).one("late_filter")
    assert "read 2,000,000 rows, of which a filter kept 1 %" in row["message"] and row["cost_ms"] == 4_950


@pytest.mark.parametrize(
    "work",
    [
        filtering(900_000, 1),  # few rows
        filtering(2_000_000, 200_000),  # a tenth is kept
        filtering(2_000_000, 20_000, between="HashAggregate"),
        filtering(2_000_000, 20_000, location=""),  # no files
    ],
)
def test_filters_that_another_layout_of_files_does_not_help(work: Made) -> None:
    assert work.codes() == []


def writing(files: int, size: int) -> Made:
    work = Made(duration_ms=60_000)
    stage = work.stage([5_000] * 4)
    metrics = {"number of written files": files, "written output": files * size}
    command = work.node("Execute InsertIntoHadoopFsRelationCommand", metrics=metrics)
    work.node("WriteFiles", command, stage_ids=[stage])
    return work


def test_a_write_of_many_small_files() -> None:
    row = writing(600, 2_000).one("small_output")
    assert "wrote 600 files of 2 kB each" in row["message"] and row["cost_ms"] == 600 * 20 / 4


def test_a_write_of_few_or_large_files_is_none() -> None:
    assert writing(199, 2_000).codes() == writing(600, 2_000_000).codes() == []


def planned(nodes: int) -> Made:
    """A query of so many operators, which begins 20 s after the job before it, and whose task runs 1 s later."""
    work = Made(duration_ms=40_000)
    work.stage([4_000] * 4)
    work.at = 25_000
    stage = work.stage([2_000] * 4, job={"sql_execution_id": 0})
    times = {"submission_time_ms": START + 24_000, "completion_time_ms": START + 28_000}
    work.rows["sql_executions"].append({"execution_id": 0, "description": "collect at job.py:9", **times})
    parent = None
    for _ in range(nodes):
        parent = work.node("Union", parent, stage_ids=[stage])
    return work


def test_a_query_of_many_operators_that_the_driver_plans_for_long() -> None:
    row = planned(200).one("planning")
    assert row["cost_ms"] == 22_000 and row["subject"] == "SQL execution 0 · collect at job.py:9"
    assert "1 query of up to 200 operators" in row["message"]


def test_the_driver_s_time_before_a_query_of_few_operators_is_not_planning() -> None:
    assert "planning" not in planned(199).codes()
