"""Which errors are transient: the same call may succeed a little later.

Retries, the lease's heartbeat and the backfill ledger ask this one question. It is answered from what an error says of
itself, without importing MLflow or SQLAlchemy.
"""

import json
import re

from .errors import AfterglowError

TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
# mlflow.utils.rest_utils.verify_rest_response; urllib3.util.retry.ResponseError.SPECIFIC_ERROR
STATUS_IN_TEXT = re.compile(r"failed with error code (\d{3})\b|too many (\d{3}) error responses")
_NO_ANSWER = re.compile(r"failed with (timeout )?exception")  # mlflow.utils.rest_utils.http_request
_BODY = re.compile(r"Response body: '(.*)", re.DOTALL)
_PERMANENT = (
    # the store's state, which does not change by waiting
    "readonly",
    "read-only",
    "disk is full",
    "no space left",
    "permission denied",
    "out-of-date",
    "no such",
    "not a database",
    "malformed",
    "password authentication failed",
    "access denied",
    # a value that no database takes
    "too large to convert",
    "out of range",
    "value too long",
    "invalid input syntax",
    # an address or a certificate that is wrong
    "certificate",
    "wrong version number",
    "name or service not known",
    "nodename nor servname",
    "no address associated",
)
# sqlite3 ("database is locked"), psycopg2 (lost connections), PyMySQL and MySQLdb (1205 lock wait, 1213 deadlock)
_TRANSIENT = (
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
    "temporary failure",
    "incompleteread",
    "response ended prematurely",
)


def is_transient(error: BaseException) -> bool:
    """Whether the server was busy or gone, a lock was held, or an answer broke off."""
    if isinstance(error, AfterglowError):
        if error.transient is not None:
            return error.transient
        return error.__cause__ is not None and is_transient(error.__cause__)
    if isinstance(error, json.JSONDecodeError):
        return _broke_off(error.doc)
    text = own_message(error)
    if any(words in text.lower() for words in _PERMANENT):
        return False
    status = http_status(error)
    if status is not None:
        return status in TRANSIENT_STATUS
    body = _BODY.search(text)
    if body is not None:  # an answer of status 200 that is no JSON
        return _broke_off(body[1])
    return _is_of_a_store(error) and any(words in text.lower() for words in _TRANSIENT)


def http_status(error: BaseException) -> int | None:
    """The status that a server answered with; None where it did not answer with an error."""
    found = STATUS_IN_TEXT.search(str(error))
    if found is not None:
        return int(found[1] or found[2])
    of_mlflow = getattr(error, "get_http_status_code", None)
    if of_mlflow is None or _BODY.search(str(error)) or _NO_ANSWER.search(str(error)):
        return None  # MLflow gives every error of its own the status 500
    return int(of_mlflow())


def own_message(error: BaseException) -> str:
    """An error's own words, without the statement and the values that SQLAlchemy adds: those come from the log."""
    return str(error).split("\n[SQL", 1)[0]


def _broke_off(text: str) -> bool:
    """Whether an answer is the beginning of JSON, or nothing at all, rather than a web page."""
    return text.lstrip().rstrip("'")[:1] in ("", "{", "[")


def _is_of_a_store(error: BaseException) -> bool:
    modules = {cls.__module__.partition(".")[0] for cls in type(error).__mro__}
    return isinstance(error, OSError | ValueError) or not modules.isdisjoint({"mlflow", "sqlalchemy"})
