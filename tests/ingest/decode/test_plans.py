"""Plans deeper than a parser can recurse are read whole, without recursion."""

import json
from typing import Any

import pytest

from afterglow.ingest import decode
from afterglow.ingest.decode.plans import split_plan
from afterglow.schemas import spark
from afterglow.schemas.issues import ImportIssue

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
