"""All event rows of one application attempt -> its tables, without searches, annotations and findings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...schemas.connect import ConnectOperation
from ...schemas.issues import ImportIssue
from ...schemas.logs import EventLog
from ...schemas.orchestrators import LOCAL_PROPERTIES
from ...schemas.spark import EXECUTOR_METRICS
from ...schemas.tables import PROPERTIES, TASK_METRICS
from .. import arrow
from ..errors import AssemblyError
from .check_figures import TimeWindow, check_spans, check_tasks, time_window
from .connect import assemble_connect, name_jobs_and_stages
from .executor_metrics import assemble_executor_metrics, measured_at_tasks
from .executors import assemble_executors
from .sql import assemble_sql_executions, assemble_sql_scans
from .sql_nodes import assemble_sql_nodes
from .stage_rdds import assemble_cached_rdds
from .stages import assemble_jobs_and_stages
from .streaming import assemble_streaming
from .tasks import assemble_tasks, stage_figures

_EVENTS_OF_AN_APPLICATION = (
    "application_start",
    "job_start",
    "stage_submitted",
    "task_end",
    "task_start",
    "executor_added",
    "application_end",
    "environment",
    "log_start",
    "sql_start",
)


@dataclass(frozen=True, slots=True)
class Assembly:
    """The tables that events alone give, by name; the issues of these events; whether the application ended;
    the operations of Spark Connect."""

    tables: Mapping[str, pa.Table]
    issues: tuple[ImportIssue, ...]
    window: TimeWindow
    ended: bool
    operations: tuple[ConnectOperation, ...] = ()


def assemble(rows: dict[str, pa.Table], log: EventLog) -> Assembly:
    """The tables of the application attempt that these event rows are of.

    The task events, most of a log, are taken out of `rows`, so that they need not be held beside the tasks.

    Raises:
        AssemblyError: the rows hold no event of an application.
    """
    if not any(rows[name].num_rows for name in _EVENTS_OF_AN_APPLICATION):
        raise AssemblyError(f"{log.name}: no event of a Spark application in it; is it a Spark event log?")
    measured = measured_at_tasks(rows["task_end"])
    tasks = assemble_tasks(rows.pop("task_start"), rows.pop("task_end").drop_columns(list(EXECUTOR_METRICS)))
    checked, impossible = check_tasks(tasks.table)
    pa.default_memory_pool().release_unused()
    work = assemble_jobs_and_stages(rows, stage_figures(checked), tasks.resubmitted)
    connect = assemble_connect(rows)
    jobs, stages = name_jobs_and_stages(work.jobs, work.stages, connect.operations)
    plans = assemble_sql_nodes(rows)
    tables = {
        "jobs": jobs,
        "stages": stages,
        "tasks": checked,
        "executors": assemble_executors(rows, checked),
        "cached_rdds": assemble_cached_rdds(rows["rdds"], stages),
        "executor_metrics": assemble_executor_metrics(measured, rows["stage_executor_metrics"], work.stages),
        "sql_executions": assemble_sql_executions(rows),
        "sql_nodes": plans.nodes,
        "sql_metrics": plans.metrics,
        "sql_scans": assemble_sql_scans(rows),
        "connect_sessions": connect.sessions,
        "connect_operations": connect.operations_table,
        **assemble_streaming(rows, jobs),
        "task_metrics": _task_metrics(rows["task_accumulators"]),
        "properties": _properties(rows["environment"], rows["job_properties"]),
    }
    window = time_window(tables, application_times(rows))
    tables, more = check_spans(tables, window)
    issues = (*tasks.issues, *work.issues, *impossible, *more)
    return Assembly(tables, issues, window, rows["application_end"].num_rows > 0, connect.operations)


def application_times(rows: Mapping[str, pa.Table]) -> tuple[int | None, int | None]:
    """Start and end as the events of the application have them."""
    start, end = rows["application_start"].slice(0, 1).to_pylist(), rows["application_end"].slice(0, 1).to_pylist()
    return start[0]["start_time_ms"] if start else None, end[0]["end_time_ms"] if end else None


def _task_metrics(rows: pa.Table) -> pa.Table:
    keys = [arrow.numbers(rows, name) for name in ("task_id", "stage_attempt", "stage_id")]
    return arrow.take(rows.select(TASK_METRICS.names), np.lexsort(keys))


def _properties(rows: pa.Table, of_jobs: pa.Table) -> pa.Table:
    properties: dict[tuple[str, str], str | None] = {}
    for row in rows.to_pylist():  # a later EnvironmentUpdate (addJar) supersedes
        properties[row["section"], row["key"]] = row["value"]
    local: dict[str, set[str]] = {}
    for row in of_jobs.to_pylist():
        if row["key"] in LOCAL_PROPERTIES:
            local.setdefault(row["key"], set()).add(row["value"])
    for key, values in local.items():
        if len(values) == 1:  # else the application worked for several runs of the orchestrator
            properties["job", key] = min(values)
    return arrow.from_rows(PROPERTIES, ([*key, value] for key, value in sorted(properties.items())))
