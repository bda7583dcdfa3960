"""Plans deeper than a parser can recurse are read whole, without recursion."""

import json
from pathlib import Path
from typing import Any

import pytest

from afterglow.ingest import decode
from afterglow.ingest import read as read_log
from afterglow.ingest.decode.plans import split_plan
from afterglow.schemas import spark
from afterglow.schemas.issues import ImportIssue
from tests.property.event_strategies import small_lines

NODE = '{"nodeName":"Union","simpleString":"a ] \\\\\\"","metrics":[{"accumulatorId":%d}],"children":['
LEAF = (
    '{"nodeName":"Scan x","simpleString":"children","metadata":{"children":"[{","Location":"A[file:/in]"},'
    '"children":[]}'
)


def event(depth: int, leaf: str = LEAF) -> bytes:
    nodes = "".join(NODE % number for number in range(depth))
    plan = nodes + leaf + '],"metadata":{}}' * depth
    return f'{{"Event":"{spark.SQL_START}","executionId":3,"sparkPlanInfo":{plan},"time":5}}'.encode()


def read(line: bytes) -> tuple[Any, list[ImportIssue]]:
    issues: list[ImportIssue] = []
    decoded = decode.Decoded(scanner=None)
    decode.decode_lines(decode.Lines(line + b"\n", 0, 1), decoded, issues.append)
    (found,) = decoded.events[spark.SQL_START]
    return found, issues


@pytest.mark.parametrize("depth", [600, 20_000])
def test_a_deep_plan_is_read_with_all_its_nodes(depth: int) -> None:
    found, issues = read(event(depth))
    node, nodes = found.sparkplaninfo, 0
    while node.children:
        (node,) = node.children
        nodes += 1
    assert (found.executionid, found.time, nodes, issues) == (3, 5, depth, [])
    assert (node.node_name, node.metadata["Location"]) == ("Scan x", "A[file:/in]")


def test_an_unusable_value_in_a_deep_plan_is_counted() -> None:
    found, issues = read(event(600, LEAF.replace('"Scan x"', "7")))
    assert found.executionid == 3
    assert [(issue.code, issue.count) for issue in issues] == [("field_unusable", 1)]


def test_the_nodes_are_those_of_the_parsed_tree() -> None:
    line = event(3, leaf=f"{LEAF},{LEAF}")
    split = split_plan(line)
    assert split is not None and json.loads(split.event)["sparkPlanInfo"] is None
    assert split.parents == [-1, 0, 1, 2, 2]
    whole = json.loads(line)["sparkPlanInfo"]
    for node in map(json.loads, split.nodes[:3]):
        assert {**whole, "children": []} == {**node, "children": []}
        whole = whole["children"][0]


@pytest.mark.parametrize("cut", [1, 20, 90, 200])
def test_brackets_that_do_not_match_give_no_plan(cut: int) -> None:
    assert split_plan(event(5)[:-cut]) is None or cut < 10
    assert split_plan(event(5).replace(b"}", b"]")) is None
    assert split_plan(b'{"Event":"x"}') is None


def plans_of(events: list[dict[str, Any]], write: Any, folder: Path) -> tuple[list[int], list[tuple[str, int]]]:
    """The executions with nodes in sql_nodes, and the issues by code and count."""
    (folder / "log").write_text("".join(write(event) + "\n" for event in events))
    tables = read_log(str(folder / "log"))
    issues = [(issue["code"], issue["count"]) for issue in tables.issues.to_pylist()]
    return sorted(set(tables["sql_nodes"]["execution_id"].to_pylist())), issues


def compact(event: dict[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"))


@pytest.mark.parametrize(
    "write",
    [
        json.dumps,
        lambda event: compact(event) + " \t\r",
        lambda event: compact({"Event": event["Event"], **dict(sorted(event.items()))}),
    ],
    ids=["blanks", "padding", "another order"],
)
def test_plans_are_kept_whatever_wrote_the_json(write: Any, tmp_path: Path) -> None:
    assert plans_of([json.loads(line) for line in small_lines()], write, tmp_path) == ([0, 1, 2], [])


def with_execution(number: int) -> list[dict[str, Any]]:
    """A log whose execution 1 has another id."""
    events = [json.loads(line) for line in small_lines()]
    for event in events:
        if event.get("executionId") == 1:
            event["executionId"] = number
    return events


@pytest.mark.parametrize("number", [10**18, 2**63 - 1])
def test_the_plan_of_the_last_possible_execution_is_kept(number: int, tmp_path: Path) -> None:
    assert plans_of(with_execution(number), compact, tmp_path) == ([0, 2, number], [])


def test_a_plan_whose_execution_has_no_usable_id_is_counted(tmp_path: Path) -> None:
    plans, issues = plans_of(with_execution(2**63), compact, tmp_path)
    assert plans == [0, 2] and ("plans_left_out", 1) in issues


def test_two_plans_on_one_line_are_counted(tmp_path: Path) -> None:
    starts = [line.decode() for line in small_lines() if spark.SQL_START.encode() in line]
    (tmp_path / "log").write_text("".join(starts[:2]) + "\n" + starts[2] + "\n")
    tables = read_log(str(tmp_path / "log"))
    assert tables["sql_executions"]["execution_id"].to_pylist() == [0, 1, 2]
    assert set(tables["sql_nodes"]["execution_id"].to_pylist()) == {2}
    left = [issue["count"] for issue in tables.issues.to_pylist() if issue["code"] == "plans_left_out"]
    assert sum(left) == 2
