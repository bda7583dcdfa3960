"""Findings of stages: what is found in a handmade stage, with which cause and cost, and what is not."""

from typing import Any

import pytest

from tests.ingest.diagnose.builders import Made, task


def made(tasks: list[Any], **columns: Any) -> Made:
    work = Made()
    work.warm()
    work.stage(tasks, **columns)
    return work


def test_a_stage_of_equal_tasks_has_nothing_to_say() -> None:
    assert made([task(2_000, input_bytes=10_000_000) for _ in range(40)]).codes() == []


@pytest.mark.parametrize(
    "column, cause",
    [
        ("shuffle_read_bytes", "shuffle read"),
        ("shuffle_read_records", "shuffle read"),
        ("input_bytes", "input"),
        ("input_records", "input"),
        ("shuffle_write_records", "written"),
        ("output_bytes", "written"),
    ],
)
def test_skew_by_whatever_explains_the_time(column: str, cause: str) -> None:
    tasks = [task(1_000, **{column: 1_000_000}) for _ in range(11)] + [task(20_000, **{column: 18_000_000})]
    row = made(tasks).one("skew")
    assert (row["cause"], row["stage_id"], row["level"], row["severity"]) == (cause, 1, "stage", "critical")
    # 22 s as it was: two rounds and the long one. Its data takes 18 s at the time per byte of the others, and
    # 12 tasks of 2.42 s on 4 slots are 7.25 s
    assert row["cost_ms"] == pytest.approx(22_000 - 7_250, abs=1)
    assert "took 20 s, the median 1 s" in row["message"]


def test_skew_s_tasks_are_stragglers_within_it() -> None:
    tasks = [task(1_000, input_bytes=1_000_000)] * 11 + [task(20_000, input_bytes=18_000_000)]
    found = made(tasks).findings()
    assert [(row["code"], row["cause"], row["covered_by"]) for row in found] == [
        ("skew", "input", None),
        ("straggler", "more data", "skew"),
    ]
    assert found[1]["task_id"] == 19 and found[1]["advice"] == "See the skew finding of the stage."


def test_more_data_that_costs_no_time_is_no_skew() -> None:
    assert made([task(1_000, input_bytes=1_000_000)] * 11 + [task(1_100, input_bytes=50_000_000)]).codes() == []


def test_a_long_task_whose_data_do_not_explain_it_is_no_skew() -> None:
    tasks = [task(1_000, input_bytes=1_000_000)] * 20 + [task(20_000, input_bytes=2_000_000)]
    assert made(tasks).codes() == ["straggler"]


@pytest.mark.parametrize(
    "columns, cause, said",
    [
        ({"jvm_gc_time_ms": 15_000}, "garbage collection", "15 s of the excess"),
        ({"shuffle_fetch_wait_ms": 15_000}, "fetch wait", "15 s of the excess"),
        ({"scheduler_delay_ms": 9_000, "executor_deserialize_time_ms": 8_000}, "scheduling delay", "17 s of"),
        ({"disk_spilled_bytes": 4_000_000}, "spill", "spilled 4 MB"),
        ({"locality": "ANY"}, "locality", "did not run close to its data"),
        ({"executor_cpu_time_ns": 10**10}, "unknown", "No Spark metric explains it (50 %"),
        ({"executor_cpu_time_ns": None}, "unknown", "No Spark metric explains it."),
        ({"executor_cpu_time_ns": 10**9}, "waiting", "mostly waiting (5 %"),
    ],
)
def test_the_cause_of_a_straggler(columns: dict[str, Any], cause: str, said: str) -> None:
    row = made([1_000] * 20 + [task(20_000, executor="2", **columns)]).one("straggler")
    assert (row["cause"], row["executor_id"], row["host"], row["task_id"]) == (cause, "2", "host-2", 28)
    assert said in row["message"], row["message"]
    assert row["cost_ms"] == pytest.approx(25_000 - 6_000, abs=1)


@pytest.mark.parametrize("took_ms, codes", [(29_000, []), (31_000, ["straggler"])])
def test_a_first_task_may_warm_up_but_not_for_ever(took_ms: int, codes: list[str]) -> None:
    work = Made()
    work.stage([task(took_ms, executor_cpu_time_ns=0), *[1_000] * 20])
    assert work.codes() == codes


def test_first_tasks_that_all_executors_start_slowly_are_no_stragglers() -> None:
    work = Made()
    work.stage([*(task(35_000 + n, executor=str(n), executor_cpu_time_ns=0) for n in range(1, 5)), *[1_000] * 20])
    assert work.codes() == []


def test_a_straggler_that_computes_is_spread_over_the_others() -> None:
    row = made([1_000] * 20 + [20_000]).one("straggler")
    assert row["cause"] == "computing" and "mostly computing (90 %" in row["message"]
    # 25 s as it was; 21 tasks of 1.9 s on 4 slots are 11.4 s
    assert row["cost_ms"] == pytest.approx(25_000 - 6 * 40_000 / 21, abs=1)


