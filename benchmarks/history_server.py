"""Spark's History Server, of the pyspark that is installed: how long until it answers with an application's stages."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .process_stats import Measured, cpu_seconds, watching

_LISTING_S = 600
_HEAP = "6g"
_OF_MANY = 20
# By default the server keeps the newest 1,000 jobs and stages only; that would spare it work.
_KEPT = (
    "ui.retainedTasks",
    "ui.retainedStages",
    "ui.retainedJobs",
    "ui.retainedDeadExecutors",
    "sql.ui.retainedExecutions",
)


def first_stages(folder: Path, applications: int = 1) -> tuple[str, Measured, Measured]:
    """Starts the server on a folder that holds so many logs, and stops it again.

    Of many applications every twentieth is asked for, and the time taken times as many.

    Returns:
        Spark's version; the listing, from the server's start until all applications are listed; and the first answers
        to /stages, from the first request on, with the memory of the server until then.
    """
    import pyspark

    listing, answer = Measured(), Measured()
    started = time.monotonic()
    with started_server(folder) as (server, api):
        with watching(server.pid, listing):
            listed = listed_applications(api, server, applications)
            listing.wall_s = time.monotonic() - started
        listing.cpu_s = cpu_seconds(server.pid)
        started = time.monotonic()
        with watching(server.pid, answer):
            asked = listed[::_OF_MANY]
            for application in asked:
                get(f"{api}/applications/{application}/stages")
            answer.wall_s = (time.monotonic() - started) * len(listed) / len(asked)
        answer.cpu_s = (cpu_seconds(server.pid) - listing.cpu_s) * len(listed) / len(asked)
    return pyspark.__version__, listing, answer


@contextmanager
def started_server(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Starts the server on a folder of logs and stops it at the end. Yields its process and the address of its API."""
    import pyspark

    home = Path(pyspark.__file__).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        conf = Path(scratch) / "spark.conf"
        conf.write_text(
            f"spark.history.fs.logDirectory file://{folder}\nspark.history.ui.port {port}\n"
            "spark.history.fs.update.interval 600s\n"
        )
        kept = " ".join(f"-Dspark.{what}=10000000" for what in _KEPT)
        env = dict(
            os.environ,
            SPARK_HOME=str(home),
            SPARK_NO_DAEMONIZE="1",
            SPARK_DAEMON_MEMORY=_HEAP,
            SPARK_LOCAL_IP="127.0.0.1",
            SPARK_HISTORY_OPTS=kept,
        )
        command = [
            str(home / "bin" / "spark-class"),
            "org.apache.spark.deploy.history.HistoryServer",
            "--properties-file",
            str(conf),
        ]
        with (
            open(Path(scratch) / "log", "w") as log,
            subprocess.Popen(command, env=env, stdout=log, stderr=log) as server,
        ):
            try:
                yield server, f"http://127.0.0.1:{port}/api/v1"
            finally:
                server.terminate()


def listed_applications(base: str, server: "subprocess.Popen[bytes]", applications: int) -> list[str]:
    """The path of each application below `applications`, once so many are listed."""
    deadline = time.monotonic() + _LISTING_S
    while time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.1)
        try:
            found = get(f"{base}/applications")
        except (urllib.error.URLError, ConnectionError):
            continue
        if len(found) >= applications:
            attempts = [(one["id"], one["attempts"][0].get("attemptId")) for one in found]
            return [f"{app_id}/{attempt}" if attempt else app_id for app_id, attempt in attempts]
    raise RuntimeError("the History Server did not list the applications")


def get(url: str) -> Any:
    """What the server answers."""
    with urllib.request.urlopen(url, timeout=1200) as response:
        return json.load(response)
