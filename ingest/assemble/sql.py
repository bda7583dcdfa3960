"""SQL executions, and the data sources that their plans read."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ...schemas.tables import SQL_EXECUTIONS, SQL_SCANS
from .. import arrow


def assemble_sql_executions(rows: Mapping[str, pa.Table]) -> pa.Table:
    """One row per SQL execution, by id; of repeated events the first counts."""
    executions: dict[int, dict[str, Any]] = {}
    for start in rows["sql_start"].to_pylist():
        if start["execution_id"] is not None:
            root = start["root_execution_id"]
            start["root_execution_id"] = start["execution_id"] if root is None else root
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
                error_message=end["error_message"] or None,
                completion_time_ms=end["completion_time_ms"],
            )
            if end["completion_time_ms"] is not None and execution["submission_time_ms"] is not None:
                execution["duration_ms"] = end["completion_time_ms"] - execution["submission_time_ms"]
    ordered = (executions[key] for key in sorted(executions))
    return arrow.from_rows(SQL_EXECUTIONS, ([row.get(c.name) for c in SQL_EXECUTIONS] for row in ordered))


def assemble_sql_scans(rows: Mapping[str, pa.Table]) -> pa.Table:
    """One row per execution and data source."""
    found = dict.fromkeys(
        (row["execution_id"], row["format"], row["location"], row["table_name"])
        for row in rows["plan_scans"].to_pylist()
    )
    return arrow.from_rows(SQL_SCANS, found)
