"""Findings of what is computed or asked for again and again, and of what is collected to the driver."""

import pytest

from tests.ingest.diagnose.builders import START, Made, task

_LOOP = "collect at job.py:86"


def looping(actions: int, plan_hash: str = "same", **job: object) -> Made:
    work = Made()
    work.stage([4_000] * 8, name="load")
    for number in range(actions):
        work.at += 100
        hash_ = plan_hash if plan_hash == "same" else f"{plan_hash}{number}"
        work.stage([100] * 4, name=_LOOP, plan_hash=hash_, job=job)
    return work


def test_a_loop_of_actions_is_one_finding() -> None:
    row = looping(100).one("repeated_actions")
    assert row["subject"] == f"call site {_LOOP}" and "100 actions of this line" in row["message"]
    # 100 actions of 100 ms with 99 gaps of 100 ms between them, but for one of 100
    assert row["cost_ms"] == pytest.approx(19_900 * 0.99, abs=1) and row["severity"] == "critical"
    assert "groupBy" in row["advice"]


@pytest.mark.parametrize("job", [{"fit_uid": "LR_1"}, {"tuning_uid": "CV_1"}, {"estimator_class": "LR"}])
def test_jobs_of_fits_are_no_loop(job: dict[str, object]) -> None:
    assert "repeated_actions" not in {row["code"] for row in looping(100, **job).findings()}


def test_few_actions_or_different_plans_are_no_loop() -> None:
    for work in (looping(19), looping(100, "other")):
        assert "repeated_actions" not in {row["code"] for row in work.findings()}


def test_long_actions_are_no_loop() -> None:
    work = Made()
    for _ in range(40):
        work.stage([2_100] * 4, name=_LOOP, plan_hash="same")
    assert work.findings() == []


def test_the_driver_s_time_of_a_loop_is_counted_once() -> None:
    work = looping(100)
    rows = {row["code"]: row for row in work.findings(("no_tasks_running.driver_ratio", 0.3))}
    assert "no_tasks_running" not in rows and "repeated_actions" in rows


def collecting(result_bytes: int, driver_ms: int = 8_000, **job: object) -> Made:
    work = Made()
    work.stage([task(1_000, result_size_bytes=result_bytes // 4)] * 4, name="collect at job.py:63", job=job)
    work.at += driver_ms
    work.stage([1_000] * 40)
    return work


def test_a_large_collect_costs_the_driver_s_time_after_it() -> None:
    row = collecting(125_000_000).one("large_collect")
    assert (row["stage_id"], row["cost_ms"], row["severity"]) == (0, 8_000, "critical")
    assert "125 MB of results" in row["message"] and "Aggregate" in row["advice"]
    # a long wait is not all for the results: 125 MB at 10 MB/s
    assert collecting(125_000_000, 60_000).one("large_collect")["cost_ms"] == 12_500


@pytest.mark.parametrize("job", [{"fit_uid": "LR_1"}, {"description": "broadcast exchange (runId 1)"}])
def test_fits_and_broadcasts_collect_on_purpose(job: dict[str, object]) -> None:
    assert "large_collect" not in collecting(125_000_000, **job).codes()


def test_the_job_of_a_broadcast_is_known_by_its_plan() -> None:
    work = collecting(125_000_000)
    work.node("BroadcastExchange", stage_ids=[0])
    assert "large_collect" not in work.codes()


def test_a_small_collect_or_one_beside_another_job_is_none() -> None:
    assert "large_collect" not in collecting(49_000_000).codes()
    work = collecting(125_000_000)
    work.rows["jobs"][1]["submission_time_ms"] = START + 500
    assert "large_collect" not in work.codes()


def computing(times: int, took_ms: int = 10_000, name: str = "Project", column: str = "h#2L") -> Made:
    """Actions that each compute one column of a data frame."""
    work = Made()
    for execution in range(times):
        stage = work.stage([took_ms] * 4, name=f"collect at job.py:{execution}")
        cluster = work.node("WholeStageCodegen (1)", execution=execution, stage_ids=[stage])
        description = f"Project [id#0L, sha2(cast(id#0L as string), 256) AS {column}]"
        work.node(name, execution=execution, description=description, codegen_id=cluster)
    return work


def test_a_data_frame_that_several_actions_compute() -> None:
    row = computing(4).one("recomputed")
    assert "4 actions computed column h#2 again, in the stages 0.0, 1.0, 2.0, 3.0" in row["message"]
    assert row["cost_ms"] == 3 * 10_000 * 0.7 and "df.cache()" in row["advice"]


def test_two_actions_or_other_columns_are_no_repetition() -> None:
    assert computing(2).codes() == []
    work = computing(4)
    for number, row in enumerate(work.rows["sql_nodes"]):
        row["description"] = row["description"].replace("h#2L", f"h#{number}L")
    assert work.codes() == []
    assert computing(4, column="pythonUDF0#12").codes() == []


def test_stages_that_compute_only_a_part_are_not_counted() -> None:
    work = computing(4)
    work.stage([100] * 4)
    for row in work.rows["stages"][1:3]:
        row["completion_time_ms"] = row["submission_time_ms"] + 2_000
    assert work.codes() == []


def test_what_is_below_a_cached_data_frame_was_computed_once() -> None:
    work = computing(4)
    for row in work.rows["sql_nodes"]:
        row["node_id"] += 1
        row["parent_ids"] = [0] if row["name"] == "Project" else []
        row["codegen_id"] = None
        row["stage_ids"] = row["stage_ids"] or [row["execution_id"]]
    cached = {"node_id": 0, "name": "InMemoryTableScan", "description": "", "stage_ids": [], "parent_ids": []}
    for execution in range(4):
        work.rows["sql_nodes"].insert(0, cached | {"execution_id": execution})
    assert work.codes() == []


@pytest.mark.parametrize("persisted, codes", [([], ["recomputed"]), ([3], [])])
def test_an_rdd_that_several_actions_compute(persisted: list[int], codes: list[str]) -> None:
    work = Made()
    for number in range(4):
        work.stage([10_000] * 4, name=f"count at job.py:{number}", source_rdd_ids=[0], persisted_rdd_ids=persisted)
    assert work.codes() == codes
