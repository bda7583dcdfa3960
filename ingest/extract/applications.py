"""Keeps the events of different applications apart where one file holds the logs of several."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from ...schemas.issues import ImportIssue

Identity = tuple[str | None, str | None, int | None]
"""App id, attempt and start time."""


class LogStart(NamedTuple):
    """Where a log may begin: the file, and the byte offset and the line in it once decompressed."""

    file: str
    offset: int
    line: int


def first_application(
    batches: Sequence[Mapping[str, pa.RecordBatch]], log_starts: Mapping[int, LogStart]
) -> tuple[Sequence[Mapping[str, pa.RecordBatch]], list[ImportIssue]]:
    """The batches of the first application, and an issue for each other one.

    `log_starts` are the indices of the batches that begin with an event where a log may begin. A new application begins
    there if the ApplicationStart behind it names another one: every segment of a Databricks log begins so too.
    """
    first: Identity | None = None
    current: Identity | None = None
    begin, end, read_from = 0, len(batches), 0
    issues: list[ImportIssue] = []
    is_named = ended = False  # the log that begins at `begin`: has it an ApplicationStart, and an ApplicationEnd
    for index, batch in enumerate(batches):
        if index in log_starts and (is_named or ended):
            begin, is_named, ended = index, False, False
        for identity in _identities(batch):
            is_named = True
            if first is None and begin == 0:
                first = current = identity
            elif first is None and end == len(batches) and not _is_other(batches[:begin], identity[0]):
                first = current = identity
                if not _environments(batches[:begin]):
                    read_from = begin
                    issues.append(_beginning_not_read(log_starts[begin]))
            elif identity not in (first, current) and begin > 0:
                current = identity
                end = min(end, begin)
                issues.append(_not_read(identity, log_starts[begin]))
        ended = ended or "application_end" in batch
    return batches[read_from:end], issues


def _is_other(batches: Sequence[Mapping[str, pa.RecordBatch]], app_id: str | None) -> bool:
    """Whether batches without an ApplicationStart are the log of another application, which has lost it."""
    environments = _environments(batches)
    return bool(environments) and app_id not in environments


def _environments(batches: Sequence[Mapping[str, pa.RecordBatch]]) -> set[str | None]:
    """The app ids in the Spark properties; None for properties without one."""
    found: set[str | None] = set()
    for batch in batches:
        if "environment" in batch:
            ids = {row["value"] for row in batch["environment"].to_pylist() if row["key"] == "spark.app.id"}
            found |= ids or {None}
    return found


def _beginning_not_read(start: LogStart) -> ImportIssue:
    message = f"the file begins with events of no known application, up to line {start.line - 1:,}; they were not read"
    return ImportIssue("application_not_read", message, file=start.file, line=1, offset=0)


def _identities(batch: Mapping[str, pa.RecordBatch]) -> list[Identity]:
    rows = batch["application_start"].to_pylist() if "application_start" in batch else []
    return [(row["app_id"], row["app_attempt"], row["start_time_ms"]) for row in rows]


def _not_read(identity: Identity, start: LogStart) -> ImportIssue:
    name = identity[0] or "without an id"
    message = (
        f"the file holds a second application, {name}, from line {start.line:,} on; it was not read: "
        f"split the file there (tail -c +{start.offset + 1}) and import both"
    )
    return ImportIssue("application_not_read", message, file=start.file, line=start.line, offset=start.offset)
