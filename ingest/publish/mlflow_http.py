"""The undocumented settings and functions of MLflow's HTTP client. See `mlflow_internals` for the tested versions."""

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mlflow
from mlflow import MlflowClient

_VERSION_S = 5.0


class _Environment:
    """Environment variables that are set while any thread is in the context. The last thread restores them."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: dict[str, str | None] = {}

    @contextlib.contextmanager
    def set(self, values: Mapping[str, str]) -> Iterator[None]:
        """Set the variables. Threads that are in the context together share the values of the first one."""
        with self._lock:
            if not self._inside:
                self._before = {name: os.environ.get(name) for name in values}
                os.environ.update(values)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    for name, value in self._before.items():
                        if value is None:
                            os.environ.pop(name, None)
                        else:
                            os.environ[name] = value


_HTTP, _URLS = _Environment(), _Environment()


_CONNECTIONS = 32
"""Connections that stay open: those of all threads. urllib3 warns about any more."""


def on_each_session(call: Callable[[Any], None]) -> None:
    """Call this with each requests.Session before MLflow uses it.

    mlflow.utils.request_utils._get_request_session: The session is kept for calls with the same settings.
    """
    from mlflow.utils import request_utils

    get_session = getattr(request_utils, "_get_request_session", None)
    if get_session is None:
        return

    def get(*arguments: Any, **named: Any) -> Any:
        session = get_session(*arguments, **named)
        call(session)
        return session

    request_utils._get_request_session = get


def limit_http_requests(timeout_s: float) -> contextlib.AbstractContextManager[None]:
    """Limit each MLflow call to one request of this duration. `retry` repeats the call, so MLflow must not.

    mlflow.environment_variables: MLFLOW_HTTP_REQUEST_MAX_RETRIES (7), MLFLOW_HTTP_REQUEST_TIMEOUT (120 s),
    MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT (500 s), MLFLOW_HTTP_POOL_MAXSIZE (10). A shorter timeout set by the
    user is kept.
    """
    with contextlib.suppress(KeyError, ValueError):
        timeout_s = min(timeout_s, float(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]))
    seconds = str(max(1, round(timeout_s)))
    return _HTTP.set(
        {
            "MLFLOW_HTTP_POOL_MAXSIZE": str(_CONNECTIONS),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": seconds,
            "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": seconds,
        }
    )


def silent_run_urls() -> contextlib.AbstractContextManager[None]:
    """mlflow.environment_variables.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT: Otherwise MLflow asks the server for every
    run that ends, to print its address."""
    return _URLS.set({"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"})


def server_version(client: MlflowClient | None) -> tuple[int, ...]:
    """The version of the client's server, from its route /version (mlflow.server.version, since MLflow 1.0); without
    client, of the installed MLflow. () where the server does not say, as Databricks.

    Raises:
        MlflowException: there is no answer, or a status of a busy server.
    """
    text = mlflow.__version__
    if client is not None:
        from mlflow.utils.rest_utils import http_request

        host = client._tracking_client.store.get_host_creds()
        with limit_http_requests(_VERSION_S):
            answer = http_request(host, "/version", "GET", max_retries=0)
        text = answer.text if answer.status_code == 200 else ""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else ()
