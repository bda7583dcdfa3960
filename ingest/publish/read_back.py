"""An application that is imported, read back: its tables, from the artifacts of its run."""

import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.columns import Table
from ...schemas.logs import EventLog, EventLogTables
from ...schemas.runs.params_tags import APP_ID_TAG
from ...schemas.tables import TABLES
from .. import arrow
from ..errors import InputError, PublishError
from .factory import open_existing
from .interface import Root
from .retry import patiently, refused

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def find_root(wanted: str, tracking_uri: str | None = None, experiment: str | None = None) -> Root:
    """The application run that is meant: by an application id, `<app_id>/<attempt>`, or the id of any of its runs.

    Raises:
        InputError: there is none, or several attempts of it are imported.
        PublishError: the store cannot be reached.
    """
    store: Any = open_existing(tracking_uri, experiment)
    if store is None:
        raise InputError(f"{wanted}: no such file, and the tracking store is empty; import the log first")
    app_id, _, attempt = wanted.partition("/")
    key = None
    if _RUN_ID.fullmatch(wanted):
        run = _run(store, wanted)
        if run is not None:
            app_id, key = run.data.tags.get(APP_ID_TAG, ""), run.data.tags.get("afterglow.key", "")
    roots = [root for root in store.roots([app_id], "all") if not root.deleted] if app_id else []
    if attempt:
        roots = [root for root in roots if root.key == f"{app_id}/{attempt}"]
    if key:
        roots = [root for root in roots if key == root.key or key.startswith(root.key + "/")]
    if not roots:
        raise InputError(
            f"{wanted}: no log at this path, and no application or run of this id is imported; "
            "`afterglow status --all` lists what is"
        )
    if len({root.key for root in roots}) > 1:
        attempts = ", ".join(sorted({root.key for root in roots}))
        raise InputError(f"{wanted}: several attempts are imported; name one: {attempts}")
    newest: Root = max(roots, key=lambda root: root.tags.get("afterglow.written_at", ""))
    return newest


def _run(store: Any, run_id: str) -> Any:
    from mlflow.exceptions import MlflowException

    with refused(f"cannot read run {run_id}"):
        try:
            return patiently(partial(store.client.get_run, run_id), store.patience)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None


def stored_tables(root: Root, tracking_uri: str | None = None, experiment: str | None = None) -> EventLogTables:
    """The tables that were imported with this application run.

    Raises:
        PublishError: its artifacts cannot be read.
    """
    store: Any = open_existing(tracking_uri, experiment)
    trouble = refused(f"cannot read the artifacts of run {root.run_id}")
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, trouble:
        download = partial(store.artifact_client().download_artifacts, root.run_id, "tables", folder)
        found = Path(patiently(download, store.patience))
        tables = {path.stem: pq.read_table(path).combine_chunks() for path in sorted(found.glob("*.parquet"))}
    if "applications" not in tables:
        raise PublishError(f"run {root.run_id} has no tables among its artifacts; import its log again")
    whole = {declared.name: _whole(tables.get(declared.name), declared) for declared in TABLES}
    return EventLogTables(EventLog(root.tags.get("afterglow.log", root.key), "single", ()), whole)


def _whole(table: Any, declared: Table) -> Any:
    """The table with every declared column: an older Afterglow's lacks some, or all."""
    if table is None:
        return arrow.empty(declared)
    for field in arrow.schema(declared):
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def attach(
    root: Root, name: str, content: bytes, tracking_uri: str | None = None, experiment: str | None = None
) -> None:
    """Writes one more artifact of an application run.

    Raises:
        PublishError: MLflow refused.
    """
    store: Any = open_existing(tracking_uri, experiment)
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, refused("cannot upload the comparison"):
        path = Path(folder) / name
        path.write_bytes(content)
        patiently(partial(store.artifact_client().log_artifact, root.run_id, str(path)), store.patience)
