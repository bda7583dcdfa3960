"""Keeps the events of different applications apart where one file holds the logs of several."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from ...schemas.issues import ImportIssue

Identity = tuple[str | None, str | None, int | None]
"""App id, attempt and start time."""


class LogStart(NamedTuple):
    """Where a log begins: the file, and the byte offset in it once decompressed."""

    file: str
    offset: int


def first_application(
    batches: Sequence[Mapping[str, pa.RecordBatch]], log_starts: Mapping[int, LogStart]
) -> tuple[Sequence[Mapping[str, pa.RecordBatch]], list[ImportIssue]]:
    """The batches of the first application, and an issue for each other one.

    `log_starts` are the indices of the batches that begin with a log's first event. A new application begins there if
    the ApplicationStart behind it names another one: every segment of a Databricks log begins so too.
    """
    first: Identity | None = None
    current: Identity | None = None
    begin = 0
    end = len(batches)
    issues: list[ImportIssue] = []
    unseparated = 0
    for index, batch in enumerate(batches):
        if index in log_starts:
            begin = index
        for identity in _identities(batch):
            if first is None:
                first = current = identity
            elif identity not in (first, current) and begin in log_starts and begin > 0:
                current = identity
                end = min(end, begin)
                issues.append(_not_read(identity, log_starts[begin]))
            elif identity not in (first, current):
                unseparated += 1
    if unseparated:
        message = (
            "ApplicationStart events of other applications, without a LogStart before them; the first one was used"
        )
        issues.append(ImportIssue("event_duplicate", message, count=unseparated))
    return batches[:end], issues


def _identities(batch: Mapping[str, pa.RecordBatch]) -> list[Identity]:
    rows = batch["application_start"].to_pylist() if "application_start" in batch else []
    return [(row["app_id"], row["app_attempt"], row["start_time_ms"]) for row in rows]


def _not_read(identity: Identity, start: LogStart) -> ImportIssue:
    name = identity[0] or "without an id"
    message = (
        f"the file holds a second application, {name}, from byte {start.offset:,} on; it was not read: "
        f"split the file there (tail -c +{start.offset + 1}) and import both"
    )
    return ImportIssue("application_not_read", message, file=start.file, offset=start.offset)
