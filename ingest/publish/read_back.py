"""Read an imported application back from its run's artifacts."""

import re
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ...schemas.columns import Table
from ...schemas.identity import root_of_key
from ...schemas.logs import EventLog, EventLogTables
from ...schemas.runs.params_tags import APP_ID_TAG, ATTEMPT_TAG, KEY_TAG, WRITTEN_TAG
from ...schemas.tables import TABLES
from .. import arrow
from ..errors import InputError, PublishError
from .error_messages import translate_errors
from .interface import Root
from .store import TrackingStore
from .stored_trees import roots
from .training_runs import find_run
from .writer_selection import open_store

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def find_root(wanted: str, tracking_uri: str | None = None, experiment: str | None = None) -> Root:
    """Find an application run by an application id, `<app_id>/<attempt>`, or the id of any of its runs.

    Raises:
        InputError: there is none, or there are several.
        PublishError: the store cannot be reached.
    """
    store = open_store(tracking_uri, experiment)
    if store is None:
        raise InputError(f"{wanted}: no such file, and the tracking store is empty; import the log first")
    app_id, attempt, key = *_split(wanted), None
    if _RUN_ID.fullmatch(wanted):
        run = find_run(store, wanted)
        if run is not None:
            app_id, key = run.data.tags.get(APP_ID_TAG, ""), root_of_key(run.data.tags.get(KEY_TAG, ""))
    found = [root for root in roots(store, [app_id], "all") if not root.deleted] if app_id else []
    if attempt is not None:
        found = [root for root in found if root.tags.get(ATTEMPT_TAG, "1") == attempt]
    if key is not None:
        found = [root for root in found if root.key == key]
    if not found:
        raise InputError(
            f"{wanted}: no log at this path, and no application or run of this id is imported; "
            "`afterglow status --all` lists what is"
        )
    if len({root.key for root in found}) > 1:
        several = ", ".join(sorted(f"{root.run_id} ({_described(root)})" for root in found))
        raise InputError(f"{wanted}: several applications of this id are imported; name one by its run id: {several}")
    return max(found, key=lambda root: root.tags.get(WRITTEN_TAG, ""))


def _split(wanted: str) -> tuple[str, str | None]:
    app_id, slash, attempt = wanted.partition("/")
    return app_id, attempt if slash else None


def _described(root: Root) -> str:
    return f"{root.name}, attempt {root.tags.get(ATTEMPT_TAG, '1')}"


def stored_tables(root: Root, tracking_uri: str | None = None, experiment: str | None = None) -> EventLogTables:
    """The tables that were imported with this application run.

    Raises:
        PublishError: its artifacts cannot be read.
    """
    store = _store_of(root, tracking_uri, experiment)
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder:
        with translate_errors(f"cannot read the artifacts of run {root.run_id}"):
            found = Path(store.call(store.artifact_client().download_artifacts, root.run_id, "tables", folder))
        tables = {path.stem: pq.read_table(path).combine_chunks() for path in sorted(found.glob("*.parquet"))}
    if "applications" not in tables:
        raise PublishError(f"run {root.run_id} has no tables among its artifacts; import its log again")
    whole = {declared.name: _with_every_column(tables.get(declared.name), declared) for declared in TABLES}
    return EventLogTables(EventLog(root.tags.get("afterglow.log", root.key), "single", ()), whole)


def _with_every_column(table: pa.Table | None, declared: Table) -> pa.Table:
    """The table with every declared column. Tables of an older Afterglow may lack some or all."""
    if table is None:
        return arrow.empty(declared)
    for field in arrow.schema(declared):
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def attach(
    root: Root, name: str, content: bytes, tracking_uri: str | None = None, experiment: str | None = None
) -> None:
    """Add an artifact to an application run.

    Raises:
        PublishError: MLflow refused.
    """
    store = _store_of(root, tracking_uri, experiment)
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, translate_errors(f"cannot upload {name}"):
        path = Path(folder) / name
        path.write_bytes(content)
        store.call(store.artifact_client().log_artifact, root.run_id, str(path))


def _store_of(root: Root, tracking_uri: str | None, experiment: str | None) -> TrackingStore:
    store = open_store(tracking_uri, experiment)
    if store is None:
        raise PublishError(f"run {root.run_id} is no longer in the tracking store")
    return store.within(root.experiment_id)
