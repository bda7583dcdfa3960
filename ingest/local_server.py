"""MLflow's server over a local store, on a free port, and the address of the experiment's overview."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from .errors import InputError, PublishError

_START_S = 120.0


def overview_url(tracking_uri: str | None, experiment: str | None, port: int) -> tuple[str, str | None]:
    """The address of the overview of applications, and the database to serve it from; None if a server does.

    Raises:
        InputError: nothing is imported in this store.
        PublishError: the store cannot be reached.
    """
    from .publish import open_store
    from .publish.views import APPLICATIONS

    store = open_store(tracking_uri, experiment)
    if store is None:
        raise InputError("nothing is imported in this store; import logs first, or name it with --tracking-uri")
    if not store.is_local:
        return store.url(APPLICATIONS), None
    return f"http://127.0.0.1:{port}/{store.view_path(APPLICATIONS)}", store.tracking_uri


@contextmanager
def serve(database: str, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """MLflow's server over a database, once it answers. It ends with the context.

    Raises:
        PublishError: the server ended, or did not answer within two minutes; with its last lines.
    """
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database, "--host", "127.0.0.1"]
    with tempfile.TemporaryFile() as log:
        # By default MLflow starts eight more processes for evaluation jobs, which take seconds to come up.
        environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
        command += ["--port", str(port), "--workers", "1"]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait(server, f"http://127.0.0.1:{port}/health", log)
            yield server
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(server: "subprocess.Popen[bytes]", address: str, log: IO[bytes]) -> None:
    ends = time.monotonic() + _START_S
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < ends and server.poll() is None:
        try:
            direct.open(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    log.seek(0)
    last = log.read().decode("utf-8", "replace").strip().splitlines()[-1:] or ["it printed nothing"]
    raise PublishError(f"MLflow's server did not start on port {address.split(':')[2].split('/')[0]}: {last[0]}")
