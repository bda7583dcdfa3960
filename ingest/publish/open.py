"""Tracking URI -> the writer that serves it."""

import os

from .interface import Writer

DEFAULT_EXPERIMENT = "spark-applications"


def open_writer(tracking_uri: str | None = None, experiment: str | None = None) -> Writer:
    """A writer to one experiment, which is made where it does not exist.

    Without `tracking_uri`, MLFLOW_TRACKING_URI or MLflow's own default; without `experiment`, MLFLOW_EXPERIMENT_NAME
    or `spark-applications`.

    Raises:
        PublishError: the store cannot be reached, or the experiment was deleted.
    """
    from .client import ClientWriter

    return ClientWriter(tracking_uri, experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or DEFAULT_EXPERIMENT)
