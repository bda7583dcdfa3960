"""Whether the log is complete: missing events found by numbering and counts, and the verdict."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.issues import ImportIssue
from ...schemas.logs import EventLog
from .. import arrow

VERDICTS = (
    "complete",
    "application_not_read",
    "no_application_end",
    "truncated",
    "in_progress",
    "compacted",
    "events_lost",
)
_LOST = {
    "stream_damaged",
    "line_broken",
    "line_too_long",
    "segment_missing",
    "tasks_missing",
    "task_ids_missing",
    "end_missing",
    "file_unreadable",
}
_MOST_MISSING = 1000
# Spark counts up to it in no application; an id beyond it is a mistake.
_MOST_TASK_IDS = 2**40
_CUT = {"stream_truncated", "line_cut"}


def completeness(log: EventLog, ended: bool, issues: Iterable[ImportIssue]) -> str:
    """One of VERDICTS: the last of them that holds. Where an issue is an error, it is not `complete`."""
    codes = {issue.code for issue in issues}
    if codes & _LOST:
        return "events_lost"
    if log.compacted_to is not None:
        return "compacted"
    if log.in_progress and not ended:
        return "in_progress"
    if codes & _CUT:
        return "truncated"
    if not ended:
        return "no_application_end"
    return "application_not_read" if "application_not_read" in codes else "complete"


def missing_rollovers(rollovers: pa.Table, log: EventLog) -> Iterator[ImportIssue]:
    """Databricks numbers the segments of a log from 0, in the first event of each."""
    numbers = set(arrow.numbers(rollovers, "rollover_number")[arrow.valid(rollovers, "rollover_number")].tolist())
    missing = (number for number in range(max(numbers, default=-1) + 1) if number not in numbers)
    for number in islice(missing, _MOST_MISSING):
        yield ImportIssue("segment_missing", f"{log.name}: the segment with rollover number {number} is missing")


def lost_events(tables: Mapping[str, pa.Table], log: EventLog, ended: bool) -> Iterator[ImportIssue]:
    """Issues for missing events: gaps in the numbers of segments, jobs and tasks, and counts of stages."""
    if log.compacted_to is not None:
        yield ImportIssue("log_compacted", _compacted(tables["jobs"], log.compacted_to))
    for number in log.missing:
        yield ImportIssue("segment_missing", f"{log.name}: segment {number} of the rolling log is missing")
    for copy in log.copies:
        yield ImportIssue(
            "application_copied", f"the same application attempt is also at {copy}; the more complete log is read"
        )
    yield from _tasks_without_end(tables)
    yield from _ends_missing(tables, ended)
    if log.compacted_to is None:
        yield from _stages_that_do_not_add_up(tables["stages"])
        yield from _missing_ids(arrow.numbers(tables["tasks"], "task_id"))


def _compacted(jobs: pa.Table, segment: int) -> str:
    ids = arrow.numbers(jobs, "job_id")
    gone = f"jobs before {int(ids.min())}" if len(ids) and ids.min() > 0 else "jobs that had finished"
    return f"Spark compacted the log up to segment {segment}: {gone} are gone, with their stages and tasks"


def _ends_missing(tables: Mapping[str, pa.Table], ended: bool) -> Iterator[ImportIssue]:
    """Stages without an end under a job that succeeded; in an application that ended also jobs without an end.

    When a SparkContext stops, the DAGScheduler ends every job that still runs.
    """
    jobs, stages = tables["jobs"].to_pylist(), tables["stages"].select(["status", "job_id", "stage_id"]).to_pylist()
    succeeded = {job["job_id"] for job in jobs if job["status"] == "SUCCEEDED"}
    open_stages = [row["stage_id"] for row in stages if row["status"] == "ACTIVE" and row["job_id"] in succeeded]
    open_jobs = [job["job_id"] for job in jobs if job["status"] == "RUNNING"] if ended else []
    number = len(open_stages) + len(open_jobs)
    if number:
        named = [f"StageCompleted of stage {one}" for one in open_stages] + [
            f"JobEnd of job {one}" for one in open_jobs
        ]
        more = f" and {number - 2:,} more" if number > 2 else ""
        yield ImportIssue("end_missing", f"not in the log: {' and '.join(named[:2])}{more}", count=number)


def _tasks_without_end(tables: Mapping[str, pa.Table]) -> Iterator[ImportIssue]:
    over = {
        (row["stage_id"], row["stage_attempt"])
        for row in tables["stages"].select(["stage_id", "stage_attempt", "status"]).to_pylist()
        if row["status"] in ("COMPLETE", "FAILED")
    }
    tasks = tables["tasks"].select(["stage_id", "stage_attempt", "task_id"])
    left = tasks.filter(arrow.from_numpy(arrow.equals(tables["tasks"], "status", "RUNNING"), "bool"))
    unfinished = [row for row in left.to_pylist() if (row["stage_id"], row["stage_attempt"]) in over]
    if unfinished:
        number, first = len(unfinished), unfinished[0]["task_id"]
        message = (
            f"{number:,} task{'' if number == 1 else 's'} without a TaskEnd in stages that ended, e.g. task {first}"
        )
        yield ImportIssue("tasks_unfinished", message, count=len(unfinished))


def _stages_that_do_not_add_up(stages: pa.Table) -> Iterator[ImportIssue]:
    short = [
        row
        for row in stages.select(["stage_id", "stage_attempt", "status", "num_tasks", "num_complete_tasks"]).to_pylist()
        if row["status"] == "COMPLETE"
        and row["stage_attempt"] == 0
        and row["num_tasks"] is not None
        and row["num_complete_tasks"] < row["num_tasks"]
    ]
    if short:
        lost = sum(row["num_tasks"] - row["num_complete_tasks"] for row in short)
        first = f"stage {short[0]['stage_id']}.{short[0]['stage_attempt']}"
        message = f"{lost:,} tasks of {len(short):,} stages that ended well are not in the log, e.g. of {first}"
        yield ImportIssue("tasks_missing", message, count=lost)


def _missing_ids(task_ids: "np.ndarray[Any, Any]") -> Iterator[ImportIssue]:
    """TaskSchedulerImpl.nextTaskId counts up from 0 without gaps."""
    task_ids = task_ids[task_ids < _MOST_TASK_IDS]
    if not len(task_ids):
        return
    ids = np.sort(task_ids)  # np.unique hashes, which takes a hundred times as long
    ids = ids[np.append(True, np.diff(ids) > 0)]
    missing = int(ids[-1]) + 1 - len(ids)
    if missing > 0:
        gaps = np.flatnonzero(np.diff(ids) > 1)
        first = 0 if ids[0] > 0 else int(ids[gaps[0]]) + 1
        message = f"{missing:,} of {int(ids[-1]) + 1:,} task ids are missing, the first is {first}"
        yield ImportIssue("task_ids_missing", message, count=missing)
