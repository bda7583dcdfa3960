"""The MLflow run that is active in the driver, if the job uses MLflow."""

from __future__ import annotations

import re
import sys
from urllib.parse import urlsplit, urlunsplit

from ..schemas.spark import REDACTED, REDACTION_PATTERN
from . import event_queue
from .never_raise import never_raise

_SECRET = re.compile(REDACTION_PATTERN)
_last_written: tuple[int, str] | None = None  # context_id() and run id of the latest `mlflow_run` event


@never_raise
def active_run_id() -> str | None:
    """Return the id of this thread's active MLflow run, or None. Never imports mlflow.

    Writes an `mlflow_run` event when the run differs from the one of the previous call.
    """
    global _last_written
    mlflow = sys.modules.get("mlflow")
    active_run = getattr(mlflow, "active_run", None)
    run = active_run() if active_run is not None else None
    if mlflow is None or run is None:
        return None
    current = (context_id(), str(run.info.run_id))
    if current != _last_written:
        _last_written = current
        event_queue.add(
            "mlflow_run",
            run_id=str(run.info.run_id),
            experiment_id=str(run.info.experiment_id),
            tracking_uri=without_credentials(str(mlflow.get_tracking_uri())),
        )
    return str(run.info.run_id)


def context_id() -> int:
    """Identify the active SparkContext. Each application's log needs its own `mlflow_run` event."""
    from .event_log import active_context

    return id(active_context())


def without_credentials(uri: str) -> str:
    """Remove user and password from the URI. Query values whose name matches Spark's redaction pattern are redacted."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(
        f"{pair.partition('=')[0]}={REDACTED}" if _SECRET.search(pair.partition("=")[0]) else pair
        for pair in parts.query.split("&")
    )
    if host == parts.netloc and query == parts.query:
        return uri  # urlunsplit would rewrite sqlite:///x
    text = urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))
    start = f"{parts.scheme}://"
    return text if text.startswith(start) or start not in uri else text.replace(f"{parts.scheme}:", start, 1)
