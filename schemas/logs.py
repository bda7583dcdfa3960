"""An event log (its files in order) and its tables, which stages pass on."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .identity import ApplicationIdentity

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = ("complete", "application_not_read")
"""The completeness of logs from which every event of the application was read."""
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
    listed: ApplicationIdentity | None = None
    """The application, where a History Server's list says it; its log is downloaded only to be read."""
    listed_user: str | None = None
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
    tables: "Mapping[str, pa.Table]"

    def __getitem__(self, name: str) -> "pa.Table":
        return self.tables[name]

    def __getattr__(self, name: str) -> "pa.Table":
        if name.startswith("_") or name not in self.tables:
            raise AttributeError(f"there is no table {name!r}; tables: {', '.join(self.tables)}")
        return self.tables[name]

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.tables})

    def __repr__(self) -> str:
        filled = sum(table.num_rows > 0 for table in self.tables.values())
        return f"<EventLogTables of {self._title()}: {filled} of {len(self.tables)} tables have rows>"

    def _repr_html_(self) -> str:
        """A list of the tables for notebooks."""
        rows = "".join(
            f"<tr><td>{name}</td><td style='text-align:right'>{table.num_rows:,}</td></tr>"
            for name, table in self.tables.items()
        )
        head = "<tr><th>table</th><th>rows</th></tr>"
        return f"<p>{html.escape(self._title())}</p><table>{head}{rows}</table>"

    def _title(self) -> str:
        row = self.application
        attempt = f" attempt {row['app_attempt']}" if row["app_attempt"] else ""
        return f"{row['app_id']}{attempt} ({row['name']!r}, log {row['completeness']})"

    @property
    def application(self) -> Mapping[str, Any]:
        """The row of `applications`."""
        row: Mapping[str, Any] = self.tables["applications"].to_pylist()[0]
        return row
