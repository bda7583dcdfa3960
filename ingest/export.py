"""Tables -> Parquet files, one folder per application attempt."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..schemas.logs import EventLogTables
from .filesystems import folder_name

_ROWS_PER_GROUP = 16_384  # the writer holds a group's pages in memory: of 200,000 tasks, 20 MB
# Most logs are small, and of their tables half are empty: writing them costs more than reading the log.
_FEW_ROWS = 64
_FEW_BYTES = 256 << 10
_SCHEMAS_KEPT = 64
_TURNS = 10


def export_tables(tables: EventLogTables, out: str, late: Mapping[str, Callable[[], Any]] | None = None) -> str:
    """Writes `out/<app_id>[_<attempt>]/<table>.parquet`, replacing what is there; returns the folder.

    `late` makes tables that are not ready yet; they are asked for when all others are written. The folder appears whole
    or not at all.
    """
    application = tables.application
    folder = os.path.join(out, folder_name(application["app_id"], application["app_attempt"]))
    os.makedirs(out, exist_ok=True)
    unfinished = tempfile.mkdtemp(prefix=".afterglow-", dir=out)
    try:
        made = late or {}
        for name, table in tables.tables.items():
            if name not in made:
                _write(table, os.path.join(unfinished, f"{name}.parquet"))
        for name, make in made.items():
            _write(make(), os.path.join(unfinished, f"{name}.parquet"))
        os.chmod(unfinished, 0o755)
        _replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _replace(new: str, old: str) -> None:
    for left in reversed(range(_TURNS)):
        shutil.rmtree(old, ignore_errors=True)
        try:
            os.rename(new, old)
            return
        except OSError:  # two exports of one application at once: the other's came in between
            if not left:
                raise


def _write(table: Any, path: str) -> None:
    if table.num_rows > _FEW_ROWS or table.nbytes > _FEW_BYTES:
        texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
        # a dictionary of numbers that hardly repeat takes half the time of writing and makes the file larger
        pq.write_table(table, path, compression="zstd", row_group_size=_ROWS_PER_GROUP, use_dictionary=texts)
        return
    with open(path, "wb") as file:
        file.write(_small(table) if table.num_rows else _without_rows(table.schema))


def _small(table: Any) -> bytes:
    """A table of a few rows as Parquet. What makes a large file small and quick to search makes this one larger, and
    written page by page it would take a hundred writes."""
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="none", use_dictionary=False, write_statistics=False)
    content: bytes = file.getvalue()
    return content


@lru_cache(_SCHEMAS_KEPT)
def _without_rows(schema: Any) -> bytes:
    return bytes(_small(pa.Table.from_batches([], schema=schema)))  # empty_table() would import pandas
