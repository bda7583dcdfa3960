"""Plans of any depth: an SQL execution's start whose plan has more nodes below each other than a parser can recurse.

A loop of unions or joins without a checkpoint makes a plan of hundreds of operators, each in the `children` of the one
above. Here the line is cut into the event and its nodes without recursion. Each node is parsed alone; the tree is put
together afterwards.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PLAN_CODEC = "lz4_raw"  # 4 GB/s where zstd does 0.7, at a third of the ratio
PLAN_KEY = b'"sparkPlanInfo"'
_CHILDREN_KEY = b'"children"'
_TOKEN = re.compile(rb'["{}\[\]]')
_COLON = re.compile(rb"\s*:\s*")


@dataclass(slots=True)
class _Open:
    """A node whose end was not reached yet."""

    number: int
    begin: int
    parts: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """An event without its plan (which is null), and the plan's nodes without their children, from the root down:
    `nodes[i]` is a child of `nodes[parents[i]]`; the root's parent is -1."""

    event: bytes
    nodes: list[bytes]
    parents: list[int]

    def build(self, parse: Callable[[bytes], Any]) -> Any:
        """The root of the tree of what `parse` makes of each node; its `children` are lists that are empty then."""
        made = [parse(node) for node in self.nodes]
        for node, parent in zip(made[1:], self.parents[1:], strict=True):
            made[parent].children.append(node)
        return made[0]


def split_plan(line: bytes) -> SplitPlan | None:
    """The parts of an SQL execution's start; None where it has no plan or its brackets do not match."""
    key = line.find(PLAN_KEY)
    colon = _COLON.match(line, key + len(PLAN_KEY)) if key >= 0 else None
    if colon is None or line[colon.end() : colon.end() + 1] != b"{":
        return None
    nodes: list[bytes] = []
    parents: list[int] = []
    path: list[_Open] = []  # the nodes around the position
    closing: list[bytes] = []  # the brackets to come, innermost last
    levels: list[int] = []  # how many brackets there were when a `children` array began
    at = begin = colon.end()
    while match := _TOKEN.search(line, at):
        token, start = match[0], match.start()
        at = match.end()
        if token == b'"':
            at = string_end(line, at)
            if not at:
                return None
            if line[start:at] == _CHILDREN_KEY and path and len(closing) == (levels[-1] if levels else 0) + 1:
                colon = _COLON.match(line, at)
                if colon is not None and line[colon.end() : colon.end() + 1] == b"[":
                    path[-1].parts.append(line[path[-1].begin : colon.end() + 1])
                    at = colon.end() + 1
                    levels.append(len(closing) + 1)
                    closing.append(b"]")
        elif token in b"{[":
            if token == b"{" and len(closing) == (levels[-1] if levels else 0):
                parents.append(path[-1].number if path else -1)
                path.append(_Open(len(nodes), start))
                nodes.append(b"")
            closing.append(b"}" if token == b"{" else b"]")
        elif not closing or closing.pop() != token:
            return None
        elif levels and len(closing) == levels[-1] - 1:  # a `children` array ends
            levels.pop()
            path[-1].begin = start
        elif token == b"}" and len(closing) == (levels[-1] if levels else 0):  # a node ends
            node = path.pop()
            nodes[node.number] = b"".join((*node.parts, line[node.begin : at]))
            if not path:
                return SplitPlan(line[:begin] + b"null" + line[at:], nodes, parents)
    return None


def string_end(line: bytes, at: int) -> int:
    """Behind the closing quote of a string that begins before `at`; 0 where it has none."""
    while (end := line.find(b'"', at)) >= 0:
        backslashes = end - len(line[at:end].rstrip(b"\\")) - at
        if backslashes % 2 == 0:
            return end + 1
        at = end + 1
    return 0
