"""Find executors and hosts that are slower than the others at the same work, over all stages."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..application_view import ApplicationView
from ..arrow import Array
from ..task_groups import ExecutorGroups
from ..units import count
from .ranking import Candidate

_EXPLAINED = 0.5  # garbage collection or CPU time is the cause if it makes up this share of the excess


def find(app: ApplicationView) -> Iterator[Candidate]:
    """Return slow hosts and slow executors. If its host has a finding, that finding covers the executor's."""
    hosts = list(_slow(app, "slow_host"))
    yield from hosts
    slow_hosts = {one.host for one in hosts}
    for one in _slow(app, "slow_executor"):
        yield one if one.host not in slow_hosts else _within(one)


def _within(one: Candidate) -> Candidate:
    return replace(one, covered_by="slow_host")


def _slow(app: ApplicationView, code: str) -> Iterator[Candidate]:
    by_host = code == "slow_host"
    codes, names = app.hosts if by_host else app.executors
    rows = app.tables["executors"].to_pylist()
    hosts = {row["executor_id"]: row["host"] for row in rows}
    if len(names) < 2 or (by_host and len(set(hosts.values())) == len(hosts)):
        return
    groups = app.grouped(codes, names) if by_host else app.by_executor
    known = ~np.isnan(groups.others)
    number = np.where(known, groups.number, 0)
    tasks = np.bincount(groups.executor, weights=number, minlength=len(names))
    took = np.bincount(groups.executor, weights=np.where(known, number * groups.median, 0), minlength=len(names))
    should = np.bincount(groups.executor, weights=np.where(known, number * groups.others, 0), minlength=len(names))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(should > 0, took / should, 0.0)
    for executor in np.flatnonzero(
        (ratio >= app.threshold(code, "slow_ratio")) & (tasks >= app.threshold(code, "tasks"))
    ).tolist():
        own = known & (groups.executor == executor)
        at = groups.rows[own[groups.group_of]]
        others = groups.others[groups.group_of[own[groups.group_of]]]
        slower = float((app.column("duration_ms")[at] > others).mean())
        data = _data_ratio(app, groups, own)
        if slower < app.threshold(code, "consistent_ratio") or ratio[executor] / data < app.threshold(
            code, "slow_ratio"
        ):
            continue
        name = names[executor]
        host = name if by_host else hosts.get(name)
        cause, figures = _cause(app, groups, own)
        subject = f"host {name}" if by_host else f"executor {name}" + (f" on {host}" if host else "")
        stages = len(np.unique(groups.stage[own]))
        words = {
            "garbage collection": "most of the excess is garbage collection",
            "waiting": "most of the excess is not CPU time: its tasks wait for the CPU, a disk or the network",
            "slow CPU": "most of the excess is CPU time for the same work",
        }
        message = (
            f"Its {count(tasks[executor])} tasks in {count(stages)} stage{'' if stages == 1 else 's'} took "
            f"{ratio[executor]:.1f} times as long as tasks of the same stages elsewhere"
            + (f"; {words[cause]}." if cause else ".")
        )
        yield Candidate(
            code,
            _cost(app, groups, own, codes == executor),
            subject,
            message,
            None if by_host else cause,
            {"ratio": ratio[executor], "slower_ratio": slower, "num_tasks": tasks[executor], "num_stages": stages}
            | {"took_ms": took[executor], "should_ms": should[executor], **figures},
            executor_id=None if by_host else name,
            host=host,
        )


def _data_ratio(app: ApplicationView, groups: ExecutorGroups, own: Array) -> float:
    """How much more data its tasks read than other tasks of the same stages; at least 1."""
    amount = app.column("input_bytes") + app.column("shuffle_read_bytes")
    mine, theirs = _against(groups, own, amount[groups.rows].astype(np.float64))
    return max(mine / theirs, 1.0) if theirs > 0 else 1.0


def _against(groups: ExecutorGroups, own: Array, values: Array) -> tuple[float, float]:
    """The sum of a metric over its tasks, and the sum expected from the same stages' means elsewhere."""
    size = int(groups.stage.max()) + 1
    sums = np.bincount(groups.group_of, weights=values, minlength=len(groups.number))
    of_stage = np.bincount(groups.stage, weights=sums, minlength=size)[groups.stage[own]] - sums[own]
    elsewhere = np.bincount(groups.stage, weights=groups.number, minlength=size)[groups.stage[own]] - groups.number[own]
    means = of_stage / np.maximum(elsewhere, 1)
    return float(sums[own].sum()), float((means * groups.number[own]).sum())


def _cause(app: ApplicationView, groups: ExecutorGroups, own: Array) -> tuple[str | None, dict[str, Any]]:
    took, should = _against(groups, own, app.column("duration_ms")[groups.rows].astype(np.float64))
    excess = max(took - should, 1.0)
    gc, normal_gc = _against(groups, own, app.column("jvm_gc_time_ms")[groups.rows].astype(np.float64))
    cpu, normal_cpu = _against(groups, own, app.column("executor_cpu_time_ns")[groups.rows] / 1e6)
    figures = {"gc_excess_ms": gc - normal_gc, "cpu_ms": cpu, "cpu_elsewhere_ms": normal_cpu}
    if gc - normal_gc >= _EXPLAINED * excess:
        return "garbage collection", figures
    if not normal_cpu:
        return None, figures
    return ("slow CPU" if cpu - normal_cpu >= _EXPLAINED * excess else "waiting"), figures


def _cost(app: ApplicationView, groups: ExecutorGroups, own: Array, mine: Array) -> float:
    total = 0.0
    for stage, number, median, others in zip(
        groups.stage[own].tolist(), groups.number[own], groups.median[own], groups.others[own], strict=True
    ):
        shared = number * (median - others) / app.at_once[stage]
        rows = app.rows(stage)
        alone = mine[rows] & app.succeeded[rows]
        rest = app.ended[rows][~mine[rows] & app.succeeded[rows]]
        tail = app.ended[rows][alone].max(initial=0) - rest.max() if alone.any() and len(rest) else 0
        total += max(shared, min(tail, median), 0.0)
    return float(total)
