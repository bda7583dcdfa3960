"""SQL executions as cards, and stages as a table, in the report."""

import re
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import derive_tree, read_view
from afterglow.ingest.report import queries as cards
from afterglow.ingest.report import stage_table
from afterglow.ingest.report.report_data import ReportData, report_data
from tests.conftest import sample_log


@pytest.fixture(scope="module")
def data() -> ReportData:
    (log,) = find_logs([str(sample_log("skewed-join"))])
    app = read_view(log)
    return report_data(derive_tree(app, "none"), app)


def node(number: int, parents: list[int], **figures: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("description", "output_rows", "data_bytes", "time_ms", "spill_bytes"))
    return {"execution_id": 0, "node_id": number, "name": f"n{number}", "parent_ids": parents, **empty, **figures}


def made(*nodes: dict[str, Any]) -> Any:
    execution = {
        "execution_id": 0,
        "description": "collect at <a href='x'>job.py:3</a>",
        "duration_ms": 1500,
        "status": "FAILED",
        "error_message": None,
    }
    tables = {"sql_nodes": pa.Table.from_pylist(list(nodes)), "sql_executions": pa.Table.from_pylist([execution])}
    return SimpleNamespace(app=SimpleNamespace(tables=tables, jobs=[], stages_of_job={}), stages=[])


def test_a_plan_is_a_tree_from_its_root_with_the_expensive_operator_marked() -> None:
    (query,) = cards.queries(made(node(0, []), node(1, [0], time_ms=900, output_rows=0), node(2, [0], time_ms=5)))
    assert [(one.name, one.depth, one.expensive) for one in query.nodes] == [
        ("n0", 0, False),
        ("n1", 1, True),
        ("n2", 1, False),
    ]
    assert query.nodes[1].rows == "0" and query.nodes[0].rows == "" and query.nodes[1].time == "900 ms"
    assert (query.time, query.failed, query.title) == ("1.5 s", "failed", "collect job:3")


def test_a_reused_operator_is_expanded_once_and_a_cycle_ends() -> None:
    (query,) = cards.queries(made(node(0, []), node(1, [0]), node(2, [0]), node(3, [1, 2]), node(4, [3])))
    assert [(one.name, one.reused) for one in query.nodes if one.name in ("n3", "n4")] == [
        ("n3", False),
        ("n4", False),
        ("n3", True),
    ]
    (looped,) = cards.queries(made(node(0, []), node(1, [0, 2]), node(2, [1])))
    assert len(looped.nodes) == 4


def test_operators_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "REPORT_QUERY_NODES", 2)
    (query,) = cards.queries(made(node(0, []), node(1, [0]), node(2, [1])))
    assert (len(query.nodes), query.left) == (2, 1)


def test_queries_name_the_stages_that_ran_for_them(data: ReportData) -> None:
    found = cards.queries(data)
    assert found and [query.nodes[0].depth for query in found] == [0] * len(found)
    longest = max(found, key=lambda query: len(query.stages))
    keys = {run.key for run in data.stages}
    assert longest.stages and all(name.startswith(f"{number} ") and key in keys for number, name, key in longest.stages)
    assert all(re.fullmatch(r"s[\d.]+", number) for number, _, _ in longest.stages)


def test_deep_plans_stay_on_the_page_and_the_card_names_the_expensive_operator() -> None:
    chain = [node(0, []), *(node(i, [i - 1], time_ms=i) for i in range(1, 61))]
    (query,) = cards.queries(made(*chain))
    assert query.nodes[-1].depth * query.indent_px <= 360 and query.indent_px == 6
    assert query.costly == "n60 60 ms"
    (flat,) = cards.queries(made(node(0, []), node(1, [0])))
    assert (flat.indent_px, flat.costly) == (12, "")


def test_all_queries_are_counted(data: ReportData) -> None:
    found = cards.queries(data)
    assert len(found) <= cards.number_of_queries(data)


def test_stages_are_rows_by_duration_with_values_to_sort_by(data: ReportData) -> None:
    rows = stage_table.stage_rows(data)
    assert len(rows) == len(data.stages) and all(len(row.cells) == len(stage_table.STAGE_COLUMNS) for row in rows)
    times = [row.cells[0][0] for row in rows]
    assert times == sorted(times, reverse=True)
    assert all(text == "" for row in rows for value, text in row.cells if not value)
