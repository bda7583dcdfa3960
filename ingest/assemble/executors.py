"""Executors: who joined, who left, and how much of each was used."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas import spark
from ...schemas.tables import EXECUTORS
from .. import arrow


def assemble_executors(rows: Mapping[str, pa.Table], tasks: pa.Table) -> pa.Table:
    """One row per executor: those that were added, and those only other events name (before Spark 1.3, or damage)."""
    executors: dict[str, dict[str, Any]] = {}
    for event in rows["executor_added"].to_pylist():
        if event["executor_id"] is not None:
            executors.setdefault(event["executor_id"], event)
    used = _used(tasks)
    for executor_id, (host, num_tasks, task_time) in used.items():
        executor = executors.setdefault(executor_id, {"executor_id": executor_id, "host": host})
        executor.update(num_tasks=num_tasks, task_time_ms=task_time)
    for event in rows["block_manager_added"].to_pylist():
        executor = executors.get(event["executor_id"], {})
        if executor:
            executor["max_memory_bytes"] = event["max_memory_bytes"]
            if executor.get("add_time_ms") is None:
                executor["add_time_ms"] = event["time_ms"]
    for event in rows["executor_removed"].to_pylist():
        executor = executors.get(event["executor_id"], {})
        if executor and executor.get("remove_time_ms") is None:
            executor.update(remove_time_ms=event["remove_time_ms"], remove_reason=event["remove_reason"])
    _set_local_cores(rows, executors)
    for executor in executors.values():
        executor.setdefault("num_tasks", 0)
        executor.setdefault("task_time_ms", 0)
    ordered = sorted(executors.values(), key=lambda row: (len(row["executor_id"]), row["executor_id"]))
    return arrow.from_rows(EXECUTORS, ([row.get(column.name) for column in EXECUTORS] for row in ordered))


def _used(tasks: pa.Table) -> dict[str, tuple[str | None, int, int]]:
    if not len(tasks):
        return {}
    codes, names = arrow.codes(tasks, "executor_id")
    codes = np.where(codes < 0, len(names), codes)
    counts = np.bincount(codes, minlength=len(names) + 1)
    time = np.bincount(codes, weights=arrow.numbers(tasks, "duration_ms"), minlength=len(names) + 1)
    first = {code: int(np.argmax(codes == code)) for code in range(len(names))}
    hosts = tasks["host"]
    return {name: (hosts[first[c]].as_py(), int(counts[c]), int(time[c])) for c, name in enumerate(names) if name}


def _set_local_cores(rows: Mapping[str, pa.Table], executors: Mapping[str, dict[str, Any]]) -> None:
    """A local driver before Spark 3 runs tasks without being added as an executor: its cores are in the master URL."""
    driver = executors.get(spark.DRIVER)
    if driver is None or driver.get("cores") is not None:
        return
    masters = [row["value"] for row in rows["environment"].to_pylist() if row["key"] == "spark.master"]
    inside = masters[0].partition("[")[2].partition("]")[0].split(",")[0] if masters and masters[0] else ""
    if inside.isdecimal():
        driver["cores"] = int(inside)
    elif masters and masters[0] == "local":
        driver["cores"] = 1
