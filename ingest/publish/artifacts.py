"""The application run's artifacts: the tables as Parquet, the small ones as CSV too, the configuration, the issues."""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ...schemas.issues import ImportIssue
from ...schemas.logs import EventLogTables

# What a person would look at in the page, which shows CSV as a table and Parquet not at all.
_AS_CSV = ("jobs", "stages", "executors", "sql_executions")
_CSV_ROWS = 10_000


def write_pictures(files: Mapping[str, bytes], folder: str) -> None:
    """Writes a run's pictures into a folder that exists."""
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def write_artifacts(tables: EventLogTables, issues: Iterable[ImportIssue], folder: str) -> None:
    """Fills a folder: `tables/*.parquet`, `jobs.csv` and the like, `spark_conf.json`, `issues.json`.

    `issues` are those of publishing, which the tables cannot know.
    """
    os.makedirs(os.path.join(folder, "tables"))
    for name, table in tables.tables.items():
        pq.write_table(table, os.path.join(folder, "tables", f"{name}.parquet"), compression="zstd")
    for name in _AS_CSV:
        if 0 < len(tables[name]) <= _CSV_ROWS:
            pa.csv.write_csv(_flat(tables[name]), os.path.join(folder, f"{name}.csv"))
    conf = {row["key"]: row["value"] for row in tables["properties"].to_pylist() if row["section"] == "spark"}
    _write_json(os.path.join(folder, "spark_conf.json"), conf)
    found = [
        *tables["issues"].to_pylist(),
        *({"code": i.code, "severity": i.severity, "message": i.message} for i in issues),
    ]
    _write_json(os.path.join(folder, "issues.json"), {"log": tables.log.name, "issues": found})


def _flat(table: Any) -> Any:
    """CSV has no lists: they become text, separated by spaces."""
    columns = {
        field.name: [None if v is None else " ".join(map(str, v)) for v in table[field.name].to_pylist()]
        if pa.types.is_list(field.type)
        else table[field.name]
        for field in table.schema
    }
    return pa.table(columns)


def _write_json(path: str, content: Any) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False, sort_keys=True)
