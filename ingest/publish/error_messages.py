"""Translate errors of MLflow, its database and the network into one line: what failed, why, and what to do."""

import contextlib
import json
import re
from collections.abc import Iterator

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from ..errors import PublishError
from ..transient_errors import STATUS_IN_TEXT, http_status, own_message
from .mlflow_internals import MLFLOW_ENABLE_WORKSPACES, MLFLOW_WORKSPACE

_LONGEST_REASON = 200
_EXPECTED = (MlflowException, SQLAlchemyError, OSError, json.JSONDecodeError, OverflowError)

_OF_STATUS = {
    401: (
        "the server does not accept the credentials (HTTP 401)",
        "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    ),
    403: (
        "the server does not allow this (HTTP 403)",
        "ask for permission to write to the experiment, or check the credentials in MLFLOW_TRACKING_TOKEN",
    ),
    404: (
        "there is no MLflow server at this address (HTTP 404)",
        "check the tracking URI, and the path that a proxy may put before it",
    ),
    413: (
        "the server or a proxy before it refuses a request of this size (HTTP 413)",
        "raise its limit, in nginx client_max_body_size",
    ),
    429: (
        "the server limits the number of requests (HTTP 429)",
        "try again later, or set AFTERGLOW_RETRY_S to wait longer",
    ),
    500: ("the server failed (HTTP 500)", "its own log says why"),
    502: ("a proxy does not reach the server (HTTP 502)", "check that the server is running"),
    503: ("the server is not available (HTTP 503)", "try again later, or set AFTERGLOW_RETRY_S to wait longer"),
    504: ("the server did not answer a proxy in time (HTTP 504)", "try again later, or raise the proxy's timeout"),
}
_SILENT = "is it running? Check the tracking URI"
_OF_TEXT = (
    (
        r"certificate",
        "the server's TLS certificate is not trusted",
        "set MLFLOW_TRACKING_SERVER_CERT_PATH to the certificate of your CA",
    ),
    (r"wrong version number|SSLError|SSL:", "the TLS connection failed", "check that the server speaks https"),
    (r"name or service not known|failed to resolve|nodename nor serv", "no host has this name", "check the address"),
    (
        r"API request to .* failed with .*(refused|NewConnectionError)",
        "nothing answers at this address",
        _SILENT,
    ),
    (r"API request to .* failed with .*(timed out|timeout)", "the server does not answer in time", _SILENT),
    (r"API request to .* failed with", "the connection to the server failed", _SILENT),
    (
        r"not in a valid JSON format|^Expecting value",
        "the server answered with something that is not MLflow's JSON",
        "check the tracking URI; a login page or another service may be at this address",
    ),
    (r"database (table )?is locked", "another process holds the database's lock", "try again when it has finished"),
    (
        r"read-only file system",
        "the file system is read-only: {text}",
        "choose another place for the database or the artifacts",
    ),
    (r"^\[Errno 13\]|permission denied: '", "permission denied: {text}", "check the permissions of this folder"),
    (
        r"readonly|read-only",
        "the database may only be read",
        "check the permissions of the file and of its folder, or of your role",
    ),
    (
        r"disk is full|no space left",
        "the database or disk is full",
        "make room",
    ),
    (
        r"not a database|malformed",
        "the file is not a SQLite database, or it is damaged",
        "check the path after sqlite:///, or restore a backup",
    ),
    (
        r"permission denied for|command denied",
        "your role lacks a permission: {text}",
        "grant it SELECT, INSERT, UPDATE and DELETE on MLflow's tables",
    ),
    (
        r"password authentication failed|access denied for",
        "the database does not accept the credentials",
        "check user and password in the tracking URI",
    ),
    (
        r"unique constraint|duplicate entry|duplicate key",
        "another import writes the same runs",
        "import the log again",
    ),
    (r"unable to open database file", "the database file cannot be opened", "check that its folder exists"),
    (
        r"connection (to server .*)?(failed|refused)|could not connect|can't connect|server has gone away"
        r"|server closed the connection|terminating connection|lost connection",
        "the database server does not answer: {text}",
        _SILENT,
    ),
    (
        r"too large to convert|out of range|value too long",
        "a value in the log does not fit into the database: {text}",
        "please report it",
    ),
)


@contextlib.contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Turn errors of MLflow or its database into a PublishError of one line that begins with `what`."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, _EXPECTED) and not type(error).__module__.startswith("alembic."):
            raise  # alembic's errors come from MLflow, which opens a database while it is being migrated
        advice = _advice(error)
        raise PublishError(f"{what}: {reason(error)}" + (f"; {advice}" if advice else "")) from error


def reason(error: BaseException) -> str:
    """What went wrong, without advice, on one line and shortened."""
    return _explained(error)[0]


def without_password(uri: str) -> str:
    """A tracking URI without the password it may carry."""
    head, at, tail = uri.rpartition("@")
    return f"{head.split('://', 1)[0]}://***@{tail}" if at and "://" in head else uri


def _advice(error: BaseException) -> str:
    if "workspace" in str(error) and (MLFLOW_ENABLE_WORKSPACES.get() or MLFLOW_WORKSPACE.get()):
        return f"MLFLOW_WORKSPACE names the workspace, now {MLFLOW_WORKSPACE.get() or 'none'}"
    return _explained(error)[1]


def _explained(error: BaseException) -> tuple[str, str]:
    status, text = http_status(error), own_message(error)
    short = _first_line(text) or type(error).__name__
    if isinstance(error, OSError) and error.filename and error.strerror:
        short = str(error.filename)
    if status in _OF_STATUS and _answered_by_http(error):
        return _OF_STATUS[status]
    for pattern, explanation, advice in _OF_TEXT:
        if re.search(pattern, text, re.IGNORECASE | re.DOTALL):
            return explanation.format(text=short), advice
    return short, ""


def _answered_by_http(error: BaseException) -> bool:
    """Whether the status comes from a server whose answer has no more specific message of MLflow."""
    if STATUS_IN_TEXT.search(str(error)):
        return True
    return type(error).__name__ == "RestException" and http_status(error) in (401, 403, 429, 502, 503, 504)


def _first_line(text: str) -> str:
    line = next(iter(text.strip().splitlines()), "")
    line = re.sub(r"^\([\w.]+\)\s*|^\[Errno \d+\] ", "", line)  # (psycopg2.OperationalError), [Errno 5]
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"
