"""All undocumented MLflow APIs that Afterglow uses, with their definitions and tested versions. Those of MLflow's HTTP
client are in `mlflow_http`.

All of them were tested with MLflow 3.17 and 3.18. An older MLflow (2.9 is the oldest tested) lacks workspaces and
traces; each function documents what it returns then. Names that need SQLAlchemy are loaded on first use, because
SQLAlchemy takes as long to import as MLflow itself.
"""

import contextlib
import importlib
import inspect
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import mlflow.entities
import mlflow.environment_variables
from mlflow import MlflowClient

__all__ = [
    "MLFLOW_ENABLE_WORKSPACES",
    "MLFLOW_WORKSPACE",
    "artifact_repository",
    "get_request_workspace",
    "ignored_workspace",
    "insert_experiment_tags",
    "installed_version",
    "is_known_version",
    "latest_metrics",
    "local_folder",
    "query_runs",
    "remove_partial_uploads",
    "silent_migrations",
    "tracing_client",
    "tracking_store",
    "verify_schema",
    "without_logged_errors",
]

_LOADED_WHEN_USED: dict[str, tuple[str, str | None]] = {
    # SQLAlchemy models of the tables runs, tags, params, metrics, latest_metrics, datasets, inputs, input_tags
    "models": ("mlflow.store.tracking.dbmodels.models", None),
    # the store behind a database URI: its `engine`, and ARTIFACTS_FOLDER_NAME below a run's id
    "SqlAlchemyStore": ("mlflow.store.tracking.sqlalchemy_store", "SqlAlchemyStore"),
    # database URI -> SQLAlchemy engine, with MLflow's settings of its pool
    "create_engine": ("mlflow.store.db.utils", "create_sqlalchemy_engine"),
    # engine -> Alembic's revision in its table alembic_version; None without MLflow's tables
    "schema_version": ("mlflow.store.db.utils", "_get_schema_version"),
    # joins an artifact location with a path, minding query and fragment
    "append_to_uri_path": ("mlflow.utils.uri", "append_to_uri_path"),
    # artifact location -> its repository
    "get_artifact_repository": (
        "mlflow.store.artifact.artifact_repository_registry",
        "get_artifact_repository",
    ),
    # names of attributes and tags by which MLflow's page shows a trace
    "SpanAttributeKey": ("mlflow.tracing.constant", "SpanAttributeKey"),
    "TraceMetadataKey": ("mlflow.tracing.constant", "TraceMetadataKey"),
    "TraceTagKey": ("mlflow.tracing.constant", "TraceTagKey"),
    # (trace number, span number) -> OpenTelemetry's context
    "build_otel_context": ("mlflow.tracing.utils", "build_otel_context"),
}


class _NotSet:
    """An environment variable that this MLflow does not have."""

    def get(self) -> None:
        """Same interface as mlflow.environment_variables."""


# since MLflow 3.10, undocumented
MLFLOW_ENABLE_WORKSPACES = getattr(mlflow.environment_variables, "MLFLOW_ENABLE_WORKSPACES", _NotSet())
MLFLOW_WORKSPACE = getattr(mlflow.environment_variables, "MLFLOW_WORKSPACE", _NotSet())


def ignored_workspace() -> str | None:
    """What to tell a user whose environment names a workspace that the installed MLflow cannot use."""
    if not isinstance(MLFLOW_WORKSPACE, _NotSet) or not os.environ.get("MLFLOW_WORKSPACE"):
        return None
    return (
        f"MLflow {mlflow.__version__} has no workspaces, so MLFLOW_WORKSPACE is ignored; install MLflow 3.10 or newer"
    )


def get_request_workspace() -> str | None:
    """mlflow.utils.workspace_context.get_request_workspace, since MLflow 3.10; None without workspaces."""
    module = _workspace_context()
    found: str | None = None if module is None else module.get_request_workspace()
    return found


@cache
def _workspace_context() -> Any | None:
    try:
        return importlib.import_module("mlflow.utils.workspace_context")
    except ImportError:
        return None


def __getattr__(name: str) -> Any:
    if name not in _LOADED_WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LOADED_WHEN_USED[name]
    found = importlib.import_module(module)
    return found if attribute is None else getattr(found, attribute)


def tracking_store(client: MlflowClient) -> Any:
    """MlflowClient._tracking_client.store: the store behind a client."""
    return client._tracking_client.store


def tracing_client(client: MlflowClient) -> Any | None:
    """MlflowClient._tracing_client: writes and deletes traces. None where it cannot write spans, as that of MLflow 3.0
    and before."""
    found = getattr(client, "_tracing_client", None)
    return found if hasattr(found, "log_spans") else None


def latest_metrics(run: Any) -> Mapping[str, tuple[int, float]]:
    """RunData._metric_objs: a run's latest metrics, name -> (time_ms, value); RunData.metrics has no times."""
    return {metric.key: (metric.timestamp, metric.value) for metric in run.data._metric_objs}


