"""What is handed from stage to stage: an event log's files in order, and its tables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Layout = Literal["single", "rolling", "databricks"]
_PASSWORD = re.compile(r"(?<=://)([^/?@:]*):[^/?@]*(?=@)")


def without_password(uri: str) -> str:
    """A path or URI as it may be shown and kept: `s3://key:secret@bucket` is `s3://key:***@bucket`."""
    return _PASSWORD.sub(r"\1:***", uri)


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of a log. `uri` is a local path or a URI; `member` names a file inside the zip at `uri`."""

    uri: str
    size: int
    modified_ms: int | None = None
    member: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        shown = without_password(self.uri)
        return f"{shown}!{self.member}" if self.member else shown


@dataclass(frozen=True, slots=True)
class EventLog:
    """One application attempt's log: its files in reading order.

    `in_progress` is what the names say (`.inprogress`, `appstatus_*.inprogress`), `compacted_to` the number of the
    segment up to which Spark has compacted a rolling log, `missing` the segments that its numbering lacks.
    """

    name: str
    layout: Layout
    files: tuple[LogFile, ...]
    in_progress: bool = False
    compacted_to: int | None = None
    missing: tuple[int, ...] = ()
    copies: tuple[str, ...] = ()
    """Other places where the same application attempt lies; this one is the fullest."""

    @property
    def size(self) -> int:
        """Bytes of all files, as stored."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class EventLogTables:
    """One application attempt's tables, as declared in schemas.tables: name -> pyarrow.Table.

    `tables.tasks` is short for `tables["tasks"]`; `tables["tasks"].to_pandas()` gives a DataFrame.
    """

    log: EventLog
    tables: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.tables[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.tables[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def application(self) -> Mapping[str, Any]:
        """The one row of `applications`."""
        row: Mapping[str, Any] = self.tables["applications"].to_pylist()[0]
        return row
