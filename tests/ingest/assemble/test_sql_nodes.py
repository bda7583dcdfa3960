"""Plans as the graph that Spark draws, and the totals of their metrics."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from afterglow.ingest import arrow
from afterglow.ingest.assemble.sql_nodes import SqlNodes, assemble_sql_nodes
from afterglow.schemas.events import (
    DRIVER_METRICS,
    JOB_PROPERTIES,
    JOB_STAGES,
    LOG_START,
    PLAN_NODES,
    STAGE_METRICS,
    TASK_UPDATES,
)

Plan = tuple[str, list[tuple[str, int, str]], "list[Plan]"]


def node(name: str, *children: Plan, metrics: Sequence[tuple[str, int, str]] = ()) -> Plan:
    return name, list(metrics), list(children)


def rows_of(plan: Plan, execution: int = 0) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []

    def add(one: Plan, parent: int) -> None:
        number = len(found)
        metrics = [list(column) for column in zip(*one[1], strict=True)] or [[], [], []]
        found.append((execution, number, parent, one[0], f"{one[0]} x", *metrics))
        for child in one[2]:
            add(child, number)

    add(plan, -1)
    return found


def assembled(
    plan: Plan,
    stages: Sequence[tuple[int, list[int], list[int]]] = (),
    driver: Sequence[tuple[int, int, int]] = (),
    version: str = "4.3.0",
    tasks: Sequence[tuple[Any, ...]] = (),
    num_tasks: Sequence[int] = (),
) -> SqlNodes:
    """`tasks` are rows of task_updates, and `num_tasks` the stages of job 0, which execution 0 runs."""

    def made(table: Any, rows: Sequence[Any]) -> pa.Table:
        return arrow.from_rows(table, rows)

    return assemble_sql_nodes(
        {
            "plan_nodes": made(PLAN_NODES, rows_of(plan)),
            "stage_metrics": made(STAGE_METRICS.table, stages),
            "driver_metrics": made(DRIVER_METRICS.table, driver),
            "task_updates": made(TASK_UPDATES.table, tasks),
            "job_properties": made(JOB_PROPERTIES.table, [(0, "spark.sql.execution.id", "0")]),
            "job_stages": made(
                JOB_STAGES.table, [(0, stage, "", number, [], [], None, None) for stage, number in enumerate(num_tasks)]
            ),
            "log_start": made(
                LOG_START.table, [[version if c.name == "spark_version" else 0 for c in LOG_START.table]]
            ),
        }
    )


def graph(found: SqlNodes) -> list[tuple[int, str, list[int], int | None]]:
    columns = ("node_id", "name", "parent_ids", "codegen_id")
    return [tuple(row[name] for name in columns) for row in found.nodes.to_pylist()]  # type: ignore[misc]


def test_whole_stage_codegen_holds_nodes_and_wrappers_are_none() -> None:
    scan = node("Scan parquet ")
    exchange = node("ShuffleQueryStage", node("Exchange", node("WholeStageCodegen (1)", node("Project", scan))))
    found = assembled(
        node("AdaptiveSparkPlan", node("WholeStageCodegen (2)", node("Sort", node("InputAdapter", exchange))))
    )
    assert graph(found) == [
        (0, "AdaptiveSparkPlan", [], None),
        (1, "WholeStageCodegen (2)", [], None),
        (2, "Sort", [0], 1),
        (3, "Exchange", [2], None),
        (4, "WholeStageCodegen (1)", [], None),
        (5, "Project", [3], 4),
        (6, "Scan parquet", [5], 4),
    ]


@pytest.mark.parametrize("wrapper", ["ReusedExchange", "ShuffleQueryStage", "BroadcastQueryStage"])
def test_a_reused_exchange_is_one_node_with_two_parents(wrapper: str) -> None:
    exchange = node("Exchange", node("Scan a"))
    found = assembled(node("Join", exchange, node("Sort", node(wrapper, exchange))))
    assert graph(found) == [
        (0, "Join", [], None),
        (1, "Exchange", [0, 3], None),
        (2, "Scan a", [1], None),
        (3, "Sort", [0], None),
    ]
    other = assembled(node("Join", exchange, node("Sort", node(wrapper, node("Exchange", node("Scan b"))))))
    assert sum(name == "Exchange" for _, name, _, _ in graph(other)) == 2


def test_the_last_value_of_a_stage_and_all_of_the_driver_s_count() -> None:
    metrics = [("number of output rows", 1, "sum"), ("data size", 2, "size"), ("time", 3, "nsTiming"), ("x", 4, "sum")]
    found = assembled(
        node("Exchange", metrics=metrics),
        stages=[(0, [1, 2], [5, 100]), (1, [1, 3], [12, 3_500_000])],
        driver=[(0, 2, 7), (0, 2, 8), (9, 2, 1000)],
    )
    assert [tuple(row.values())[2:5] for row in found.metrics.to_pylist()] == [
        ("number of output rows", "sum", 12),
        ("data size", "size", 115),
        ("time", "nsTiming", 3_500_000),
    ]
    row = found.nodes.to_pylist()[0]
    assert (row["output_rows"], row["data_bytes"], row["time_ms"], row["spill_bytes"]) == (12, 115, 3, None)


def test_an_average_has_no_total() -> None:
    found = assembled(node("HashAggregate", metrics=[("avg hash probes", 1, "average")]), stages=[(0, [1], [30])])
    assert found.metrics["total"].to_pylist() == [None]


@pytest.mark.parametrize("version, total", [("2.2.3", 23), ("3.1.1", 22)])
def test_spark_2_added_to_minus_one(version: str, total: int) -> None:
    metrics = [("duration total (min, med, max)", 1, "timing")]
    found = assembled(node("WholeStageCodegen", metrics=metrics), stages=[(0, [1], [22])], version=version)
    assert [tuple(row.values())[:6] for row in found.metrics.to_pylist()] == [(0, 0, "duration", "timing", total, None)]


SPREAD = ("total", "num_values", "min", "median", "max", "max_stage_id", "max_stage_attempt", "max_task_id")


def spread(
    type_: str, tasks: Sequence[tuple[Any, ...]], driver: Sequence[int] = (), stages: Sequence[int] = (4,)
) -> Any:
    """The figures of metric 1, after (stage, attempt, index, task, reason, value) of each TaskEnd."""
    rows = [(*task[:5], [1, 2], [task[5], 99]) for task in tasks]
    plan = node("Sort", metrics=[("m", 1, type_)])
    found = assembled(plan, driver=[(0, 1, value) for value in driver], tasks=rows, num_tasks=stages)
    row = found.metrics.to_pylist()[0]
    return tuple(row[name] for name in SPREAD)


def test_a_task_without_a_value_counts_as_0() -> None:
    tasks = [(0, 0, 0, 7, "Success", 5), (0, 0, 2, 8, "Success", 9), (0, 0, 3, 9, "Success", 9)]
    assert spread("size", tasks) == (23, 4, 0, 9, 9, 0, 0, 8)
    assert spread("average", tasks) == (None, 3, 5, 9, 9, 0, 0, 8)
    assert spread("sum", [(0, 0, 0, 7, "Success", 5)]) == (5, 4, 0, 0, 5, 0, 0, 7)


def test_the_first_success_of_the_last_stage_attempt_counts() -> None:
    tasks = [
        (0, 0, 0, 1, "Success", 1000),
        (0, 1, 0, 2, "ExceptionFailure", 100),
        (0, 1, 0, 3, "Success", 10),
        (0, 1, 0, 4, "Success", 20),
        (0, 1, 1, 5, "ExceptionFailure", 30),
        (0, 1, 1, 6, "ExceptionFailure", 40),
    ]
    assert spread("timing", tasks, stages=(2,)) == (50, 2, 10, 40, 40, 0, 1, 6)


def test_the_driver_s_values_are_more_values() -> None:
    assert spread("size", [(0, 0, 0, 7, "Success", 5)], driver=[9, 2], stages=(1,)) == (
        16,
        3,
        2,
        5,
        9,
        None,
        None,
        None,
    )
    assert spread("size", [(0, 0, 0, 7, "Success", 5)], driver=[4], stages=(1,)) == (9, 2, 4, 5, 5, 0, 0, 7)


def test_a_size_below_0_is_none() -> None:
    tasks = [(0, 0, 0, 7, "Success", -1), (0, 0, 1, 8, "Success", 6), (0, 0, 2, 9, "Success", 4)]
    assert spread("size", tasks, stages=(3,)) == (10, 2, 4, 6, 6, 0, 0, 8)


def test_values_of_a_stage_that_no_job_of_the_execution_lists_are_not_its_own() -> None:
    tasks = [(0, 0, 0, 7, "Success", 5), (1, 0, 0, 8, "Success", 50)]
    assert spread("size", tasks, stages=(1,)) == (5, 1, 5, 5, 5, 0, 0, 7)


def test_a_plan_of_many_operators() -> None:
    plan = node("Scan")
    for _ in range(600):
        plan = node("Union", plan)
    assert assembled_deep(plan) == 601


def assembled_deep(plan: Plan) -> int:
    rows: list[tuple[Any, ...]] = []
    while True:
        rows.append((0, len(rows), len(rows) - 1, plan[0], "x", [], [], []))
        if not plan[2]:
            break
        plan = plan[2][0]
    empty = {t.table.name: arrow.empty(t.table) for t in (STAGE_METRICS, DRIVER_METRICS, LOG_START, TASK_UPDATES)}
    return assemble_sql_nodes({"plan_nodes": arrow.from_rows(PLAN_NODES, rows), **empty}).nodes.num_rows
