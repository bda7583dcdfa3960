"""Open the store and the writer for a tracking URI."""

import os
from collections.abc import Callable

from ..errors import PublishError
from .check_reachable import check_reachable
from .interface import Writer
from .retry import Notice, RetryPolicy
from .store import TrackingStore

DEFAULT_EXPERIMENT = "spark-applications"
WRITERS = ("auto", "sql", "rest")
_DATABASES = ("sqlite", "postgresql", "mysql")


def open_writer(
    tracking_uri: str | None = None,
    experiment: str | None = None,
    writer: str = "auto",
    tell: Callable[[str], None] | None = None,
) -> Writer:
    """A writer for one experiment, which is created if it does not exist.

    Without `tracking_uri`, MLFLOW_TRACKING_URI or MLflow's own default; without `experiment`, MLFLOW_EXPERIMENT_NAME
    or `spark-applications`. `writer` is `sql` (straight into a database), `rest` (the tracking API) or `auto` (`sql`
    for a database that this process can reach). `tell` is called with a message if a database does not meet the
    requirements of `sql`, and when calls are retried.

    Raises:
        PublishError: the store cannot be reached, or the experiment was deleted.
    """
    uri = resolved_uri(tracking_uri)
    policy = check_reachable(uri, retry_policy(tell))
    return open_checked(uri, experiment_name(experiment, uri), writer, policy)


def open_checked(uri: str, experiment: str, writer: str, policy: RetryPolicy) -> Writer:
    """Like open_writer, for a store that is known to be reachable."""
    from .rest.writer import RestWriter

    store = TrackingStore.open(uri, experiment, policy)
    if writer != "rest" and (writer == "sql" or _kind(uri) in _DATABASES):
        from .sql.writer import SqlWriter

        direct = SqlWriter(store)
        reason = direct.unfit()
        if reason is None:
            return direct
        policy.notice.write(f"{reason}; writing through the tracking API instead, which is slower")
    return RestWriter(store)


def open_store(
    tracking_uri: str | None = None, experiment: str | None = None, tell: Callable[[str], None] | None = None
) -> TrackingStore | None:
    """A store to read or remove from. Nothing is created; None if there is no database or no experiment.

    Raises:
        PublishError: the store cannot be reached.
    """
    uri = resolved_uri(tracking_uri)
    path = sqlite_path(uri)
    if path is not None and not os.path.exists(path):
        return None
    policy = check_reachable(uri, retry_policy(tell))
    return TrackingStore.open_existing(uri, experiment_name(experiment, uri), policy)


def resolved_uri(tracking_uri: str | None) -> str:
    """The effective tracking URI."""
    from mlflow.tracking import get_tracking_uri

    return tracking_uri or str(get_tracking_uri())


def is_shared(tracking_uri: str | None, writer: str = "auto") -> bool:
    """Whether any machine can write to the store: a tracking server, or a database server with the writer `sql`."""
    kind = _kind(resolved_uri(tracking_uri))
    return kind in ("http", "https", "databricks") or (writer == "sql" and kind in ("postgresql", "mysql"))


def sqlite_path(uri: str) -> str | None:
    """The file of a SQLite store; None for any other store."""
    return uri.split("///", 1)[-1].split("?")[0] if _kind(uri) == "sqlite" and "///" in uri else None


def experiment_name(given: str | None, tracking_uri: str | None = None) -> str:
    """The effective experiment: the one given, MLFLOW_EXPERIMENT_NAME, the one with MLFLOW_EXPERIMENT_ID
    (mlflow.set_experiment leaves it to child processes), or `spark-applications`.

    Raises:
        PublishError: there is no experiment with that id, or the store cannot be reached.
    """
    named = given or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    by_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if named or not by_id:
        return named or DEFAULT_EXPERIMENT
    from mlflow import MlflowClient

    try:
        return str(MlflowClient(tracking_uri).get_experiment(by_id).name)
    except Exception as error:
        message = f"MLFLOW_EXPERIMENT_ID={by_id}: {error}; name the experiment with --experiment"
        raise PublishError(message) from error


def retry_policy(tell: Callable[[str], None] | None) -> RetryPolicy:
    """The default policy. `tell` is called with a message when calls are retried."""
    return RetryPolicy() if tell is None else RetryPolicy(notice=Notice(tell))


def _kind(uri: str) -> str:
    return uri.split(":")[0].split("+")[0]
