"""Compare sql_nodes and sql_metrics with Spark's History Server, every node and every figure.

python -m benchmarks.sql_compared LOG...

Starts the History Server of the installed pyspark on the logs, asks it for `/applications/<id>/sql?details=true`, and
writes each figure of the tables the way Spark does.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np

from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log

from .history_server import get, listed_applications, started_server

_SHOWN = 20
_NUMBER = re.compile(r"\((\d+)\)$")  # of WholeStageCodegen (3), which the server gives instead of the node


def main() -> None:
    """Prints a row per log, and the first differences."""
    print("| log | SQL executions | nodes | figures | differ |")
    print("|---|--:|--:|--:|--:|")
    paths = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="afterglow-sql-") as folder:
        for number, path in enumerate(paths):
            (Path(folder) / f"{number}-{Path(path).name}").symlink_to(Path(path).resolve())
        with started_server(Path(folder)) as (server, api):
            theirs = {}
            for application in listed_applications(api, server, len(paths)):
                url = f"{api}/applications/{application}/sql?details=true&planDescription=true&length=1000000"
                theirs[application] = get(url)
        for path in paths:
            (log,) = find_logs([path])
            tables = read_log(log)
            row = tables.application
            name = f"{row['app_id']}/{row['app_attempt']}" if row["app_attempt"] else row["app_id"]
            nodes, figures, differ = compared(tables, theirs[name])
            print(f"| {Path(path).name} | {len(theirs[name])} | {nodes:,} | {figures:,} | {len(differ):,} |")
            for line in differ[:_SHOWN]:
                print(line, file=sys.stderr)


def compared(tables: Any, theirs: list[dict[str, Any]]) -> tuple[int, int, list[str]]:
    """How many nodes and figures the server has, and what differs."""
    ours = _ours(tables)
    expected = dict(_theirs(theirs))
    differ = [
        f"{key}: {ours.get(key)!r} here, {expected.get(key)!r} there"
        for key in sorted({*ours, *expected}, key=str)
        if ours.get(key) != expected.get(key)
    ]
    nodes = sum(1 for key in expected if key[2] == "")
    return nodes, len(expected) - nodes, differ


def _theirs(executions: list[dict[str, Any]]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for execution in executions:
        parents: dict[int, list[int]] = {}
        for edge in execution["edges"]:
            parents.setdefault(edge["fromId"], []).append(edge["toId"])
        for node in execution["nodes"]:
            key = execution["id"], node["nodeId"]
            yield (
                (*key, ""),
                (node["nodeName"], node.get("wholeStageCodegenId"), sorted(parents.get(node["nodeId"], []))),
            )
            for metric in node["metrics"]:
                name = metric["name"].removesuffix(" total (min, med, max)")  # up to Spark 2.2
                yield (*key, name), metric["value"]


def _ours(tables: Any) -> dict[tuple[Any, ...], Any]:
    found: dict[tuple[Any, ...], Any] = {}
    nodes = tables["sql_nodes"].to_pylist()
    names = {(node["execution_id"], node["node_id"]): node["name"] for node in nodes}
    for node in nodes:
        number = _NUMBER.search(names.get((node["execution_id"], node["codegen_id"]), ""))
        key = node["execution_id"], node["node_id"], ""
        found[key] = node["name"], int(number[1]) if number else None, sorted(node["parent_ids"])
    for metric in tables["sql_metrics"].to_pylist():
        found[metric["execution_id"], metric["node_id"], metric["name"]] = shown(metric)
    return found


def shown(metric: Mapping[str, Any]) -> str:
    """A figure as org.apache.spark.sql.execution.metric.SQLMetrics.stringValue writes it."""
    type_ = metric["type"]
    if type_ == "sum":
        return f"{metric['total']:,}"
    write = {"size": _bytes, "timing": _ms, "nsTiming": _ns, "average": _tenths}.get(type_, _unknown)
    total = 0 if metric["total"] is None else metric["total"]
    where = "(driver)"
    if metric["max_task_id"] is not None:
        where = f"(stage {metric['max_stage_id']}.{metric['max_stage_attempt']}: task {metric['max_task_id']})"
    if metric["num_values"] < 2:
        return write(metric["max"] or 0) if type_ == "average" else write(total)
    spread = f"({write(metric['min'])}, {write(metric['median'])}, {write(metric['max'])} {where})"
    if type_ == "average":
        return f"(min, med, max (stageId: taskId)):\n{spread}"
    return f"total (min, med, max (stageId: taskId))\n{write(total)} {spread}"


def _fixed(value: float, digits: str = "0.1") -> str:
    """As java.util.Formatter, which rounds the shortest decimal form of a double."""
    return str(Decimal(repr(float(value))).quantize(Decimal(digits), ROUND_HALF_UP))


def _bytes(value: int) -> str:
    for power, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if value >= 2 * 2**power:
            return f"{_fixed(value / 2**power)} {unit}"
    return f"{_fixed(value)} B"


def _ms(value: int) -> str:
    if value < 1000:
        return f"{value} ms"
    for most, divisor, unit in ((60_000, 1000, "s"), (3_600_000, 60_000, "m")):
        if value < most:
            return f"{_fixed(float(np.float32(value) / np.float32(divisor)))} {unit}"
    return f"{_fixed(float(np.float32(value) / np.float32(3_600_000)), '0.01')} h"


def _ns(value: int) -> str:
    return _ms(value // 1_000_000)


def _unknown(value: int) -> str:
    return f"[unknown] {value:,}"


def _tenths(value: int) -> str:
    return f"{value / 10:,.1f}".removesuffix(".0")


if __name__ == "__main__":
    main()
