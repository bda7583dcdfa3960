"""Tracking URI -> the writer that serves it."""

import os
from collections.abc import Callable

from ..errors import PublishError
from .interface import Writer

DEFAULT_EXPERIMENT = "spark-applications"
WRITERS = ("auto", "sql", "rest")
_DATABASES = ("sqlite", "postgresql", "mysql")


def open_writer(
    tracking_uri: str | None = None,
    experiment: str | None = None,
    writer: str = "auto",
    tell: Callable[[str], None] | None = None,
) -> Writer:
    """A writer to one experiment, which is made where it does not exist.

    Without `tracking_uri`, MLFLOW_TRACKING_URI or MLflow's own default; without `experiment`, MLFLOW_EXPERIMENT_NAME
    or `spark-applications`. `auto` writes straight into a database that this process can reach, through the tracking
    API elsewhere; `sql` and `rest` say which. Where a database is not as `sql` needs it, `tell` is called with the
    reason and the tracking API serves.

    Raises:
        PublishError: the store cannot be reached, or the experiment was deleted.
    """
    from .rest.writer import ClientWriter

    name = experiment_name(experiment, tracking_uri)
    uri = resolved(tracking_uri)
    if writer != "rest" and (writer == "sql" or uri.split("://")[0].split("+")[0] in _DATABASES):
        from .sql.writer import SqlWriter

        direct = SqlWriter(uri, name)
        reason = direct.unfit()
        if reason is None:
            return direct
        if tell is not None:
            tell(f"{reason}; writing through the tracking API instead, which is slower")
    return ClientWriter(uri, name)


def resolved(tracking_uri: str | None) -> str:
    """The tracking URI that is meant."""
    from mlflow.tracking import get_tracking_uri

    return tracking_uri or str(get_tracking_uri())


def shared(tracking_uri: str | None, writer: str = "auto") -> bool:
    """Whether any machine can write there: to a tracking server; to a database server where `sql` was asked for."""
    kind = resolved(tracking_uri).split(":")[0].split("+")[0]
    return kind in ("http", "https", "databricks") or (writer == "sql" and kind in ("postgresql", "mysql"))


def open_existing(tracking_uri: str | None = None, experiment: str | None = None) -> Writer | None:
    """A writer for looking and removing only: no experiment is made. None where there is no experiment at all."""
    from .rest.writer import ClientWriter

    return ClientWriter.existing(tracking_uri, experiment_name(experiment, tracking_uri))


def experiment_name(given: str | None, tracking_uri: str | None = None) -> str:
    """The experiment that is meant: the one given, MLFLOW_EXPERIMENT_NAME, the one whose id is MLFLOW_EXPERIMENT_ID
    (mlflow.set_experiment leaves it to the processes below), or `spark-applications`.

    Raises:
        PublishError: there is no experiment of that id, or the store cannot be reached.
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
