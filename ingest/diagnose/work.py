"""What findings are made of: the tasks as numpy columns, per stage where they are, how many ran at once, the cores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...schemas.findings.thresholds import Thresholds
from ...schemas.logs import EventLogTables
from .. import arrow
from ..timeline import Timeline

Array = np.ndarray[Any, Any]
Row = Mapping[str, Any]


class Work:
    """Made once per application. `stages` are the attempts that ran, in the order of the tasks table; `begin[i]` to
    `end[i]` are the rows of stage i's tasks there. `at(code, name)` is a threshold."""

    def __init__(self, tables: EventLogTables, thresholds: Thresholds) -> None:
        self.tables, self.at = tables, thresholds
        self.app = tables.application
        self.start_ms: int = self.app["start_time_ms"] or 0
        self.end_ms: int = max(self.app["end_time_ms"] or self.app["last_event_time_ms"] or 0, self.start_ms)
        self.tasks = tables["tasks"]
        self._columns: dict[str, Array] = {}
        ran = [row for row in tables["stages"].to_pylist() if row["status"] not in ("SKIPPED", "PENDING")]
        stage, attempt = (arrow.numbers(self.tasks, name).astype(np.int64) for name in ("stage_id", "stage_attempt"))
        keys = stage << 20 | attempt
        wanted = np.array([row["stage_id"] << 20 | row["stage_attempt"] for row in ran], np.int64)
        self.begin = np.searchsorted(keys, wanted, "left")
        self.end = np.searchsorted(keys, wanted, "right")
        self.stages: list[dict[str, Any]] = ran

    def __len__(self) -> int:
        """Task attempts."""
        return len(self.tasks)

    @property
    def duration_ms(self) -> int:
        """Of the application, up to its last event where it has no end."""
        return self.end_ms - self.start_ms

    def column(self, name: str) -> Array:
        """A number of every task; null is 0."""
        if name not in self._columns:
            self._columns[name] = arrow.numbers(self.tasks, name)
        return self._columns[name]

    @cached_property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs that are anybody's work."""
        return [row for row in self.tables["jobs"].to_pylist() if not row["annotation"]]

    @cached_property
    def properties(self) -> dict[str, str]:
        """Configuration, redacted."""
        return {row["key"]: row["value"] for row in self.tables["properties"].to_pylist() if row["value"] is not None}

    @cached_property
    def timeline(self) -> Timeline:
        """How busy the cores were."""
        cpus = self.properties.get("spark.task.cpus", "1")
        executors = self.tables["executors"]
        return Timeline(self.tasks, executors, self.start_ms, self.end_ms, int(cpus) if cpus.isdecimal() else 1)

    @cached_property
    def succeeded(self) -> Array:
        """Which tasks did, and say how long they took."""
        done: Array = self.with_status("SUCCESS") & arrow.valid(self.tasks, "duration_ms")
        return done

    @cached_property
    def _statuses(self) -> tuple[Array, list[str | None]]:
        return arrow.codes(self.tasks, "status")

    def with_status(self, *statuses: str) -> Array:
        """Which tasks have one of these statuses."""
        codes, names = self._statuses
        have: Array = np.isin(codes, [code for code, name in enumerate(names) if name in statuses])
        return have

    @cached_property
    def stage_of(self) -> Array:
        """Which of `stages` each task is of."""
        rows = np.zeros(len(self), np.int64)
        for number, (begin, end) in enumerate(zip(self.begin.tolist(), self.end.tolist(), strict=True)):
            rows[begin:end] = number
        return rows

    @cached_property
    def ended(self) -> Array:
        """When each task finished; where it did not, or says otherwise, when it began."""
        return np.maximum(self.column("finish_time_ms"), self.column("launch_time_ms"))

    @cached_property
    def at_once(self) -> Array:
        """Per stage, the most of its tasks that ran at the same time; at least 1."""
        most = np.ones(len(self.stages), np.int64)
        if not len(self):
            return most
        moments = np.concatenate([self.column("launch_time_ms"), self.ended])
        change = np.repeat(np.array([1, -1]), len(self))
        stage = np.concatenate([self.stage_of, self.stage_of])
        order = np.lexsort((change, moments, stage))  # an end before a start at the same moment
        running = np.cumsum(change[order])  # every stage adds up to 0
        ordered = stage[order]
        begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        most[ordered[begins]] = np.maximum(np.maximum.reduceat(running, begins), 1)
        return most

    @cached_property
    def executors(self) -> tuple[Array, list[str]]:
        """Which executor ran each task, as a number into the names; -1 where the log does not say."""
        codes, names = arrow.codes(self.tasks, "executor_id")
        return codes, [name or "" for name in names]

    @cached_property
    def hosts(self) -> tuple[Array, list[str]]:
        """As `executors`."""
        codes, names = arrow.codes(self.tasks, "host")
        return codes, [name or "" for name in names]

    @cached_property
    def first_ones(self) -> Array:
        """Tasks that were among the first on their executor, as many as it runs at once: they load classes, start
        Python workers and warm up the JVM."""
        return self._first(self.executors[0])

    @cached_property
    def first_of_stage(self) -> Array:
        """Tasks that were among the first of their stage on their executor, as many as it runs at once: they compile
        the stage's code and start its workers."""
        codes, names = self.executors
        return self._first(np.where(codes < 0, -1, self.stage_of * (len(names) + 1) + codes))

    def _first(self, groups: Array) -> Array:
        """Of every group of tasks the first by launch, as many as their executor has cores; none of group -1."""
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
        """Per stage, the median duration of its successful tasks in ms; NaN where there is none."""
        return self.median_of("duration_ms")

    def median_of(self, name: str) -> Array:
        """Per stage, the median over its successful tasks."""
        rows = np.flatnonzero(self.succeeded)
        return medians(self.column(name)[rows], self.stage_of[rows], len(self.stages))

    @cached_property
    def per_executor(self) -> "PerExecutor":
        """The tasks of every stage on every executor, the first ones of an executor left out."""
        return PerExecutor.of(self, *self.executors)

    @cached_property
    def relative(self) -> Array:
        """Each task's duration, times the median of its stage's tasks on other executors; NaN where there are none."""
        groups = self.per_executor
        others = np.full(len(self), np.nan)
        others[groups.rows] = groups.others[groups.group_of]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.first_ones, np.nan, self.column("duration_ms") / others)

    def sums(self, values: Array) -> Array:
        """Per stage, the sum over its tasks."""
        return np.bincount(self.stage_of, weights=values, minlength=len(self.stages))

    def rows(self, stage: int) -> Array:
        """Where the tasks of stage i stand."""
        return np.arange(self.begin[stage], self.end[stage])

    def span(self, stage: int) -> tuple[int, int]:
        """When stage i began and ended, in ms."""
        row = self.stages[stage]
        rows = slice(self.begin[stage], self.end[stage])
        launched = self.column("launch_time_ms")[rows]
        start = row["submission_time_ms"] or (int(launched.min()) if len(launched) else self.start_ms)
        end = row["completion_time_ms"] or (int(self.ended[rows].max()) if len(launched) else self.end_ms)
        return start, max(start, end)

    def subject(self, stage: int) -> str:
        """What the stage's run is called."""
        row = self.stages[stage]
        identity = f"stage {row['stage_id']}.{row['stage_attempt']}"
        return f"{identity} · {row['name']}" if row["name"] else identity

    def key(self, stage: int) -> dict[str, Any]:
        """The columns that say which stage a finding is about."""
        row = self.stages[stage]
        return {
            "stage_id": row["stage_id"],
            "stage_attempt": row["stage_attempt"],
            "job_id": row["job_id"],
            "subject": self.subject(stage),
            "group": row["name"],
        }


