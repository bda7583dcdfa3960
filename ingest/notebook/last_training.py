"""Restrict an application to what its last searches and fits did."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.logs import EventLogTables
from ..application_view import ApplicationView
from ..task_arrays import Row


def last_training(app: ApplicationView, number: int) -> ApplicationView | None:
    """The application as if it began with the first and ended with the last of its `number` latest searches and fits.

    A search is one, with all of its trials; a fit is one if it is in no search and in no other fit. Jobs of other
    cells that began in the same time are included, so that the wall time stays accounted for. None without any search
    and fit.
    """
    searches = [row for row in app.tables["tunings"].to_pylist() if row["parent_uid"] is None]
    fits = [
        row for row in app.tables["fits"].to_pylist() if row["tuning_uid"] is None and row["parent_fit_uid"] is None
    ]
    spans = [_span(app, row, "tuning_uid") for row in searches] + [_span(app, row, "fit_uid") for row in fits]
    names = ["search"] * len(searches) + ["fit"] * len(fits)
    latest = sorted(zip(spans, names, strict=True))[-number:]
    if not latest:
        return None
    start, end = min(begin for (begin, _), _ in latest), max(end for (_, end), _ in latest)
    kind = latest[0][1] if len(latest) == 1 else f"{len(latest)} searches and fits"
    title = f"{app.title}: last {kind}"
    return ApplicationView(_between(app, start, end, title), app.threshold)


def _span(app: ApplicationView, row: Row, key: str) -> tuple[int, int]:
    """When a search or fit began and ended, with its evaluations; the end of the log if it still runs."""
    jobs = [app.job_span(job) for job in app.jobs if job[key] == row[key]]
    times = [value for name, value in row.items() if name.endswith("_time_ms") and value is not None]
    moments = [*times, *(moment for span in jobs for moment in span)] or [app.start_ms]
    return min(moments), max(moments) if row["end_time_ms"] is not None or row["status"] != "RUNNING" else app.end_ms


def _between(app: ApplicationView, start: int, end: int, title: str) -> EventLogTables:
    tables = app.tables
    jobs = _within(tables["jobs"], "submission_time_ms", start, end)
    stages = _having(tables["stages"], "job_id", jobs["job_id"])
    executions = tables["sql_executions"].filter(
        pc.or_(  # that of a job may have begun before it
            _is_within(tables["sql_executions"]["submission_time_ms"], start, end),
            _is_in(tables["sql_executions"]["execution_id"], jobs["sql_execution_id"]),
        )
    )
    begun = pc.fill_null(pc.less_equal(tables["executors"]["add_time_ms"], end), True)
    ended = pc.fill_null(pc.greater_equal(tables["executors"]["remove_time_ms"], start), True)
    kept: Mapping[str, pa.Table] = {
        "applications": _application(tables["applications"], start, end, title),
        "jobs": jobs,
        "stages": stages,
        "executors": tables["executors"].filter(pc.and_(begun, ended)),
        "executor_metrics": _within(tables["executor_metrics"], "time_ms", start, end),
        "sql_executions": executions,
        "tunings": _within(tables["tunings"], "start_time_ms", start, end),
        **{name: _having(tables[name], "stage_id", stages["stage_id"]) for name in ("tasks", "task_metrics", "models")},
        **{
            name: _having(tables[name], "execution_id", executions["execution_id"])
            for name in ("sql_nodes", "sql_metrics", "sql_scans")
        },
        "fits": _within(tables["fits"], "start_time_ms", start, end),
    }
    trials = _having(tables["trials"], "tuning_uid", kept["tunings"]["tuning_uid"])
    return EventLogTables(tables.log, {**tables.tables, **kept, "trials": trials})


def _within(table: pa.Table, column: str, start: int, end: int) -> pa.Table:
    return table.filter(_is_within(table[column], start, end))


def _having(table: pa.Table, column: str, values: pa.ChunkedArray) -> pa.Table:
    return table.filter(_is_in(table[column], values))


def _is_within(times: pa.ChunkedArray, start: int, end: int) -> pa.ChunkedArray:
    return pc.fill_null(pc.and_(pc.greater_equal(times, start), pc.less_equal(times, end)), False)


def _is_in(column: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=values.combine_chunks().drop_null().unique().cast(column.type))


def _application(table: pa.Table, start: int, end: int, title: str) -> pa.Table:
    changed = {
        "name": title,
        "start_time_ms": start,
        "end_time_ms": end,
        "last_event_time_ms": end,
        "duration_ms": end - start,
    }
    for name, value in changed.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array([value], table.schema.field(at).type))
    return table
