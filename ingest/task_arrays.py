"""The task attempts of one application as numpy arrays, with aggregates per stage."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from ..schemas.findings.threshold_overrides import Thresholds
from ..schemas.logs import EventLogTables
from . import arrow
from .arrow import Array
from .task_groups import ExecutorGroups, group_by_executor, medians

Row = Mapping[str, Any]
"""A row of a declared table (schemas.tables): column name -> value."""

DATA_COLUMNS = (
    "shuffle_read_bytes",
    "shuffle_read_records",
    "input_bytes",
    "input_records",
    "shuffle_write_records",
    "shuffle_write_bytes",
    "output_records",
    "output_bytes",
)
"""The columns by which the data of a task is measured, the most telling first."""
_NEVER_RAN = ("SKIPPED", "PENDING")


class TaskArrays:
    """`stages` are the stage attempts that ran, in the order of the tasks table; `begin[i]` to `end[i]` are the rows of
    stage i's tasks in it. `threshold(code, name)` is a threshold of a finding. Times are epoch ms."""

    def __init__(self, tables: EventLogTables, thresholds: Thresholds) -> None:
        self.tables, self.threshold = tables, thresholds
        self.tasks: pa.Table = tables["tasks"]
        self._columns: dict[str, Array] = {}
        self._valid: dict[str, Array] = {}
        self.stages: list[Row] = [row for row in tables["stages"].to_pylist() if row["status"] not in _NEVER_RAN]
        stage, attempt = (arrow.numbers(self.tasks, name).astype(np.int64) for name in ("stage_id", "stage_attempt"))
        keys = stage << 20 | attempt
        own = np.array([row["stage_id"] << 20 | row["stage_attempt"] for row in self.stages], np.int64)
        self.begin: Array = np.searchsorted(keys, own, "left")
        self.end: Array = np.searchsorted(keys, own, "right")

    def __len__(self) -> int:
        """The number of task attempts."""
        return len(self.tasks)

    def column(self, name: str) -> Array:
        """A numeric column of all tasks. Null is 0; see `known`."""
        if name not in self._columns:
            self._columns[name] = arrow.numbers(self.tasks, name)
        return self._columns[name]

    def known(self, name: str) -> Array:
        """Whether each task has a value in a column."""
        if name not in self._valid:
            self._valid[name] = arrow.valid(self.tasks, name)
        return self._valid[name]

    def within_run_time(self, name: str) -> Array:
        """A part of every task's run time in ms, capped at the run time."""
        return np.minimum(self.column(name), self.column("executor_run_time_ms"))

    @cached_property
    def task_cpus(self) -> Array:
        """The number of cores that each task uses."""
        of_stage = np.array([*(row["task_cpus"] or 1.0 for row in self.stages), 1.0])
        cpus: Array = of_stage[self.stage_of]
        return cpus

    @cached_property
    def _statuses(self) -> tuple[Array, list[str | None]]:
        return arrow.codes(self.tasks, "status")

    def with_status(self, *statuses: str) -> Array:
        """Which tasks have one of these statuses."""
        codes, names = self._statuses
        have: Array = np.isin(codes, [code for code, name in enumerate(names) if name in statuses])
        return have

    @cached_property
    def succeeded(self) -> Array:
        """Which tasks succeeded and have a duration."""
        done: Array = self.with_status("SUCCESS") & self.known("duration_ms")
        return done

    @cached_property
    def stage_of(self) -> Array:
        """The position in `stages` of each task's stage; -1 if the log has no such stage."""
        rows = np.full(len(self), -1, np.int64)
        for number, (begin, end) in enumerate(zip(self.begin.tolist(), self.end.tolist(), strict=True)):
            rows[begin:end] = number
        return rows

    @cached_property
    def ended(self) -> Array:
        """When each task finished. If it did not finish, or finished before it began, its start."""
        return np.maximum(self.column("finish_time_ms"), self.column("launch_time_ms"))

    @cached_property
    def at_once(self) -> Array:
        """Per stage, the maximum number of its tasks that ran at the same time; at least 1."""
        most = np.ones(len(self.stages), np.int64)
        own = np.flatnonzero(self.stage_of >= 0)
        if not len(own):
            return most
        moments = np.concatenate([self.column("launch_time_ms")[own], self.ended[own]])
        change = np.repeat(np.array([1, -1]), len(own))
        stage = np.concatenate([self.stage_of[own], self.stage_of[own]])
        order = np.lexsort((change, moments, stage))  # at equal times, ends sort before starts
        running = np.cumsum(change[order])  # every stage's changes sum to 0
        ordered = stage[order]
        begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        most[ordered[begins]] = np.maximum(np.maximum.reduceat(running, begins), 1)
        return most

    @cached_property
    def executors(self) -> tuple[Array, list[str]]:
        """The executor of each task as an index into the names; -1 if the log does not contain it."""
        codes, names = arrow.codes(self.tasks, "executor_id")
        return codes, [name or "" for name in names]

    @cached_property
    def hosts(self) -> tuple[Array, list[str]]:
        """The host of each task, in the same form as `executors`."""
        codes, names = arrow.codes(self.tasks, "host")
        return codes, [name or "" for name in names]

    @cached_property
    def first_on_executor(self) -> Array:
        """The first tasks of each executor, one per slot. They load classes, start Python workers and
        warm up the JVM."""
        return self._first(self.executors[0])

    @cached_property
    def first_of_stage(self) -> Array:
        """The first tasks of each stage on each executor, one per slot. They compile the stage's code and
        start its workers."""
        codes, names = self.executors
        return self._first(np.where(codes < 0, -1, self.stage_of * (len(names) + 1) + codes))

    def _first(self, groups: Array) -> Array:
        """The first tasks of every group by launch time, as many as their executor has cores. Group -1 is ignored."""
        codes, names = self.executors
        cores = {row["executor_id"]: row["cores"] or 1 for row in self.tables["executors"].to_pylist()}
        limit = np.array([*(cores.get(name, 1) for name in names), 0])[codes]  # -1 is the last one
        order = np.lexsort((self.column("launch_time_ms"), groups))
        ordered = groups[order]
        rank = np.arange(len(order)) - np.searchsorted(ordered, ordered, "left")
        first = np.zeros(len(self), np.bool_)
        first[order] = (rank < limit[order]) & (ordered >= 0)
        return first

    @cached_property
    def medians(self) -> Array:
        """Per stage, the median duration of its successful tasks in ms; NaN if there are none."""
        return self.median_of("duration_ms")

    def median_of(self, name: str, among: Array | None = None) -> Array:
        """Per stage, the median of a column over its successful tasks, or over those of them that are `among`."""
        rows = np.flatnonzero(self.succeeded & (self.stage_of >= 0) & (True if among is None else among))
        return medians(self.column(name)[rows], self.stage_of[rows], len(self.stages))

    @cached_property
    def stragglers(self) -> Array:
        """Tasks that took far longer than the others of their stage, by the thresholds of `straggler`.

        Warm-up is not counted, which takes less than `warm_up_s` or as long on other executors. The first tasks of an
        executor count only if they had more data than the others. The same holds for the first of a stage on an
        executor, unless they also differ from each other. If too many tasks of a stage are long, none is a straggler.
        """
        number = self.sums(self.succeeded)
        enough = number >= self.threshold("straggler", "tasks")
        if not enough.any():
            return np.zeros(len(self), np.bool_)
        long = self._exceeds(self.medians)
        usual = np.fmax(self.medians, self.median_of("duration_ms", self.first_of_stage))
        warming = long & (self.first_on_executor | (self.first_of_stage & ~self._exceeds(usual)))
        warming &= (self.column("duration_ms") < self.threshold("straggler", "warm_up_s") * 1e3) | self._first_alike()
        if warming.any():
            long &= ~warming | self._has_more_data()
        of_stage = self.sums(long)
        few = of_stage <= np.maximum(1, self.threshold("straggler", "tasks_ratio") * number)
        chosen: Array = long & (few & enough)[self.stage_of]
        return chosen

    def _first_alike(self) -> Array:
        """The first tasks of executors that took about as long as the first ones of the stage on other executors, or
        less: all executors of a busy cluster start slowly."""
        rows = np.flatnonzero(self.first_on_executor & self.succeeded & (self.stage_of >= 0))
        duration, stage = self.column("duration_ms")[rows], self.stage_of[rows]
        order = np.lexsort((duration, stage))
        stages, begin, number = np.unique(stage[order], return_index=True, return_counts=True)
        usual = np.full(len(self.stages), np.nan)
        several = number > 1
        usual[stages[several]] = duration[order][(begin + (number - 1) // 2)[several]]
        alike: Array = self.first_on_executor & ~self._exceeds(np.fmax(self.medians, usual))
        return alike

    def _exceeds(self, usual: Array) -> Array:
        """Successful tasks that are stragglers compared to `usual`, the usual duration per stage in ms."""
        excess = self.threshold("straggler", "excess_s") * 1e3
        limit = np.append(np.maximum(self.threshold("straggler", "time_ratio") * usual, usual + excess), np.nan)
        far: Array = self.succeeded & (self.column("duration_ms") >= limit[self.stage_of])
        return far

    def _has_more_data(self) -> Array:
        """Tasks with far more data than the median of their stage, by the thresholds of `skew`."""
        more = np.zeros(len(self), np.bool_)
        for name in DATA_COLUMNS:
            median = np.append(self.median_of(name), np.nan)[self.stage_of]
            more |= self.column(name) >= self.threshold("skew", "data_ratio") * np.maximum(median, 1)
        return more

    @cached_property
    def by_executor(self) -> ExecutorGroups:
        """The successful tasks by stage and executor, without each executor's first tasks."""
        return self.grouped(*self.executors)

    def grouped(self, codes: Array, names: list[str]) -> ExecutorGroups:
        """Like `by_executor`, but grouped by the given codes."""
        rows = np.flatnonzero(self.succeeded & (codes >= 0) & (self.stage_of >= 0) & ~self.first_on_executor)
        duration = self.column("duration_ms")
        return group_by_executor(rows, duration, self.stage_of, codes, names, len(self.stages))

    @cached_property
    def against_others(self) -> Array:
        """Each task's duration divided by the median of its stage on other executors; NaN if there is none."""
        groups = self.by_executor
        others = np.full(len(self), np.nan)
        others[groups.rows] = groups.others[groups.group_of]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.first_on_executor, np.nan, self.column("duration_ms") / others)

    def sums(self, values: Array) -> Array:
        """Per stage, the sum over its tasks."""
        own = self.stage_of >= 0
        return np.bincount(self.stage_of[own], weights=values[own], minlength=len(self.stages))

    def rows(self, stage: int) -> Array:
        """The rows of stage i in the tasks table."""
        return np.arange(self.begin[stage], self.end[stage])
