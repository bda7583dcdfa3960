"""What the store says no to, and what may pass if it is tried again."""

import contextlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES, MLFLOW_WORKSPACE
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from ..errors import PublishError

Result = TypeVar("Result")

_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
# sqlite3 ("database is locked"), psycopg2 (lost connections), PyMySQL and MySQLdb (1205 lock wait, 1213 deadlock)
_PASSING_WORDS = (
    "database is locked",
    "database table is locked",
    "deadlock",
    "lock wait timeout",
    "connection",
    "timed out",
    "max retries exceeded",
    "broken pipe",
    "too many clients",
    "temporarily unavailable",
    "expecting value",  # an answer that broke off half-way, in MLflow's words
    "unterminated string",
    "expecting property name",
    "delimiter",
    "incompleteread",
    "response ended prematurely",
)

_FINAL_WORDS = ("readonly", "read-only", "disk is full", "no space left", "permission denied", "out-of-date", "no such")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call is tried again: up to `deadline_s` after its first failure, at growing distances. Without a
    number, AFTERGLOW_RETRY_S or two minutes."""

    deadline_s: float = field(default_factory=lambda: float(os.environ.get("AFTERGLOW_RETRY_S") or 120))
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0


def passing(error: BaseException) -> bool:
    """Whether an error may be over in a while: the server is busy or gone, the database is locked."""
    if isinstance(error, json.JSONDecodeError):
        return True  # an answer that broke off half-way
    text = _said(error).lower()
    if any(word in text for word in _FINAL_WORDS):
        return False
    if isinstance(error, MlflowException) and error.get_http_status_code() in _PASSING_STATUS:
        return True
    return isinstance(error, OSError | MlflowException | SQLAlchemyError | ValueError) and any(
        word in text for word in _PASSING_WORDS
    )


def _said(error: BaseException) -> str:
    """An error's own words, without the statement and the values that SQLAlchemy adds: those are the log's words."""
    return str(error).split("\n[SQL", 1)[0]


def patiently(call: Callable[[], Result], patience: Patience) -> Result:
    """What `call` gives; it is called again while it fails for a reason that may pass."""
    began, wait = None, patience.first_wait_s
    while True:
        try:
            return call()
        except Exception as error:
            now = time.monotonic()
            began = now if began is None else began
            if not passing(error) or now + wait - began > patience.deadline_s:
                raise
        time.sleep(wait * random.uniform(0.5, 1.0))
        wait = min(wait * 2, patience.longest_wait_s)


@contextlib.contextmanager
def refused(what: str) -> Iterator[None]:
    """What MLflow or its database raises becomes a PublishError with one line that begins with `what`."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError, json.JSONDecodeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise PublishError(f"{what}: {lines[0]}{_advice(error)}") from error


def shown(uri: str) -> str:
    """A tracking URI without the password it may carry."""
    head, at, tail = uri.rpartition("@")
    return f"{head.split('://', 1)[0]}://***@{tail}" if at and "://" in head else uri


def _advice(error: BaseException) -> str:
    status = error.get_http_status_code() if isinstance(error, MlflowException) else None
    if status in (401, 403):
        return "; check the credentials (MLFLOW_TRACKING_TOKEN, or _USERNAME and _PASSWORD) and that they may write"
    if "workspace" in str(error) and (MLFLOW_ENABLE_WORKSPACES.get() or MLFLOW_WORKSPACE.get()):
        return f"; MLFLOW_WORKSPACE names the workspace, now {MLFLOW_WORKSPACE.get() or 'none'}"
    return ""
