"""The tables of many applications as one Parquet dataset, for questions over a whole fleet.

`URI/<table>/date=YYYY-MM-DD/application=<app_id>[_<attempt>]/part-0.parquet`: a table's folder is what Spark, DuckDB
and pandas read, with the application's start date (UTC) and its id as columns. An application's files are replaced one
by one, each at once or not at all, and its row of `applications` last: who joins with it sees whole applications.
Tables without rows have no file.
"""

import os
import uuid
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..schemas.logs import EventLogTables
from .errors import InputError
from .filesystems import file_system, folder_name

_LAST = "applications"
_IDENTITY = b"afterglow.identity"
_ROWS_PER_GROUP = 131_072
_NO_DATE = "__HIVE_DEFAULT_PARTITION__"
# A file appears on these when it is closed, whole; a move would copy it.
_OBJECT_STORES = ("s3", "gcs", "abfs")


def write_dataset(tables: EventLogTables, uri: str, identity: str) -> str:
    """Writes one application's tables below `uri`, replacing what is there of it; where its row of `applications` lies.

    `identity` says of which log they are, see `identity_of`.

    Raises:
        InputError: nothing can be written there.
    """
    app = tables.application
    system, root = file_system(uri)
    place = _place(app["app_id"], app["app_attempt"], app["start_time_ms"])
    try:
        for name in sorted(tables.tables, key=lambda name: name == _LAST):
            path = f"{root.rstrip('/')}/{name}/{place}"
            table = tables[name]
            if table.num_rows:
                _put(system, path, _parquet(table.replace_schema_metadata({_IDENTITY: identity.encode()})))
            elif system.get_file_info(path).is_file:
                system.delete_file(path)
    except OSError as error:
        raise InputError(f"{uri}: the tables cannot be written: {error}") from error
    return f"{uri.rstrip('/')}/{_LAST}/{place}"


def identity_of(uri: str, app_id: str, attempt: str | None, start_time_ms: int | None) -> str | None:
    """The identity that this application's tables below `uri` were written with; None where there are none.

    Raises:
        InputError: the place cannot be reached.
    """
    system, root = file_system(uri)
    try:
        with system.open_input_file(f"{root.rstrip('/')}/{_LAST}/{_place(app_id, attempt, start_time_ms)}") as file:
            metadata = pq.read_schema(file).metadata or {}
    except (OSError, pa.ArrowInvalid):  # not there, or no Parquet: it is written anew
        return None
    found: bytes | None = metadata.get(_IDENTITY)
    return None if found is None else found.decode()


def _place(app_id: str, attempt: str | None, start_time_ms: int | None) -> str:
    date = _NO_DATE
    if start_time_ms is not None:
        date = f"{datetime.fromtimestamp(start_time_ms / 1000, timezone.utc):%Y-%m-%d}"
    return f"date={date}/application={folder_name(app_id, attempt)}/part-0.parquet"


def _parquet(table: Any) -> Any:
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="zstd", row_group_size=_ROWS_PER_GROUP)
    return file.getvalue()


def _put(system: Any, path: str, content: Any) -> None:
    if system.type_name in _OBJECT_STORES:
        with system.open_output_stream(path) as file:
            file.write(content)
        return
    folder = os.path.dirname(path)
    unfinished = f"{folder}/_{uuid.uuid4().hex}"  # readers pass over names that begin so
    system.create_dir(folder, recursive=True)
    try:
        with system.open_output_stream(unfinished) as file:
            file.write(content)
        system.move(unfinished, path)
    except BaseException:
        if system.get_file_info(unfinished).is_file:
            system.delete_file(unfinished)
        raise