def test_a_straggler_on_a_slow_machine() -> None:
    work = Made(executors=6)
    work.warm(12)
    work.stage([task(1_000 if n % 6 != 5 else 2_000, executor=str(n % 6 + 1)) for n in range(36)])
    work.stage([1_000] * 12 + [task(9_000, executor="6", at=work.at + 2_000)])
    rows = [row for row in work.findings() if row["code"] == "straggler"]
    assert [(row["cause"], row["executor_id"]) for row in rows] == [("slow machine", "6")]
    assert "take 2.0 times as long as elsewhere" in rows[0]["message"]


def test_first_tasks_that_are_all_slow_start_the_stage_up() -> None:
    work = made([task(4_000, executor=str(n)) for n in range(1, 5)] + [200] * 40)
    assert work.codes() == []


def test_one_of_the_first_tasks_may_be_the_exception() -> None:
    tasks = [task(1_000, executor=str(n)) for n in range(1, 4)] + [task(20_000, executor="4")] + [1_000] * 20
    assert made(tasks).codes() == ["straggler"]


def test_many_long_tasks_are_no_exception() -> None:
    assert made([1_000] * 10 + [task(9_000)] * 10).codes() == []


def test_a_small_stage_says_nothing() -> None:
    assert made([1_000, 1_000, task(20_000)]).codes() == []


def test_stages_of_one_name_are_told_as_one() -> None:
    work = Made(duration_ms=1_000_000)
    work.warm()
    for _ in range(5):
        work.stage([1_000] * 20 + [task(9_000, executor_cpu_time_ns=0)], name="treeAggregate at Loss.scala:1")
    row = work.one("straggler")
    assert (
        row["cost_ms"] == 5 * (14_000 - 6_000) and "4 more stages of this name have the same problem" in row["message"]
    )
    assert '"stages": ["1.0", "2.0", "3.0", "4.0", "5.0"]' in row["figures"]


def test_spill() -> None:
    spilled = task(5_000, memory_spilled_bytes=400_000_000, disk_spilled_bytes=100_000_000)
    row = made([spilled] * 8).one("spill")
    assert row["cost_ms"] == 8_000 and "8 of 8 tasks spilled 3.2 GB of memory, 800 MB on disk" in row["message"]
    mostly = task(9_000, memory_spilled_bytes=4_000_000, disk_spilled_bytes=2_000_000, shuffle_read_bytes=2_000_000)
    assert made([mostly] * 8).one("spill")["cost_ms"] == 72_000 / 3 / 4
    assert made([task(5_000, memory_spilled_bytes=4_000_000, disk_spilled_bytes=1_000_000)] * 8).codes() == []


def test_garbage_collection() -> None:
    row = made([task(5_000, jvm_gc_time_ms=2_000)] * 8).one("gc")
    assert row["cost_ms"] == pytest.approx((16_000 - 0.03 * 40_000) / 4) and row["message"].startswith(
        "Garbage collection took 40 %"
    )
    assert made([task(5_000, jvm_gc_time_ms=400)] * 8).codes() == []


def test_waiting_for_shuffle_blocks() -> None:
    row = made([task(5_000, shuffle_fetch_wait_ms=3_000)] * 8).one("fetch_wait")
    assert row["cost_ms"] == 6_000 and row["message"].startswith("Its tasks spent 60 %")
    assert made([task(5_000, shuffle_fetch_wait_ms=500)] * 8).codes() == []


def test_a_shuffle_much_larger_than_the_input() -> None:
    moving = {"shuffle_write_bytes": 400_000_000, "shuffle_write_time_ns": 3 * 10**9}
    row = made([task(5_000, input_bytes=10_000_000, **moving)] * 8).one("large_shuffle")
    assert (row["level"], row["job_id"], row["cost_ms"]) == ("job", 1, 6_000)
    assert "shuffled 3.2 GB, 40.0 times the 80 MB" in row["message"]
    assert made([task(5_000, input_bytes=300_000_000, **moving)] * 8).codes() == []


def test_tiny_tasks() -> None:
    work = Made()
    work.warm()
    work.stage([task(20, executor_run_time_ms=2)] * 2_000, name="tiny")
    row = work.one("tiny_tasks")
    assert row["cost_ms"] == 10_000 - 1_000 and "2,000 tasks of 2 ms each: 90 %" in row["message"]
    assert made([task(20, executor_run_time_ms=18)] * 2_000).codes() == []


def test_few_partitions() -> None:
    work = Made(executors=8)
    work.stage([10_000, 10_000], name="few")
    row = work.one("few_partitions")
    # each computes 9 s, and both together 18 s on 8 cores
    assert row["cost_ms"] == 9_000 - 2_250 and "2 tasks for 8 cores: 75 %" in row["message"]
    assert Made(executors=8).codes() == []


