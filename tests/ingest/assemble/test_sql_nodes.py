"""Plans as the graph that Spark draws, and the totals of their metrics."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from afterglow.ingest import arrow
from afterglow.ingest.assemble.sql_nodes import SqlNodes, assemble_sql_nodes
from afterglow.schemas.events import DRIVER_METRICS, LOG_START, PLAN_NODES, STAGE_METRICS

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
) -> SqlNodes:
    def made(table: Any, rows: Sequence[Any]) -> pa.Table:
        return arrow.from_rows(table, rows)

    return assemble_sql_nodes(
        {
            "plan_nodes": made(PLAN_NODES, rows_of(plan)),
            "stage_metrics": made(STAGE_METRICS.table, stages),
            "driver_metrics": made(DRIVER_METRICS.table, driver),
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
    assert [tuple(row.values())[2:] for row in found.metrics.to_pylist()] == [
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
    assert found.metrics.to_pylist() == [
        {"execution_id": 0, "node_id": 0, "name": "duration", "type": "timing", "total": total}
    ]


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
    empty = {t.table.name: arrow.empty(t.table) for t in (STAGE_METRICS, DRIVER_METRICS, LOG_START)}
    return assemble_sql_nodes({"plan_nodes": arrow.from_rows(PLAN_NODES, rows), **empty}).nodes.num_rows
