"""Tables -> Parquet files, one folder per application attempt."""

import os
import re
import shutil
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

from ..schemas.logs import EventLogTables

_ROWS_PER_GROUP = 32_768  # the writer holds a group's pages in memory: of 200,000 tasks, 40 MB


def folder_name(app_id: str, attempt: str | None) -> str:
    """`<app_id>` or `<app_id>_<attempt>`, with what no file name should hold replaced by `_`."""
    return re.sub(r"[^\w.-]", "_", f"{app_id}_{attempt}" if attempt else app_id).lstrip(".") or "unnamed"


def export_tables(tables: EventLogTables, out: str) -> str:
    """Writes `out/<app_id>[_<attempt>]/<table>.parquet`, replacing what is there; returns the folder.

    The folder appears whole or not at all.
    """
    application = tables.application
    folder = os.path.join(out, folder_name(application["app_id"], application["app_attempt"]))
    os.makedirs(out, exist_ok=True)
    unfinished = tempfile.mkdtemp(prefix=".afterglow-", dir=out)
    try:
        for name, table in tables.tables.items():
            path = os.path.join(unfinished, f"{name}.parquet")
            texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
            # a dictionary of numbers that hardly repeat takes half the time of writing and makes the file larger
            pq.write_table(table, path, compression="zstd", row_group_size=_ROWS_PER_GROUP, use_dictionary=texts)
        os.chmod(unfinished, 0o755)
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