def test_few_partitions_that_wait_are_not_helped_by_more() -> None:
    work = Made(executors=8)
    work.stage([task(10_000, executor_run_time_ms=900, executor_deserialize_time_ms=9_000)] * 2, name="start")
    work.stage([task(10_000, executor_cpu_time_ns=2 * 10**8)] * 2, name="sleep")
    assert [row for row in work.findings() if row["level"] == "stage"] == []
    work.stage([task(10_000, executor_cpu_time_ns=2 * 10**8)] * 2, name="collect at job.py:1")  # Python works
    assert work.codes() == ["few_partitions"]


@pytest.mark.parametrize(
    "name, description, source, cause, advice",
    [
        ("Coalesce", "Coalesce 1", True, "coalesce", "Use repartition instead of coalesce"),
        ("Range", "Range (0, 10)", True, "input", "Repartition after reading"),
        ("AQEShuffleRead", "AQEShuffleRead coalesced", False, "shuffle", "Raise spark.sql.shuffle.partitions"),
    ],
)
def test_why_a_stage_has_few_tasks(name: str, description: str, source: bool, cause: str, advice: str) -> None:
    work = Made(executors=8)
    stage = work.stage([10_000], source_rdd_ids=[0] if source else [])
    cluster = work.node("WholeStageCodegen (1)", stage_ids=[stage])
    work.node(name, description=description, codegen_id=cluster)
    row = work.one("few_partitions")
    assert row["cause"] == cause and row["advice"].startswith(advice) and row["severity"] == "warning"


def test_one_task_for_a_window_without_a_partition_but_not_for_a_total() -> None:
    for name, codes in (("Window", ["few_partitions"]), ("HashAggregate", [])):
        work = Made(executors=8)
        stage = work.stage([10_000])
        top = work.node(name, stage_ids=[stage])
        single = "Exchange SinglePartition, ENSURE_REQUIREMENTS"
        below = work.node("Exchange", top, description=single, stage_ids=[stage, 99])
        work.node("Range", below, stage_ids=[99])
        assert work.codes() == codes
        assert not codes or work.one("few_partitions")["cause"] == "window"


def test_one_file_is_read_by_one_task_also_where_a_total_follows() -> None:
    work = Made(executors=8)
    stage = work.stage([10_000], source_rdd_ids=[0])
    exchange = work.node("Exchange", description="Exchange SinglePartition", stage_ids=[stage, 99])
    work.node("Scan csv", work.node("HashAggregate", exchange, stage_ids=[stage]), stage_ids=[stage])
    assert work.one("few_partitions")["cause"] == "input"


@pytest.mark.parametrize("name, cause", [("SortMergeJoin", "join"), ("Window", "window"), ("Sort", "shuffle read")])
def test_skew_of_a_shuffle_names_the_node_that_reads_it(name: str, cause: str) -> None:
    work = Made()
    work.warm()
    tasks = [task(1_000, shuffle_read_bytes=10**6) for _ in range(11)] + [task(20_000, shuffle_read_bytes=18 * 10**6)]
    work.node(name, stage_ids=[work.stage(tasks)])
    assert work.one("skew")["cause"] == cause
    work = Made(executors=8)
    work.stage([10_000] * 8)
    assert work.codes() == []


def test_thresholds_are_a_person_s() -> None:
    tasks = [task(1_000, input_bytes=1_000_000)] * 11 + [task(20_000, input_bytes=18_000_000)]
    assert made(tasks).codes(("skew.time_ratio", 30)) == ["straggler"]
    assert made(tasks).codes(("skew.cost_s", 20)) == []
    assert made(tasks).codes(("any.cost_s", 20)) == []
    assert made(tasks).one("skew", ("any.critical_ratio", 0.7))["severity"] == "warning"
    both = ("skew.critical_ratio", 0.7), ("skew.warning_ratio", 0.7)
    assert made(tasks).one("skew", *both)["severity"] == "note"
    assert made([1_000] * 20 + [task(2_500)]).codes() == []
    assert made([1_000] * 20 + [task(2_500)]).codes(("straggler.time_ratio", 2)) == ["straggler"]


def uneven_rows(most: int, task_id: int = 15) -> Made:
    """A stage of sixteen tasks that read as much each. One takes long, and a join returns `most` rows in a task."""
    work = Made(duration_ms=60_000)
    stage = work.stage([*[1_000] * 15, 12_000])
    node = work.node("SortMergeJoin", output_rows=most + 150_000, stage_ids=[stage])
    rows = {"name": "number of output rows", "type": "sum", "total": most + 150_000, "median": 10_000, "max": most}
    work.rows["sql_metrics"].append({"execution_id": 0, "node_id": node, **rows, "max_task_id": task_id})
    return work


def test_a_node_that_returns_most_rows_in_one_task() -> None:
    row = uneven_rows(120_000).one("skew")
    assert row["cause"] == "rows"
    assert "the node SortMergeJoin returned 120,000 rows in it, and 10,000 in the median task" in row["message"]


def test_rows_of_another_task_or_of_no_exception_are_no_skew() -> None:
    assert [work.codes() for work in (uneven_rows(120_000, 3), uneven_rows(15_000))] == [["straggler"], ["straggler"]]
