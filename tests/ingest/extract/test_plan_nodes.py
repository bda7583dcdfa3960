"""From the lines of a log to the nodes of its last plans."""

import json
from pathlib import Path
from typing import Any

import pytest

from afterglow.ingest import decode, extract, read
from afterglow.schemas import spark


def plan(depth: int, name: str = "Project") -> dict[str, Any]:
    made: dict[str, Any] = {"nodeName": "Scan", "simpleString": "Scan x", "children": [], "metrics": []}
    for level in range(depth - 1):
        metrics = [{"name": "number of output rows", "accumulatorId": level, "metricType": "sum"}]
        made = {"nodeName": name, "simpleString": "s" * 3000, "children": [made], "metrics": metrics}
    return made


def start(execution: int, depth: int) -> dict[str, Any]:
    return {"Event": spark.SQL_START, "executionId": execution, "sparkPlanInfo": plan(depth), "time": 1000}


def update(execution: int, depth: int) -> dict[str, Any]:
    return {"Event": spark.SQL_ADAPTIVE_UPDATE, "executionId": execution, "sparkPlanInfo": plan(depth, "Filter")}


def end(execution: int, time: int) -> dict[str, Any]:
    return {"Event": spark.SQL_END, "executionId": execution, "time": time}


def written(tmp_path: Path, *events: Any) -> str:
    begin = {"Event": spark.APPLICATION_START, "App ID": "a", "App Name": "n", "Timestamp": 1, "User": "u"}
    lines = [e if isinstance(e, str) else json.dumps(e, separators=(",", ":")) for e in (begin, *events)]
    path = tmp_path / "log"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def names(path: str) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in read(path)["sql_nodes"].to_pylist():
        found.setdefault(row["execution_id"], []).append(row["name"])
    return found


def test_the_last_adaptive_update_is_the_plan(tmp_path: Path) -> None:
    path = written(tmp_path, start(0, 3), start(1, 2), update(0, 2), update(0, 4), end(0, 2000))
    assert names(path) == {0: ["Filter"] * 3 + ["Scan"], 1: ["Project", "Scan"]}


def test_a_plan_of_600_operators_is_read(tmp_path: Path) -> None:
    lines = []
    for event in (start(0, 1), update(1, 1)):
        line = json.dumps(event, separators=(",", ":"))
        before, after = line.split('"children":[]')  # json cannot write so deep a plan
        node = '{"nodeName":"Union","simpleString":"Union","metrics":[],"children":['
        lines.append(f'{before}"children":[{node * 598}{{"nodeName":"Scan"}}{"]}" * 598}]{after}')
    found = names(written(tmp_path, *lines))
    assert {execution: len(of) for execution, of in found.items()} == {0: 600, 1: 600}


def test_descriptions_are_bounded(tmp_path: Path) -> None:
    nodes = read(written(tmp_path, start(0, 2)))["sql_nodes"].to_pylist()
    assert [len(row["description"]) for row in nodes] == [2000, 6]


def test_a_broken_update_is_reported_and_the_plan_before_it_stays(tmp_path: Path) -> None:
    broken = json.dumps(update(0, 2), separators=(",", ":"))[:-30]
    tables = read(written(tmp_path, start(0, 3), broken, end(0, 2000)))
    assert [row["name"] for row in tables["sql_nodes"].to_pylist()] == ["Project", "Project", "Scan"]
    assert "line_broken" in tables["issues"]["code"].to_pylist()


def test_the_plans_of_the_longest_executions_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = [start(0, 5), start(1, 5), start(2, 5), start(3, 5), end(0, 1010), end(1, 9000), end(2, 1005)]
    path = written(tmp_path, *events)  # execution 3 has no end
    limited = extract.plan_nodes

    def at_most_ten(rows: Any, decode_plan: Any) -> Any:
        return limited(rows, decode_plan, 10)

    monkeypatch.setattr(extract, "plan_nodes", at_most_ten)
    tables = read(path)
    assert set(tables["sql_nodes"]["execution_id"].to_pylist()) == {1, 3}
    issue = next(row for row in tables["issues"].to_pylist() if row["code"] == "plans_left_out")
    assert issue["count"] == 2


def test_a_broken_plan_is_none() -> None:
    import pyarrow as pa

    text = b'"sparkPlanInfo":{"nodeName":'
    assert decode.decode_measured_plan(pa.compress(text, codec="lz4_raw", asbytes=True), len(text)) is None
