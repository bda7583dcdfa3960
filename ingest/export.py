"""Tables -> Parquet files, one folder per application attempt."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from ..schemas.identity import ApplicationIdentity
from ..schemas.logs import EventLogTables
from .filesystems import distinct_name, folder_name, path_lock

_ROWS_PER_GROUP = 16_384  # the writer keeps the pages of a group in memory, 20 MB for 200,000 tasks
# Most logs are small, and half of their tables are empty. Writing those would cost more than reading the log.
_FEW_ROWS = 64
_FEW_BYTES = 256 << 10
_SCHEMAS_KEPT = 64
_TURNS = 10


def export_tables(tables: EventLogTables, out: str, late: Mapping[str, Callable[[], pa.Table]] | None = None) -> str:
    """Write `out/<app_id>[_<attempt>]/<table>.parquet`, replacing an older export of the application. Return the
    folder. If it holds another application of the same id, the folder's name gets a suffix.

    `late` makes tables that are not ready yet. It is called after all others are written. The folder is created
    atomically.
    """
    application = ApplicationIdentity.from_row(tables.application)
    name = folder_name(application.app_id, application.attempt)
    places = [os.path.join(out, name), os.path.join(out, distinct_name(name, application))]
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
        with path_lock(out):  # between looking at a place and taking it, no other export may take it
            return _move(unfinished, places, application)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _move(new: str, places: Sequence[str], application: ApplicationIdentity) -> str:
    """Move a folder to the first path that is free or holds this application, and return that path.

    os.rename is atomic and fails if the place was taken in between by another export.
    """
    for left in reversed(range(_TURNS)):
        folder = next(place for place in places if place == places[-1] or _owner(place) in (None, application))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.rename(new, folder)
            return folder
        except OSError:
            if not left:
                raise
    raise AssertionError("unreachable")


def _owner(folder: str) -> ApplicationIdentity | None:
    """The application whose tables a folder holds; None if it holds none."""
    try:
        # pq.read_table would import pyarrow.dataset, and with it pandas
        with pq.ParquetFile(os.path.join(folder, "applications.parquet")) as file:
            rows = file.read().to_pylist()
        return ApplicationIdentity.from_row(rows[0])
    except (OSError, pa.ArrowInvalid, KeyError, IndexError):
        return None


def _write(table: pa.Table, path: str) -> None:
    if table.num_rows > _FEW_ROWS or table.nbytes > _FEW_BYTES:
        texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
        # a dictionary of numbers that rarely repeat takes half of the write time and makes the file larger
        pq.write_table(table, path, compression="zstd", row_group_size=_ROWS_PER_GROUP, use_dictionary=texts)
        return
    with open(path, "wb") as file:
        file.write(_small(table) if table.num_rows else _without_rows(table.schema))


def _small(table: pa.Table) -> bytes:
    """A table of a few rows as Parquet. Statistics and dictionaries, which help in large files, make this one larger.
    It is written as one buffer: page by page it would take a hundred writes."""
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="none", use_dictionary=False, write_statistics=False)
    content: bytes = file.getvalue()
    return content


@lru_cache(_SCHEMAS_KEPT)
def _without_rows(schema: pa.Schema) -> bytes:
    return bytes(_small(pa.Table.from_batches([], schema=schema)))  # empty_table() would import pandas
