"""Spark's History Server, of the pyspark that is installed: how long until it answers with an application's stages."""

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .process_stats import Measured, cpu_seconds, watching

_LISTING_S = 600
_HEAP = "6g"
_OF_MANY = 20
# By default the server keeps the newest 1,000 jobs and stages only; that would spare it work.
_KEPT = ("Tasks", "Stages", "Jobs", "DeadExecutors")


def first_stages(folder: Path, applications: int = 1) -> tuple[str, Measured, Measured]:
    """Starts the server on a folder that holds so many logs, and stops it again.

    Of many applications every twentieth is asked for, and the time taken times as many.

    Returns:
        Spark's version; the listing, from the server's start until all applications are listed; and the first answers
        to /stages, from the first request on, with the memory of the server until then.
    """
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
        kept = " ".join(f"-Dspark.ui.retained{what}=10000000" for what in _KEPT)
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
        listing, answer = Measured(), Measured()
        started = time.monotonic()
        with (
            open(Path(scratch) / "log", "w") as log,
            subprocess.Popen(command, env=env, stdout=log, stderr=log) as server,
        ):
            try:
                with watching(server.pid, listing):
                    listed = _listed(f"http://127.0.0.1:{port}/api/v1", server, applications)
                    listing.wall_s = time.monotonic() - started
                listing.cpu_s = cpu_seconds(server.pid)
                started = time.monotonic()
                with watching(server.pid, answer):
                    asked = listed[::_OF_MANY]
                    for application in asked:
                        _get(f"http://127.0.0.1:{port}/api/v1/applications/{application}/stages")
                    answer.wall_s = (time.monotonic() - started) * len(listed) / len(asked)
                answer.cpu_s = (cpu_seconds(server.pid) - listing.cpu_s) * len(listed) / len(asked)
            finally:
                server.terminate()
    return pyspark.__version__, listing, answer


def _listed(base: str, server: "subprocess.Popen[bytes]", applications: int) -> list[str]:
    deadline = time.monotonic() + _LISTING_S
    while time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.1)
        try:
            found = _get(f"{base}/applications")
        except (urllib.error.URLError, ConnectionError):
            continue
        if len(found) >= applications:
            attempts = [(one["id"], one["attempts"][0].get("attemptId")) for one in found]
            return [f"{app_id}/{attempt}" if attempt else app_id for app_id, attempt in attempts]
    raise RuntimeError("the History Server did not list the applications")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=1200) as response:
        return json.load(response)