def insert_experiment_tags(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> bool:
    """SqlExperimentTag: add tags that the experiment does not have. SqlAlchemyStore.set_experiment_tag would read all
    tags before it adds each. False if nothing is written: the store is no database, or it refused."""
    engine = getattr(tracking_store(client), "engine", None)
    if engine is None:
        return False
    import sqlalchemy as sa

    rows = [{"experiment_id": int(experiment_id), "key": key, "value": value} for key, value in tags.items()]
    try:
        with engine.begin() as connection:
            connection.execute(sa.insert(__getattr__("models").SqlExperimentTag), rows)
    except sa.exc.SQLAlchemyError:
        return False
    return True


def query_runs(session: Any) -> Any:
    """SqlAlchemyStore._get_eager_run_query_options: a query of SqlRun that loads what SqlRun.to_mlflow_entity reads."""
    options = __getattr__("SqlAlchemyStore")._get_eager_run_query_options()
    return session.query(__getattr__("models").SqlRun).options(*options)


# Alembic's revisions (mlflow/store/db_migrations/versions) that the SQL writer was tested with.
SCHEMA_HEADS = {"dc11669786a5": "3.17", "f4a9b2c7d1e6": "3.18"}


def local_folder(artifact_uri: str) -> str | None:
    """mlflow.utils.file_utils.local_file_uri_to_path: the folder of a run's artifacts; None unless it is a local one.

    LocalArtifactRepository keeps every artifact there as a file of its path.
    """
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    return str(local_file_uri_to_path(artifact_uri)) if is_local_uri(artifact_uri) else None


def artifact_repository(client: MlflowClient, artifact_uri: str) -> Any | None:
    """TrackingServiceClient._get_artifact_repo: the repository of a run's artifacts, for which MLflow would read the
    run. None if it depends on settings of the process, as before MLflow 3."""
    from mlflow.utils.uri import add_databricks_profile_info_to_artifact_uri

    get_repository, uri = __getattr__("get_artifact_repository"), client.tracking_uri
    if "tracking_uri" not in inspect.signature(get_repository).parameters:
        return None
    return get_repository(add_databricks_profile_info_to_artifact_uri(artifact_uri, uri), tracking_uri=uri)


def remove_partial_uploads(artifact_uri: str) -> None:
    """Delete the temporary files that a killed process left in a run's artifacts, if these are in a local folder.

    mlflow.store.artifact.local_artifact_repo.LocalArtifactRepository writes `.artifact.uploading.*` and renames it.
    """
    local = local_folder(artifact_uri)
    if local is None:
        return
    for folder, _, names in os.walk(local):
        for name in names:
            if name.startswith(".artifact.uploading."):
                with contextlib.suppress(OSError):
                    os.remove(os.path.join(folder, name))


@cache
def installed_version() -> str:
    """mlflow.store.db.utils._get_latest_schema_revision: Alembic's revision that the installed MLflow needs."""
    from mlflow.store.db.utils import _get_latest_schema_revision

    return str(_get_latest_schema_revision())


def is_known_version(revision: str) -> bool:
    """Whether the installed MLflow can migrate from this revision (mlflow/store/db_migrations/versions)."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from mlflow.store.db.utils import _get_alembic_config

    try:
        return ScriptDirectory.from_config(_get_alembic_config(db_url="")).get_revision(revision) is not None
    except CommandError:
        return False


def verify_schema(store: Any) -> str | None:
    """Why a store's tables differ from those that the SQL writer was tested with; None if they match."""
    head = __getattr__("schema_version")(store.engine)
    if head not in SCHEMA_HEADS:
        tested = ", ".join(SCHEMA_HEADS.values())
        return f"the database has MLflow's schema {head}, and direct writes were tested with that of MLflow {tested}"
    return None


class _Errors(logging.Filter):
    """Drops the tracebacks that MLflow logs for errors which it also raises, in threads that handle them."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged."""
        return not getattr(self._thread, "handles", False)

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Mark errors that are logged in this context as handled."""
        before, self._thread.handles = getattr(self._thread, "handles", False), True
        try:
            yield
        finally:
            self._thread.handles = before


_ERRORS = _Errors()
logging.getLogger("mlflow.store.db.utils").addFilter(_ERRORS)  # _get_managed_session_maker logs every error


def without_logged_errors() -> contextlib.AbstractContextManager[None]:
    """Silence errors that mlflow.store.db.utils logs in this thread, since they are also raised and reported."""
    return _ERRORS.handled()


@contextlib.contextmanager
def silent_migrations() -> Iterator[None]:
    """Silence the lines that Alembic logs while MLflow creates the tables of a database.

    mlflow.store.db_migrations.env configures logging for them, with a handler of the whole process. That is undone.
    """
    root, alembic = logging.getLogger(), logging.getLogger("alembic")
    handlers, level, disabled = list(root.handlers), alembic.level, logging.root.manager.disable
    logging.disable(max(disabled, logging.INFO))
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        alembic.setLevel(max(level, logging.WARNING))
