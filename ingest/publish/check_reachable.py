"""Check within seconds that a tracking server or database is reachable, before a log is read."""

from dataclasses import replace
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from ..errors import PublishError
from ..transient_errors import http_status, is_transient
from .error_messages import translate_errors, without_password
from .mlflow_http import limit_http_requests
from .mlflow_internals import ignored_workspace
from .quick_acks import acknowledge_at_once
from .retry import RetryPolicy, retry

PROBE_S = 8.0
_PROBE_WAIT_S = 5.0  # a server that is starting may refuse connections briefly
_SCHEMES = ("http", "https", "databricks", "databricks-uc", "sqlite", "postgresql", "mysql", "mssql")
_DATABASES = ("postgresql", "mysql", "mssql")
_PACKAGES = {
    "psycopg": "pip install 'psycopg[binary]'",
    "psycopg2": "pip install psycopg2-binary",
    "MySQLdb": "pip install pymysql and write mysql+pymysql://",
}
_CONNECT_TIMEOUT = {
    "psycopg2": {"connect_timeout": int(PROBE_S)},
    "psycopg": {"connect_timeout": int(PROBE_S)},
    "pymysql": {"connect_timeout": int(PROBE_S)},
    "mysqldb": {"connect_timeout": int(PROBE_S)},
}


def check_reachable(uri: str, policy: RetryPolicy) -> RetryPolicy:
    """Check that this tracking URI responds. Return the retry policy for all later calls.

    Raises:
        PublishError: it does not respond, or it is not a tracking URI.
    """
    scheme = uri.split(":")[0].split("+")[0] if "://" in uri or uri.startswith("databricks") else ""
    if scheme not in _SCHEMES:
        raise PublishError(_no_scheme(uri))
    if scheme not in ("sqlite", *_DATABASES):
        acknowledge_at_once()
    with translate_errors(f"{without_password(uri)}: cannot be opened"):
        if scheme in ("http", "https"):
            _probe_server(uri, policy)
        elif scheme in _DATABASES:
            _probe_database(uri, policy)
    ignored = ignored_workspace()
    if ignored is not None:
        policy.notice.write(ignored)
    return policy


def _no_scheme(uri: str) -> str:
    if uri.endswith((".db", ".sqlite", ".sqlite3")) and "://" not in uri:
        return f"{uri}: this is not a tracking URI; did you mean sqlite:///{uri}?"
    return (
        f"{without_password(uri)}: this is not a tracking URI; use http://, https://, databricks, sqlite:///, "
        "postgresql:// or mysql://"
    )


def _probe_server(uri: str, policy: RetryPolicy) -> None:
    """Send one small request. Transient errors of the server are retried as usual."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    short = replace(policy, deadline_s=min(policy.deadline_s, _PROBE_WAIT_S))
    probe = partial(client.search_experiments, max_results=1)
    try:
        with limit_http_requests(PROBE_S):
            retry(probe, short)
    except Exception as error:
        if http_status(error) is None or not is_transient(error):
            raise
        retry(probe, policy)


def _probe_database(uri: str, policy: RetryPolicy) -> None:
    """Open one connection, before MLflow makes ten attempts with a warning for each."""
    try:
        url = sa.make_url(uri)
        engine = sa.create_engine(
            url, poolclass=sa.pool.NullPool, connect_args=_CONNECT_TIMEOUT.get(url.get_dialect().driver, {})
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        module = getattr(error, "name", None) or str(error)
        raise PublishError(
            f"{without_password(uri)}: the driver of this database, {module}, is missing; "
            + _PACKAGES.get(module, "install it")
        ) from error
    except (ArgumentError, ValueError) as error:
        raise PublishError(f"{without_password(uri)}: this is not a database URI ({error})") from error
    short = replace(policy, deadline_s=min(policy.deadline_s, _PROBE_WAIT_S))
    try:
        retry(lambda: engine.connect().close(), short)
    finally:
        engine.dispose()
