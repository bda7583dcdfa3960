"""Write the tables of many applications as one Parquet dataset, for queries over all of them.

`URI/<table>/date=YYYY-MM-DD/application=<app_id>[_<attempt>]/part-0.parquet`: Spark, DuckDB and pandas can read a
table's folder. The application's start date (UTC) and its id are partition columns. An application's files are replaced
one by one, each atomically. Its row of `applications` is written last, so a join with that table sees only complete
applications. Tables without rows have no file.
"""

import os
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..schemas.identity import ApplicationIdentity
from ..schemas.logs import EventLogTables
from .errors import InputError
from .filesystems import distinct_name, folder_name, is_local, path_lock, reach_file_system
from .storage_errors import STORAGE_ERRORS, explain

_LAST = "applications"
_FINGERPRINT, _APPLICATION = b"afterglow.fingerprint", b"afterglow.application"
_ROWS_PER_GROUP = 131_072
_NO_DATE = "__HIVE_DEFAULT_PARTITION__"
# On these file systems a file appears when it is closed; a move would copy it.
_OBJECT_STORES = ("s3", "gcs", "abfs")


def write_dataset(tables: EventLogTables, uri: str, fingerprint: str) -> str:
    """Write one application's tables below `uri`, replacing older ones. Returns the path of its row of `applications`.

    `fingerprint` covers the log and the options; see `stored_application`.

    Raises:
        InputError: nothing can be written there.
    """
    application = ApplicationIdentity.from_row(tables.application)
    system, root = reach_file_system(uri)
    root = root.rstrip("/")
    metadata = {_FINGERPRINT: fingerprint.encode(), _APPLICATION: application.digest.encode()}
    try:
        # two applications of one id must not take the same place; object stores have no lock
        with path_lock(f"{root}/{folder_name(application.app_id, None)}") if is_local(uri) else nullcontext():
            place = _place(system, root, application)
            for name in sorted(tables.tables, key=lambda name: name == _LAST):
                path = f"{root}/{name}/{place}"
                table = tables[name]
                if table.num_rows:
                    _put(system, path, _parquet(table.replace_schema_metadata(metadata)))
                elif system.get_file_info(path).is_file:
                    system.delete_file(path)
    except STORAGE_ERRORS as error:
        raise InputError(f"{uri}: the tables cannot be written: {explain(error)}") from error
    return f"{uri.rstrip('/')}/{_LAST}/{place}"


def stored_application(uri: str, application: ApplicationIdentity, fingerprint: str) -> Mapping[str, Any] | None:
    """This application's row of `applications` below `uri`; None unless it was written with this fingerprint.

    Raises:
        InputError: the dataset cannot be reached.
    """
    system, root = reach_file_system(uri)
    root = root.rstrip("/")
    path = f"{root}/{_LAST}/{_place(system, root, application)}"
    if _metadata(system, path).get(_FINGERPRINT) != fingerprint.encode():
        return None
    try:
        with system.open_input_file(path) as file:
            row: Mapping[str, Any] = pq.ParquetFile(file).read().to_pylist()[0]
            return row
    except (OSError, pa.ArrowInvalid, IndexError):
        return None


def _place(system: "pa.fs.FileSystem", root: str, application: ApplicationIdentity) -> str:
    """The application's path below a table's folder. The first application with an id gets the plain name. Another one
    with the same id and date gets a suffix."""
    start = application.start_time_ms
    date = _NO_DATE if start is None else f"{datetime.fromtimestamp(start / 1000, timezone.utc):%Y-%m-%d}"
    name = folder_name(application.app_id, application.attempt)
    place = f"date={date}/application={name}/part-0.parquet"
    owner = _metadata(system, f"{root}/{_LAST}/{place}").get(_APPLICATION)
    if owner is None or owner == application.digest.encode():
        return place
    return f"date={date}/application={distinct_name(name, application)}/part-0.parquet"


def _metadata(system: "pa.fs.FileSystem", path: str) -> Mapping[bytes, bytes]:
    """A file's metadata. Empty if it does not exist or is not a Parquet file; it is then rewritten."""
    try:
        with system.open_input_file(path) as file:
            return pq.read_schema(file).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return {}


def _parquet(table: pa.Table) -> pa.Buffer:
    file = pa.BufferOutputStream()
    pq.write_table(table, file, compression="zstd", row_group_size=_ROWS_PER_GROUP)
    return file.getvalue()


def _put(system: "pa.fs.FileSystem", path: str, content: pa.Buffer) -> None:
    if system.type_name in _OBJECT_STORES:
        with system.open_output_stream(path) as file:
            file.write(content)
        return
    folder = os.path.dirname(path)
    unfinished = f"{folder}/_{uuid.uuid4().hex}"  # readers skip names with this prefix
    system.create_dir(folder, recursive=True)
    try:
        with system.open_output_stream(unfinished) as file:
            file.write(content)
        system.move(unfinished, path)
    except BaseException:
        if system.get_file_info(unfinished).is_file:
            system.delete_file(unfinished)
        raise
