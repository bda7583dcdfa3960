"""The MLflow run active in the driver, if the job uses MLflow: its id and address travel in the log."""

import re
import sys
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..schemas.spark import REDACTED, REDACTION_PATTERN
from . import event_queue as outbox
from .never_raise import guarded

_SECRET = re.compile(REDACTION_PATTERN)
_last: tuple[Any, ...] | None = None


@guarded
def active_run_id() -> str | None:
    """Id of this thread's active MLflow run; says `mlflow_run` where it is another than last time. Imports nothing."""
    global _last
    mlflow = sys.modules.get("mlflow")
    active_run = getattr(mlflow, "active_run", None)
    run = active_run() if active_run is not None else None
    if mlflow is None or run is None:
        return None
    said = (event_context(), run.info.run_id)
    if said != _last:
        _last = said
        outbox.add(
            "mlflow_run",
            run_id=str(run.info.run_id),
            experiment_id=str(run.info.experiment_id),
            tracking_uri=without_credentials(str(mlflow.get_tracking_uri())),
        )
    return str(run.info.run_id)


def event_context() -> int:
    """Which SparkContext it was said to: another application's log does not have it yet."""
    from .event_log import active_context

    return id(active_context())


def without_credentials(uri: str) -> str:
    """The URI without user, password, and query values whose name matches Spark's redaction pattern."""
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
