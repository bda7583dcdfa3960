"""All event rows of one application attempt -> its tables."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ...schemas.issues import ImportIssue
from ...schemas.logs import EventLog, EventLogTables
from ...schemas.spark import EXECUTOR_METRICS
from ...schemas.tables import APPLICATIONS, FINDINGS, ISSUES, PROPERTIES, SQL_EXECUTIONS, SQL_SCANS, TASK_METRICS
from .. import arrow
from ..annotations.apply import Told, events_of, lay_over, search_names
from ..errors import AssemblyError
from .completeness import completeness, lost_events, missing_rollovers
from .executor_metrics import assemble_executor_metrics, measured_at_tasks
from .executors import assemble_executors
from .redact import redact_text, redactor
from .stages import assemble_jobs_and_stages
from .tasks import assemble_tasks, stage_figures

_SHOWN_PER_CODE = 100


def assemble(rows: dict[str, Any], log: EventLog, issues: Iterable[ImportIssue] = ()) -> EventLogTables:
    """The tables of the application attempt that these event rows are of.

    The task events, most of a log, are taken out of `rows`, so that they need not be held beside the tasks.

    Raises:
        AssemblyError: the rows hold no event of an application.
    """
    if not any(
        rows[name].num_rows
        for name in (
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
    ):
        raise AssemblyError(f"{log.name}: no event of a Spark application in it; is it a Spark event log?")
    measured = measured_at_tasks(rows["task_end"])
    tasks = assemble_tasks(rows.pop("task_start"), rows.pop("task_end").drop_columns(list(EXECUTOR_METRICS)))
    pa.default_memory_pool().release_unused()
    figures = stage_figures(tasks.table)
    work = assemble_jobs_and_stages(rows, figures, tasks.resubmitted)
    ended = rows["application_end"].num_rows > 0
    found = [*issues, *tasks.issues, *work.issues]
    tables: dict[str, Any] = {
        "jobs": work.jobs,
        "stages": work.stages,
        **work.tunings,
        "tasks": tasks.table,
        "executors": assemble_executors(rows, tasks.table),
        "executor_metrics": assemble_executor_metrics(measured, rows["stage_executor_metrics"], work.stages),
        "sql_executions": _sql_executions(rows),
        "sql_scans": _sql_scans(rows),
        "task_metrics": _task_metrics(rows["task_accumulators"]),
        "properties": _properties(rows["environment"]),
    }
    events = events_of(rows["job_properties"])
    over = ended or not log.in_progress
    told = lay_over(tables, events, search_names(events), over)
    tables.update(told.tables)
    found.extend(told.issues)
    started = rows["application_start"].num_rows > 0
    if not started:
        message = f"no ApplicationStart in the log; the application is named after {log.name}"
        found.append(ImportIssue("application_start_missing", message))
    found.extend(lost_events(tables, log))
    found.extend(missing_rollovers(rows["databricks_metadata"], log))
    if not ended:
        message = "no ApplicationEnd in the log: the application still runs, its driver died, or the log is cut"
        found.append(ImportIssue("application_end_missing", message))
    tables["findings"] = arrow.empty(FINDINGS)  # until they are diagnosed
    verdict = completeness(log, ended, found)
    tables["issues"] = _issues(found)
    tables["applications"] = _application(rows, log, tables, verdict, found, told)
    return EventLogTables(log, {name: tables[name] for name in sorted(tables)})


def _application(
    rows: Mapping[str, Any],
    log: EventLog,
    tables: Mapping[str, Any],
    verdict: str,
    issues: list[ImportIssue],
    told: Told,
) -> Any:
    row: dict[str, Any] = {}
    for name in ("application_end", "log_start", "databricks_metadata", "application_start"):
        for event in rows[name].slice(0, 1).to_pylist():
            row.update({key: value for key, value in event.items() if value is not None})
    properties = {item["key"]: item["value"] for item in tables["properties"].to_pylist() if item["section"] == "spark"}
    executors = tables["executors"].to_pylist()
    times = [time for name, column in _TIMES for time in _bounds(tables[name], column)]
    start = row.get("start_time_ms") or min(times, default=None)
    end = row.get("end_time_ms")
    row.update(
        app_id=row.get("app_id") or properties.get("spark.app.id") or _named_after(log),
        start_time_ms=start,
        end_time_ms=end,
        last_event_time_ms=max([*times, *(t for t in (start, end) if t is not None)], default=None),
        duration_ms=None if end is None or start is None else end - start,
        completed=rows["application_end"].num_rows > 0,
        completeness=verdict,
        log_complete=verdict == "complete",
        num_issues=sum(issue.count for issue in issues if issue.severity != "note"),
        master=properties.get("spark.master"),
        deploy_mode=properties.get("spark.submit.deployMode"),
        num_executors=len(executors),
        total_cores=sum(executor["cores"] or 0 for executor in executors),
        mlflow_run_id=told.mlflow_run_id,
        mlflow_tracking_uri=told.mlflow_tracking_uri,
        log_files=[file.name for file in log.files],
    )
    return arrow.from_rows(APPLICATIONS, [[row.get(column.name) for column in APPLICATIONS]])


_TIMES = (
    ("jobs", "submission_time_ms"),
    ("jobs", "completion_time_ms"),
    ("stages", "submission_time_ms"),
    ("stages", "completion_time_ms"),
    ("tasks", "launch_time_ms"),
    ("tasks", "finish_time_ms"),
    ("executors", "add_time_ms"),
    ("executors", "remove_time_ms"),
    ("sql_executions", "submission_time_ms"),
    ("sql_executions", "completion_time_ms"),
)


def _bounds(table: Any, column: str) -> list[int]:
    values = arrow.numbers(table, column)[arrow.valid(table, column)]
    values = values[values > 0]
    return [int(values.min()), int(values.max())] if len(values) else []


def _named_after(log: EventLog) -> str:
    name = log.name.rstrip("/").rsplit("/", 1)[-1].removesuffix(".inprogress")
    return name.removeprefix("eventlog_v2_").split(".")[0] or "unnamed"


def _sql_executions(rows: Mapping[str, Any]) -> Any:
    executions: dict[int, dict[str, Any]] = {}
    for start in rows["sql_start"].to_pylist():
        if start["execution_id"] is not None:
            root = start["root_execution_id"]
            start["root_execution_id"] = start["execution_id"] if root is None else root
            start["description"] = redact_text(start["description"])
            executions.setdefault(start["execution_id"], {**start, "status": "RUNNING"})
    for end in rows["sql_end"].to_pylist():
        if end["execution_id"] is None:
            continue
        only_end = {"execution_id": end["execution_id"], "submission_time_ms": None, "status": "RUNNING"}
        execution = executions.setdefault(end["execution_id"], only_end)
        if execution["status"] == "RUNNING":
            # An empty message is a success (SparkListenerSQLExecutionEnd.errorMessage, SPARK-34205).
            execution.update(
                status="FAILED" if end["error_message"] else "COMPLETED",
                error_message=redact_text(end["error_message"] or None),
                completion_time_ms=end["completion_time_ms"],
            )
            if end["completion_time_ms"] is not None and execution["submission_time_ms"] is not None:
                execution["duration_ms"] = end["completion_time_ms"] - execution["submission_time_ms"]
    ordered = (executions[key] for key in sorted(executions))
    return arrow.from_rows(SQL_EXECUTIONS, ([row.get(c.name) for c in SQL_EXECUTIONS] for row in ordered))


def _sql_scans(rows: Mapping[str, Any]) -> Any:
    found = dict.fromkeys(
        (row["execution_id"], row["format"], row["location"]) for row in rows["plan_scans"].to_pylist()
    )
    redact = redactor({})
    return arrow.from_rows(SQL_SCANS, ([execution, kind, redact("", place)] for execution, kind, place in found))


def _task_metrics(rows: Any) -> Any:
    keys = [arrow.numbers(rows, name) for name in ("task_id", "stage_attempt", "stage_id")]
    ordered = rows.take(arrow.from_numpy(np.lexsort(keys), "int64")).combine_chunks()
    return ordered.select(TASK_METRICS.names)


def _properties(rows: Any) -> Any:
    properties: dict[tuple[str, str], str | None] = {}
    for row in rows.to_pylist():  # a later EnvironmentUpdate (addJar) supersedes
        properties[row["section"], row["key"]] = row["value"]
    redact = redactor({key: value or "" for (section, key), value in properties.items() if section == "spark"})
    return arrow.from_rows(
        PROPERTIES, ([section, key, redact(key, value)] for (section, key), value in sorted(properties.items()))
    )


def _issues(issues: Iterable[ImportIssue]) -> Any:
    shown: list[ImportIssue] = []
    seen: dict[str, int] = {}
    rest: dict[str, int] = {}
    for issue in issues:
        seen[issue.code] = seen.get(issue.code, 0) + 1
        if seen[issue.code] <= _SHOWN_PER_CODE:
            shown.append(issue)
        else:
            rest[issue.code] = rest.get(issue.code, 0) + issue.count
    shown.extend(ImportIssue(code, f"{count:,} more of this kind", count=count) for code, count in rest.items())
    return arrow.from_rows(ISSUES, ([i.code, i.severity, i.file, i.line, i.offset, i.count, i.message] for i in shown))
