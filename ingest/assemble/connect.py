"""Spark Connect: its sessions and operations, and which operation a job belongs to."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ...schemas import spark
from ...schemas.annotations import text_of_tag
from ...schemas.connect import ConnectOperation, OperationStatus, Statement
from ...schemas.tables import CONNECT_OPERATIONS, CONNECT_SESSIONS
from .. import arrow
from .connect_statement import read_statement

_JOB_TAG = re.compile(r"SparkConnect_OperationTag_User_.*?_Session_.*?_Operation_([0-9A-Za-z-]{8,64})(?:,|$)")
_STATEMENT_LENGTH = 2_000
# org.apache.spark.sql.connect.execution.ExecuteThreadRunner sets it as the call site
_REQUEST_AS_NAME = "Spark Connect - "


@dataclass(frozen=True, slots=True)
class Connect:
    """The tables `connect_sessions` and `connect_operations`, and the operations as values, by their start."""

    sessions: pa.Table
    operations_table: pa.Table
    operations: tuple[ConnectOperation, ...]


def assemble_connect(rows: Mapping[str, pa.Table]) -> Connect:
    """Event rows -> the sessions and operations of a Spark Connect server; both tables are empty without one."""
    jobs: dict[str, list[int]] = {}
    for job, operation in operations_of_jobs(rows["job_properties"]).items():
        jobs.setdefault(operation, []).append(job)
    ends = _ends(rows)
    table: list[list[object]] = []
    operations: list[ConnectOperation] = []
    seen: set[str] = set()
    for row in rows["connect_operation_started"].to_pylist():
        operation_id, started = row["operation_id"], row["submission_time_ms"]
        if operation_id is None or started is None or operation_id in seen:
            continue
        seen.add(operation_id)
        statement = read_statement(row["statement_text"])
        end = ends.get(operation_id, _End("RUNNING"))
        own = tuple(sorted(jobs.get(operation_id, ())))
        operations.append(
            ConnectOperation(
                operation_id, row["session_id"] or "", row["user"], statement, started, end.time_ms, end.status, own
            )
        )
        values: dict[str, object] = {
            **row,
            "kind": statement.kind,
            "operator_class": statement.operator_class,
            "operator_uid": statement.uid,
            "params_json": json.dumps(dict(statement.params)) if statement.params else None,
            "model_ids": list(statement.models) or None,
            "statement": (row["statement_text"] or "")[:_STATEMENT_LENGTH] or None,
            "status": end.status,
            "error_message": end.error_message,
            "completion_time_ms": end.time_ms,
            "duration_ms": None if end.time_ms is None else end.time_ms - started,
            "output_rows": end.output_rows,
            "num_jobs": len(own),
            "session_tags": [tag for tag in row["session_tags"] or () if tag and text_of_tag(tag) is None],
        }
        table.append([values.get(column.name) for column in CONNECT_OPERATIONS])
    operations.sort(key=lambda one: one.start_ms)
    return Connect(_sessions(rows, operations), arrow.from_rows(CONNECT_OPERATIONS, table), tuple(operations))


@dataclass(frozen=True, slots=True)
class _End:
    status: OperationStatus
    time_ms: int | None = None
    error_message: str | None = None
    output_rows: int | None = None


def _ends(rows: Mapping[str, pa.Table]) -> dict[str, _End]:
    """Operation id -> its status. `Closed` follows every end; a cut log may hold only that."""
    ends: dict[str, _End] = {}
    kinds: tuple[tuple[str, OperationStatus], ...] = (
        ("failed", "FAILED"),
        ("canceled", "CANCELED"),
        ("finished", "FINISHED"),
        ("closed", "FINISHED"),
    )
    for kind, status in kinds:
        for row in rows[f"connect_operation_{kind}"].to_pylist():
            if row["operation_id"] is not None:
                end = _End(status, row["completion_time_ms"], row.get("error_message"), row.get("output_rows"))
                ends.setdefault(row["operation_id"], end)
    return ends


def _sessions(rows: Mapping[str, pa.Table], operations: list[ConnectOperation]) -> pa.Table:
    """A session whose start the log lacks begins with its first operation."""
    sessions: dict[str, dict[str, object]] = {}
    for row in rows["connect_session_started"].to_pylist():
        if row["session_id"] is not None:
            sessions.setdefault(row["session_id"], dict(row))
    counts = Counter(one.session_id for one in operations)
    jobs: Counter[str] = Counter()
    for one in operations:
        jobs[one.session_id] += len(one.jobs)
        known: dict[str, object] = {"session_id": one.session_id, "user": one.user, "start_time_ms": one.start_ms}
        sessions.setdefault(one.session_id, known)
    for row in rows["connect_session_closed"].to_pylist():
        if row["session_id"] in sessions:
            sessions[row["session_id"]]["end_time_ms"] = row["end_time_ms"]
    for session_id, session in sessions.items():
        session.update(num_operations=counts[session_id], num_jobs=jobs[session_id])
    return arrow.from_rows(
        CONNECT_SESSIONS, ([row.get(column.name) for column in CONNECT_SESSIONS] for row in sessions.values())
    )


def operations_of_jobs(job_properties: pa.Table) -> dict[int, str]:
    """Job id -> id of the Spark Connect operation that submitted it: from its property (4.1), else from its tag."""
    found: dict[int, str] = {}
    for row in job_properties.to_pylist():
        if row["job_id"] is None or not row["value"]:
            continue
        if row["key"] == spark.CONNECT_OPERATION_ID:
            found[row["job_id"]] = row["value"]
        elif row["key"] == spark.JOB_TAGS and spark.CONNECT_JOB_TAG in row["value"]:
            match = _JOB_TAG.search(row["value"])
            if match:
                found.setdefault(row["job_id"], match[1])
    return found


def name_jobs_and_stages(
    jobs: pa.Table, stages: pa.Table, operations: Sequence[ConnectOperation]
) -> tuple[pa.Table, pa.Table]:
    """Both tables named by the request of the operation, as in `fit LogisticRegression`; jobs also get the operation.

    Spark names jobs, and before 4.1 stages too, by the text of the request, which nobody can read.
    """
    of_job = {job: _name(one.statement) for one in operations for job in one.jobs}
    if not of_job:
        return jobs, stages
    of_stage: dict[int, str] = {}
    for job, ids in zip(jobs["job_id"].to_pylist(), jobs["stage_ids"].to_pylist(), strict=True):
        if job in of_job:
            of_stage.update((stage, of_job[job]) for stage in ids or () if stage not in of_stage)
    operation_of = {job: one.operation_id for one in operations for job in one.jobs}
    ids = arrow.to_array([operation_of.get(job) for job in jobs["job_id"].to_pylist()], "string")
    jobs = jobs.set_column(jobs.schema.get_field_index("connect_operation_id"), "connect_operation_id", ids)
    jobs = _renamed(jobs, "job_id", "description", of_job, only=_REQUEST_AS_NAME)
    return (
        _renamed(jobs, "job_id", "name", of_job),
        _renamed(stages, "stage_id", "name", of_stage, only=_REQUEST_AS_NAME),
    )


def _renamed(table: pa.Table, key: str, column: str, names: Mapping[int, str], only: str = "") -> pa.Table:
    rows = zip(table[key].to_pylist(), table[column].to_pylist(), strict=True)
    values = [names.get(number, name) if (name or "").startswith(only) else name for number, name in rows]
    return table.set_column(table.schema.get_field_index(column), column, arrow.to_array(values, "string"))


def _name(statement: Statement) -> str:
    what = statement.operator_class or statement.relation
    return f"{statement.kind} {what}" if what else f"Spark Connect {statement.kind}"
