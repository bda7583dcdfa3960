"""The last tables of an application: its own row, its issues, and how complete its log is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from ...schemas import spark
from ...schemas.issues import ImportIssue
from ...schemas.logs import EventLog, EventLogTables
from ...schemas.tables import APPLICATIONS, FINDINGS, ISSUES
from .. import arrow
from ..redaction.properties import own_pattern
from ..redaction.tables import redact_tables
from .application import application_times
from .check_figures import TimeWindow, check_application_times
from .completeness import completeness, lost_events, missing_rollovers

_SHOWN_PER_CODE = 100


class MlflowRun(NamedTuple):
    """The MLflow run that was active in the driver, as far as the log has it."""

    run_id: str | None
    tracking_uri: str | None


def complete_tables(
    rows: Mapping[str, pa.Table],
    log: EventLog,
    tables: Mapping[str, pa.Table],
    issues: Iterable[ImportIssue],
    mlflow_run: MlflowRun,
    window: TimeWindow,
) -> EventLogTables:
    """Adds `applications`, `issues` and an empty `findings`, and takes the secrets out of all tables.

    `issues` are those of the stages before, in order.
    """
    found = list(issues)
    if not rows["application_start"].num_rows:
        message = f"no ApplicationStart in the log; the application is named after {log.name}"
        found.append(ImportIssue("application_start_missing", message))
    found.extend(missing_rollovers(rows["databricks_metadata"], log))
    start, end = application_times(rows)
    times = [time for name, column in _TIMES for time in _bounds(tables[name], column)]
    start, end, impossible = check_application_times(start, end, window, min(times, default=None))
    found.extend(impossible)
    ended = rows["application_end"].num_rows > 0
    found.extend(lost_events(tables, log, ended))
    properties = {row["key"]: row["value"] for row in tables["properties"].to_pylist() if row["section"] == "spark"}
    if not ended:
        why = "the application still runs, its driver died, or the log is cut"
        if spark.is_databricks(properties):
            why = "Databricks writes none"
        message = f"no ApplicationEnd in the log: {why}"
        found.append(ImportIssue("application_end_missing", message))
    pattern, unused = own_pattern(properties)
    found.extend([] if unused is None else [unused])
    verdict = completeness(log, ended, found)
    complete = {
        **tables,
        "findings": arrow.empty(FINDINGS),
        "issues": _issues(found),
        "applications": _application(rows, log, tables, properties, verdict, found, mlflow_run, (start, end), times),
    }
    redacted = redact_tables(complete, pattern)
    return EventLogTables(log, {name: redacted[name] for name in sorted(redacted)})


def _application(
    rows: Mapping[str, pa.Table],
    log: EventLog,
    tables: Mapping[str, pa.Table],
    properties: Mapping[str, str | None],
    verdict: str,
    issues: Sequence[ImportIssue],
    mlflow_run: MlflowRun,
    span: tuple[int | None, int | None],
    times: Sequence[int],
) -> pa.Table:
    row: dict[str, Any] = {}
    for name in ("application_end", "log_start", "databricks_metadata", "application_start"):
        for event in rows[name].slice(0, 1).to_pylist():
            row.update({key: value for key, value in event.items() if value is not None})
    executors = tables["executors"].to_pylist()
    start, end = span
    row.update(
        spark_version=row.get("spark_version") or log.spark_version,
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
        mlflow_run_id=mlflow_run.run_id,
        mlflow_tracking_uri=mlflow_run.tracking_uri,
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


def _bounds(table: pa.Table, column: str) -> list[int]:
    values = arrow.numbers(table, column)[arrow.valid(table, column)]
    values = values[values > 0]
    return [int(values.min()), int(values.max())] if len(values) else []


def _named_after(log: EventLog) -> str:
    name = log.name.rstrip("/").rsplit("/", 1)[-1].removesuffix(".inprogress")
    return name.removeprefix("eventlog_v2_").split(".")[0] or "unnamed"


def _issues(issues: Iterable[ImportIssue]) -> pa.Table:
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
