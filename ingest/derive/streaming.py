"""Derive the runs of structured streaming queries, with their batches as metric histories."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from ...schemas.logs import EventLogTables
from ...schemas.runs.tree import Status
from ..streaming_jobs import streaming_job
from ..task_arrays import Row
from .searches import Branch
from .timeseries import Points, thin_history

_STATUS: Mapping[str, Status] = {"FINISHED": "FINISHED", "FAILED": "FAILED"}
# Metric of the query's run, column of streaming_batches, factor.
_HISTORY = (
    ("batch/duration_s", "duration_ms", 1e-3),
    ("batch/add_batch_s", "add_batch_ms", 1e-3),
    ("batch/input_rows", "input_rows", 1.0),
    ("batch/output_rows", "output_rows", 1.0),
)


def query_branches(tables: EventLogTables, root: str, has_ended: bool) -> list[Branch]:
    """One run per run of a structured streaming query, below the application with the key `root`.

    A query without an end in a log that ended was stopped with its application.
    """
    longest: dict[str, int] = {}
    for row in tables["streaming_batches"].to_pylist():
        longest[row["run_id"]] = max(longest.get(row["run_id"], 0), row["duration_ms"] or 0)
    return [
        Branch(
            "query",
            query_key(root, row["run_id"]),
            root,
            f"query {row['name'] or row['run_id'][:8]}",
            _STATUS.get(row["status"], "FINISHED" if has_ended else None),
            row["start_time_ms"],
            row["end_time_ms"],
            {
                "batches/total": float(row["num_batches"]),
                "batches/time_s": row["batch_time_ms"] / 1e3,
                "batches/duration_max_s": longest.get(row["run_id"], 0) / 1e3,
                **({} if row["input_rows"] is None else {"batches/input_rows": float(row["input_rows"])}),
            },
            tags={
                "spark.sql.streaming.query.id": row["query_id"],
                "spark.sql.streaming.run.id": row["run_id"],
                "spark.failure_reason": row["error_message"],
            },
        )
        for row in tables["streaming_queries"].to_pylist()
    ]


def query_key(root: str, run_id: str) -> str:
    """Key of the run of a query."""
    return f"{root}/query/{run_id}"


def move_into_queries(root: str, jobs: Sequence[Row], parents: dict[int, str], keys: set[str]) -> None:
    """Put the jobs that are directly under the application under the run of their query, in `parents`."""
    for job in jobs:
        found = streaming_job(job["description"]) if parents[job["job_id"]] == root else None
        if found is not None and query_key(root, found.run_id) in keys:
            parents[job["job_id"]] = query_key(root, found.run_id)


def batch_histories(batches: pa.Table, root: str) -> dict[str, dict[str, Points]]:
    """Key of a query's run -> metric -> a point per batch at its end. The step is the number of the batch."""
    found: dict[str, dict[str, list[tuple[int, int, float]]]] = {}
    for row in batches.to_pylist():
        if row["start_time_ms"] is None:
            continue
        of_query = found.setdefault(query_key(root, row["run_id"]), {})
        at = row["start_time_ms"] + (row["duration_ms"] or 0)
        for metric, column, factor in _HISTORY:
            if row[column] is not None:
                of_query.setdefault(metric, []).append((row["batch_id"], at, round(row[column] * factor, 3)))
    return {key: {name: thin_history(points) for name, points in one.items()} for key, one in found.items()}
