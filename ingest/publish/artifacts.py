"""The application run's artifacts: the tables as Parquet, the small ones as CSV too, the configuration, the issues."""

import html
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv

from ...schemas.issues import ImportIssue
from ...schemas.logs import EventLogTables
from ...schemas.tables import TABLES
from .. import arrow
from ..control_characters import replace_controls, spreadsheet_cells
from ..parquet import parquet_bytes, tables_to_write

# Tables that are also written as CSV, because MLflow's page shows CSV as a table but does not show Parquet.
_AS_CSV = ("jobs", "stages", "executors", "sql_executions")
_CSV_ROWS = 10_000
_FEW_ROWS = 64
_RUN_OF_REPORT = re.compile(rb'data-run="([^"]{1,2000})"')


def files_of(folder: str) -> list[tuple[str, str | None]]:
    """Every file below a folder, with the folder among the artifacts that it belongs to; None is their root."""
    found: list[tuple[str, str | None]] = []
    for place, _, names in sorted(os.walk(folder)):
        below = os.path.relpath(place, folder).replace(os.sep, "/")
        found.extend((os.path.join(place, name), None if below == "." else below) for name in sorted(names))
    return found


def write_pictures(files: Mapping[str, bytes], folder: str) -> None:
    """Write a run's plots into an existing folder."""
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def link_report(content: bytes, address: Callable[[str], str | None]) -> bytes:
    """The report with the addresses of the runs that it names, instead of their keys."""

    def replace(found: "re.Match[bytes]") -> bytes:
        url = address(html.unescape(found[1].decode()))
        return found[0] if url is None else b'data-run="%s"' % html.escape(url).encode()

    return _RUN_OF_REPORT.sub(replace, content)


def write_artifacts(tables: EventLogTables, issues: Iterable[ImportIssue], folder: str) -> None:
    """Fills a folder: `tables/*.parquet`, `jobs.csv` and the like, `spark_conf.json`, `issues.json`.

    `issues` are the issues found while publishing, which the tables do not contain.
    """
    os.makedirs(os.path.join(folder, "tables"))
    _write(tables, lambda name: pa.OSFile(os.path.join(folder, name), "wb"))
    _write_issues(folder, tables.log.name, _issues(tables), issues)


def write_empty_tables(folder: str) -> None:
    """Write an empty file for every table that has none in the folder, if it has tables."""
    for declared in TABLES if os.path.isdir(os.path.join(folder, "tables")) else ():
        path = os.path.join(folder, "tables", f"{declared.name}.parquet")
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(parquet_bytes(arrow.empty(declared)))


@dataclass(frozen=True, slots=True)
class PackedArtifacts:
    """The artifacts of a log whose tables are in another process. `files` are contents by their paths in the folder."""

    log: str
    files: Mapping[str, bytes]
    issues: Sequence[Mapping[str, Any]]

    def __call__(self, issues: Iterable[ImportIssue], folder: str) -> None:
        """Write the files, like write_artifacts."""
        os.makedirs(os.path.join(folder, "tables"))
        for name, content in self.files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        _write_issues(folder, self.log, self.issues, issues)


def packed_artifacts(tables: EventLogTables) -> PackedArtifacts:
    """The same files, in memory."""
    sinks: dict[str, Any] = {}

    def opened(name: str) -> Any:
        sinks[name] = pa.BufferOutputStream()
        return sinks[name]

    _write(tables, opened)
    files = {name: sink.getvalue().to_pybytes() for name, sink in sinks.items()}
    return PackedArtifacts(tables.log.name, files, _issues(tables))


def _write(tables: EventLogTables, opened: Callable[[str], Any]) -> None:
    for name, table in tables_to_write(tables.tables):
        with opened(f"tables/{name}.parquet") as file:
            file.write(parquet_bytes(table))
    for name in _AS_CSV:
        if 0 < len(tables[name]) <= _CSV_ROWS:
            with opened(f"{name}.csv") as file:
                file.write(csv_bytes(tables[name]))
    columns = (tables["properties"][name].to_pylist() for name in ("section", "key", "value"))
    conf = {
        replace_controls(key): replace_controls(value or "")
        for section, key, value in zip(*columns, strict=True)
        if section == "spark"
    }
    with opened("spark_conf.json") as file:
        file.write(_json(conf))


def _issues(tables: EventLogTables) -> list[Mapping[str, Any]]:
    return list(tables["issues"].to_pylist())


def _write_issues(folder: str, log: str, found: Sequence[Mapping[str, Any]], issues: Iterable[ImportIssue]) -> None:
    more = [{"code": i.code, "severity": i.severity, "message": i.message} for i in issues]
    with open(os.path.join(folder, "issues.json"), "wb") as file:
        file.write(_json({"log": replace_controls(log), "issues": list(map(_shown, [*found, *more]))}))


def csv_bytes(table: pa.Table) -> bytes:
    """A table as CSV. Text is quoted, null is empty. The file may be opened in a spreadsheet."""
    if table.num_rows <= _FEW_ROWS and not any(pa.types.is_floating(field.type) for field in table.schema):
        cells = [_cells(table[field.name]) for field in table.schema]
        heading = ",".join(f'"{field.name}"' for field in table.schema)
        lines = [heading, *map(",".join, zip(*cells, strict=True)), ""]
        return "\n".join(lines).encode()
    file = pa.BufferOutputStream()
    pa.csv.write_csv(_flat(table), file)
    content: bytes = file.getvalue().to_pybytes()
    return content


def _cells(column: pa.ChunkedArray) -> list[str]:
    """The cells of a column of numbers, truth values, texts or lists, as pyarrow writes them: its writer takes as long
    as these few rows."""
    values = column.to_pylist()
    if pa.types.is_integer(column.type):
        return ["" if value is None else str(value) for value in values]
    if pa.types.is_boolean(column.type):
        return ["" if value is None else str(value).lower() for value in values]
    if pa.types.is_list(column.type):
        values = _joined(values)
    shown = spreadsheet_cells(arrow.to_array(values, "string")).to_pylist()
    return ["" if text is None else '"' + text.replace('"', '""') + '"' for text in shown]


def _joined(lists: Sequence[Sequence[object] | None]) -> list[str | None]:
    return [None if one is None else " ".join(map(str, one)) for one in lists]


def _flat(table: pa.Table) -> pa.Table:
    """A table for CSV, in which lists become text separated by spaces."""
    columns = {}
    for field in table.schema:
        values = table[field.name]
        if pa.types.is_list(field.type):
            values = pa.array(_joined(values.to_pylist()), pa.string())
        columns[field.name] = spreadsheet_cells(values) if pa.types.is_string(values.type) else values
    return pa.table(columns)


def _shown(issue: Mapping[str, Any]) -> dict[str, Any]:
    return {name: replace_controls(value) if isinstance(value, str) else value for name, value in issue.items()}


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode()
