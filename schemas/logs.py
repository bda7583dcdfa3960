"""An event log (its files in order) and its tables, which stages pass on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Layout = Literal["single", "rolling", "databricks", "spark_1"]
_PASSWORD = re.compile(r"(?<=://)([^/?@:]*):[^/?@]*(?=@)")


def without_password(uri: str) -> str:
    """Mask the password of a URI: `s3://key:secret@bucket` becomes `s3://key:***@bucket`."""
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
        """The name for messages."""
        shown = without_password(self.uri)
        return f"{shown}!{self.member}" if self.member else shown


@dataclass(frozen=True, slots=True)
class EventLog:
    """One application attempt's log: its files in reading order.

    `in_progress` follows from file names (`.inprogress`, `appstatus_*.inprogress`). `compacted_to` is the number of the
    last segment that Spark compacted. `missing` are the segments that the numbering lacks.
    """

    name: str
    layout: Layout
    files: tuple[LogFile, ...]
    in_progress: bool = False
    compacted_to: int | None = None
    missing: tuple[int, ...] = ()
    copies: tuple[str, ...] = ()
    """Other locations of the same application attempt. This one is the most complete."""
    spark_version: str | None = None
    """What the names say, in the layout of Spark 1.0 to 1.2, whose events do not have it."""

    @property
    def size(self) -> int:
        """Stored bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class EventLogTables:
    """The tables of one application attempt, declared in schemas.tables: name -> pyarrow.Table.

    `tables.tasks` is short for `tables["tasks"]`. `tables.tasks.to_pandas()` returns a DataFrame.
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
        """The row of `applications`."""
        row: Mapping[str, Any] = self.tables["applications"].to_pylist()[0]
        return row
