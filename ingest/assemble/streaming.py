"""Structured Streaming: the queries and micro-batches of an application, from its listener events and its jobs.

`StreamingQueryListener` events have the figures. A log without them, or cut, still has the jobs of the batches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pyarrow as pa

from ...schemas.tables import STREAMING_BATCHES, STREAMING_QUERIES
from .. import arrow
from ..streaming_jobs import streaming_job


@dataclass(slots=True)
class _Batch:
    start: int | None = None
    duration: int | None = None
    add_batch: int | None = None
    rows: int | None = None
    output_rows: int | None = None
    first_job: int | None = None
    last_job: int | None = None
    jobs: int = 0

    @property
    def begin(self) -> int | None:
        return self.first_job if self.start is None else self.start

    @property
    def took(self) -> int | None:
        if self.duration is not None or self.first_job is None or self.last_job is None:
            return self.duration
        return self.last_job - self.first_job


@dataclass(slots=True)
class _Query:
    query_id: str | None = None
    name: str | None = None
    start: int | None = None
    ended: bool = False
    error: str | None = None
    jobs: int = 0
    last_job: int | None = None
    batches: dict[int, _Batch] = field(default_factory=dict)


def assemble_streaming(rows: Mapping[str, pa.Table], jobs: pa.Table) -> dict[str, pa.Table]:
    """Event rows and the table of jobs -> the tables `streaming_queries` and `streaming_batches`."""
    queries: dict[str, _Query] = {}
    for row in rows["streaming_query_started"].to_pylist():
        if row["run_id"] is not None:
            queries[row["run_id"]] = _Query(row["query_id"], row["name"], _epoch(row["timestamp"]))
    _add_jobs(queries, jobs)
    sources = _input_rows(rows["streaming_sources"])
    for row in rows["streaming_query_progress"].to_pylist():
        if row["run_id"] is not None and row["batch_id"] is not None:
            query = queries.setdefault(row["run_id"], _Query(row["query_id"], row["name"]))
            input_rows = sources.get((row["run_id"], row["batch_id"], row["timestamp"]))
            _add_progress(query.batches.setdefault(row["batch_id"], _Batch()), row, input_rows)
    for row in rows["streaming_query_terminated"].to_pylist():
        if row["run_id"] in queries:
            queries[row["run_id"]].ended, queries[row["run_id"]].error = True, row["error_message"]
    return {
        "streaming_queries": arrow.from_rows(STREAMING_QUERIES, (_row(run_id, one) for run_id, one in queries.items())),
        "streaming_batches": arrow.from_rows(
            STREAMING_BATCHES,
            (
                [run_id, number, b.begin, b.took, b.add_batch, b.rows, b.output_rows, b.jobs]
                for run_id, query in queries.items()
                for number, b in sorted(query.batches.items())
            ),
        ),
    }


def _add_jobs(queries: dict[str, _Query], jobs: pa.Table) -> None:
    shown = jobs.select(["description", "submission_time_ms", "completion_time_ms"])
    for row in shown.to_pylist():
        job = streaming_job(row["description"])
        if job is None:
            continue
        query = queries.setdefault(job.run_id, _Query())
        query.query_id, query.name = query.query_id or job.query_id, query.name or job.name
        query.jobs += 1
        times = [time for time in (row["submission_time_ms"], row["completion_time_ms"]) if time is not None]
        query.last_job = max([*times, query.last_job or 0]) or None
        query.start = query.start if query.start is not None else min(times, default=None)
        if job.batch is not None:
            batch = query.batches.setdefault(job.batch, _Batch())
            batch.jobs += 1
            if times:
                batch.first_job = min(times) if batch.first_job is None else min(batch.first_job, *times)
                batch.last_job = max([*times, batch.last_job or 0])


def _add_progress(batch: _Batch, row: Mapping[str, object], rows: int | None) -> None:
    """Spark reports a query without new data every 10 s, with the number of its next batch; the batch comes last."""
    batch.start, batch.rows = _epoch(row["timestamp"]), rows
    batch.duration, batch.add_batch, batch.output_rows = (
        value if isinstance(value, int) and value >= 0 else None
        for value in (row["trigger_ms"], row["add_batch_ms"], row["output_rows"])
    )


def _input_rows(sources: pa.Table) -> dict[tuple[str, int, str], int]:
    found: dict[tuple[str, int, str], int] = {}
    for row in sources.to_pylist():
        if row["input_rows"] is not None and row["input_rows"] >= 0:
            key = row["run_id"], row["batch_id"], row["timestamp"]
            found[key] = found.get(key, 0) + row["input_rows"]
    return found


def _row(run_id: str, query: _Query) -> list[object]:
    # a trigger that computed nothing is no batch that ran
    ran = [batch for batch in query.batches.values() if batch.jobs or batch.rows or batch.add_batch is not None]
    starts = [batch.begin for batch in ran if batch.begin is not None]
    ends = [batch.begin + (batch.took or 0) for batch in ran if batch.begin is not None]
    rows = [batch.rows for batch in ran if batch.rows is not None]
    return [
        run_id,
        query.query_id,
        query.name,
        "FAILED" if query.error else "FINISHED" if query.ended else "RUNNING",
        query.error,
        query.start if query.start is not None else min(starts, default=None),
        max([*ends, *([] if query.last_job is None else [query.last_job])], default=None),
        len(ran),
        query.jobs,
        sum(rows) if rows else None,
        sum(batch.took or 0 for batch in ran),
    ]


def _epoch(text: object) -> int | None:
    """Milliseconds of `2026-11-27T20:36:43.123Z` (StreamingQueryProgress.formatTimestamp)."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return round(found.replace(tzinfo=found.tzinfo or timezone.utc).timestamp() * 1000)
