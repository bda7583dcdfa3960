"""What the tasks and the driver measured for the metrics of SQL plans: total, least, median and greatest value.

Source: org.apache.spark.sql.execution.ui.SQLAppStatusListener.aggregateMetrics, LiveStageMetrics and
org.apache.spark.sql.execution.metric.SQLMetrics.stringValue.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...schemas import spark
from .. import arrow
from ..arrow import Array

Key = tuple[int, int]
"""Execution and accumulator."""


@dataclass(frozen=True, slots=True)
class MetricValues:
    """The values of one metric in one execution, sorted: first `zeros` that no task wrote, then `values`.

    Spark counts a task without a value as 0. `greatest` is the stage, its attempt and the task of the greatest value.
    """

    zeros: int
    values: Array
    greatest: tuple[int | None, ...]

    def figures(self, type_: str, of_driver: Sequence[int]) -> tuple[int, tuple[int | None, ...]]:
        """The total; and how many values there are, the least, median and greatest of them, and the stage, its attempt
        and the task of the greatest, which are unknown if the driver measured it."""
        least = 1 if type_ == "average" else 0
        values, zeros = self.values, self.zeros
        if of_driver:
            values = np.sort(np.concatenate([values, np.array(of_driver, np.int64)]))
        begin = int(np.searchsorted(values, least))
        number = (0 if type_ == "average" else zeros) + len(values) - begin
        # the sum counts negative values; sizes and times below 0 are metrics without a value
        total = int(values.sum() if type_ == "sum" else values[begin:].sum())
        if not number:
            return total, (0, *(None,) * 6)

        def at(place: int) -> int:
            place -= 0 if type_ == "average" else zeros
            return 0 if place < 0 else int(values[begin + place])

        from_driver = bool(of_driver) and max(of_driver) > (int(self.values[-1]) if len(self.values) else 0)
        spread = at(0), at(number // 2), at(number - 1)
        return total, (number, *spread, *((None,) * 3 if from_driver else self.greatest))


OF_DRIVER = MetricValues(0, np.empty(0, np.int64), (None,) * 3)
"""Of a metric that no task measured."""


def metric_values(rows: Mapping[str, pa.Table], wanted: set[int]) -> Mapping[Key, MetricValues]:
    """What the tasks measured, of the `wanted` accumulators, by execution and accumulator.

    Of a task's attempts the first that succeeded counts, else the last one, and of a stage's attempts the last one.
    """
    updates = rows["task_updates"]
    ids, counts = arrow.flattened(updates, "metric_ids")
    if len(ids) == 0 or not wanted:
        return {}
    values, _ = arrow.flattened(updates, "values")
    owner = np.repeat(np.arange(len(counts)), counts)
    executions, tasks_of = _stages(rows)
    kept = _counting(updates) & np.isin(arrow.numbers(updates, "stage_id"), list(executions))
    chosen = np.flatnonzero(kept[owner] & np.isin(ids, np.fromiter(wanted, np.int64, len(wanted))))
    if not len(chosen):
        return {}
    ids, values, owner = ids[chosen], values[chosen], owner[chosen]
    stage = arrow.numbers(updates, "stage_id").astype(np.int64)[owner]
    execution = _looked_up(executions, stage)
    order = np.lexsort((values, ids, execution))
    return dict(_grouped(updates, ids[order], values[order], owner[order], stage[order], execution[order], tasks_of))


def _stages(rows: Mapping[str, pa.Table]) -> tuple[dict[int, int], dict[int, int]]:
    """Stage -> the execution whose job ran it, the first that lists it; and -> its number of tasks."""
    properties = rows["job_properties"]
    properties = properties.filter(
        arrow.from_numpy(arrow.equals(properties, "key", spark.SQL_EXECUTION_ID), "bool")
    ).to_pylist()
    of_job = {row["job_id"]: int(row["value"]) for row in properties if (row["value"] or "").isdecimal()}
    executions: dict[int, int] = {}
    tasks: dict[int, int] = {}
    columns = (rows["job_stages"][name].to_pylist() for name in ("job_id", "stage_id", "num_tasks"))
    for job, stage, number in zip(*columns, strict=True):
        if job in of_job and stage is not None:
            executions.setdefault(stage, of_job[job])
            tasks.setdefault(stage, number or 0)
    return executions, tasks


def _counting(updates: pa.Table) -> Array:
    """Which TaskEnds count."""
    stage, attempt, index = (
        arrow.numbers(updates, name).astype(np.int64) for name in ("stage_id", "stage_attempt", "index")
    )
    done = arrow.equals(updates, "reason", spark.SUCCESS)
    last = np.full(int(stage.max(initial=0)) + 1, -1, np.int64)
    np.maximum.at(last, np.maximum(stage, 0), attempt)
    place = np.arange(len(stage))
    # of one partition the first success comes last, and all else in the order of the log
    order = np.lexsort((np.where(done, -place, place), done, index, stage))
    order = order[(attempt == last[np.maximum(stage, 0)])[order]]
    ends = np.ones(len(order), np.bool_)
    ends[:-1] = (stage[order][1:] != stage[order][:-1]) | (index[order][1:] != index[order][:-1])
    kept = np.zeros(len(stage), np.bool_)
    kept[order[ends]] = True
    return kept


def _looked_up(values: Mapping[int, int], keys: Array) -> Array:
    known = np.array(sorted(values), np.int64)
    found: Array = np.array([values[key] for key in known.tolist()], np.int64)[np.searchsorted(known, keys)]
    return found


def _grouped(
    updates: pa.Table, ids: Array, values: Array, owner: Array, stage: Array, execution: Array, tasks_of: dict[int, int]
) -> Iterator[tuple[Key, MetricValues]]:
    """The arrays are by execution, accumulator and value; of equal ones in the order of the log."""
    new = np.ones(len(ids), np.bool_)
    new[1:] = (ids[1:] != ids[:-1]) | (execution[1:] != execution[:-1])
    runs = new.copy()
    runs[1:] |= values[1:] != values[:-1]
    run_begins = np.flatnonzero(runs)
    begins = np.flatnonzero(new)
    ends = np.append(begins[1:], len(ids))
    firsts = run_begins[np.searchsorted(run_begins, ends - 1, "right") - 1]
    group = np.cumsum(new) - 1
    pairs = np.unique(np.stack([group, stage], axis=1), axis=0)
    expected = np.bincount(pairs[:, 0], [tasks_of[at] for at in pairs[:, 1].tolist()], len(begins)).astype(np.int64)
    attempts, tasks = (arrow.numbers(updates, name)[owner[firsts]].tolist() for name in ("stage_attempt", "task_id"))
    columns = (execution[begins], ids[begins], begins, ends, expected, stage[firsts])
    for number, (of, id_, begin, end, all_, at) in enumerate(zip(*(one.tolist() for one in columns), strict=True)):
        where = at, attempts[number], tasks[number]
        yield (of, id_), MetricValues(max(all_ - (end - begin), 0), values[begin:end], where)