@dataclass(frozen=True, slots=True)
class PerExecutor:
    """Successful tasks grouped by stage and executor (or host): per group how many they are, their median duration in
    ms and that of the stage's tasks elsewhere (NaN where there are none). `group_of` is the group of each of `rows`."""

    rows: Array
    group_of: Array
    stage: Array
    executor: Array
    number: Array
    median: Array
    others: Array

    @classmethod
    def of(cls, work: Work, codes: Array, names: Sequence[str]) -> "PerExecutor":
        """`codes` say which executor ran each task."""
        rows = np.flatnonzero(work.succeeded & (codes >= 0) & ~work.first_ones)
        key = work.stage_of[rows] * max(len(names), 1) + codes[rows]
        groups, group_of = np.unique(key, return_inverse=True)
        number = np.bincount(group_of, minlength=len(groups))
        median = medians(work.column("duration_ms")[rows], group_of, len(groups))
        stage, executor = groups // max(len(names), 1), groups % max(len(names), 1)
        in_stage = np.bincount(stage, weights=number, minlength=len(work.stages))[stage]
        weighted = np.bincount(stage, weights=number * median, minlength=len(work.stages))[stage]
        elsewhere = in_stage - number
        with np.errstate(divide="ignore", invalid="ignore"):
            others = np.where(elsewhere > 0, (weighted - number * median) / elsewhere, np.nan)
        return cls(rows, group_of, stage, executor, number, median, others)


def medians(values: Array, groups: Array, number: int) -> Array:
    """The median of the values of every group 0..number-1; NaN for an empty one."""
    found = np.full(number, np.nan)
    if not len(values):
        return found
    of, ordered = _sorted(values, groups)
    begins = np.flatnonzero(np.concatenate(([True], of[1:] != of[:-1])))
    counts = np.diff(np.append(begins, len(of)))
    low, high = ordered[begins + (counts - 1) // 2], ordered[begins + counts // 2]
    found[of[begins]] = low / 2 + high / 2  # the sum may be more than an int64 holds
    return found


def _sorted(values: Array, groups: Array) -> tuple[Array, Array]:
    """Groups and values, in the order of both."""
    span = int(values.max()) + 1 if np.issubdtype(values.dtype, np.integer) and values.min() >= 0 else 0
    if (
        span and groups.min() >= 0 and (int(groups.max()) + 1) * span < 2**63
    ):  # one number of two sorts ten times as fast
        both = np.sort(groups.astype(np.int64) * span + values)
        return both // span, both % span
    order = np.lexsort((values, groups))
    return groups[order], values[order]
