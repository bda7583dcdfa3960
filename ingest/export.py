"""Tables -> Parquet files, one folder per application attempt."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq

from ..schemas.identity import ApplicationIdentity
from ..schemas.logs import EventLogTables
from .filesystems import distinct_name, folder_name, path_lock
from .parquet import tables_to_write, write_parquet

_TURNS = 10


def export_tables(tables: EventLogTables, out: str, late: Mapping[str, Callable[[], pa.Table]] | None = None) -> str:
    """Write `out/<app_id>[_<attempt>]/<table>.parquet`, replacing an older export of the application. Return the
    folder. If it holds another application of the same id, the folder's name gets a suffix. A table without rows has no
    file, except applications, jobs, stages and tasks.

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
        now = {name: table for name, table in tables.tables.items() if name not in made}
        for name, table in tables_to_write(now):
            write_parquet(table, os.path.join(unfinished, f"{name}.parquet"))
        for name, table in tables_to_write({name: make() for name, make in made.items()}):
            write_parquet(table, os.path.join(unfinished, f"{name}.parquet"))
        os.chmod(unfinished, 0o755)
        if not os.path.lexists(places[0]):
            with suppress(OSError):  # another export took it in the meantime
                os.rename(unfinished, places[0])
                return places[0]
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
