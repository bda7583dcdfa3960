"""Imports through a proxy that drops, delays, cuts off and refuses at random, compared with undisturbed ones.

python -m tests.ingest.publish.faults --count 100
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.conftest import sample_log

from . import stores
from .trees import Held, differences, held

LOG = "spark35-wordcount"
FAULTS = ("drop", "reset", "cut", "lost", "delay", "429", "500", "503")
IMPATIENT = {
    "AFTERGLOW_RETRY_S": "60",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
}


class Proxy(ThreadingHTTPServer):
    """In front of a server; `share` of the requests come to grief, by `dice`."""

    daemon_threads = True

    def __init__(self, address: str, share: float, dice: random.Random) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        host, _, port = address.removeprefix("http://").partition(":")
        self.behind, self.share, self.dice = (host, int(port)), share, dice
        self.done: Counter[str] = Counter()
        self.open = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing to report."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.server
        fault = proxy.dice.choice(FAULTS) if proxy.open and proxy.dice.random() < proxy.share else ""
        proxy.done[fault or "passed"] += 1
        if fault == "drop" or not proxy.open:
            return self._end(reset=False)
        if fault == "reset":
            return self._end(reset=True)
        if fault.isdecimal():
            return self._answer(int(fault), b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "busy"}', {})
        if fault == "delay":
            time.sleep(proxy.dice.uniform(0.05, 1.0))
        status, headers, content = self._ask(body)
        if fault == "lost":  # the server did it, nobody hears of it
            return self._end(reset=True)
        self._answer(status, content, headers, cut=fault == "cut")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        with contextlib.closing(http.client.HTTPConnection(*self.server.behind, timeout=60)) as behind:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            behind.request(self.command, self.path, body, headers | {"Connection": "close"})
            answer = behind.getresponse()
            content = answer.read()
            kept = {"Content-Type": answer.getheader("Content-Type") or "application/json"}
            return answer.status, kept, content

    def _answer(self, status: int, content: bytes, headers: dict[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        told = self.server.dice.random() < 0.5
        if cut and not told:  # without a length, so that the client cannot know
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._end(reset=False)

    def _end(self, reset: bool) -> None:
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            if not reset:
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextlib.contextmanager
def proxy(address: str, share: float, dice: random.Random) -> Iterator[tuple[Proxy, str]]:
    """A proxy and its address."""
    with Proxy(address, share, dice) as between:
        threading.Thread(target=between.serve_forever, daemon=True).start()
        yield between, f"http://127.0.0.1:{between.server_address[1]}"
        between.shutdown()


def artifacts(address: str, experiment: str, client: Any) -> list[str]:
    """The files of an experiment's application run, through the server."""
    import mlflow

    where = client.get_experiment_by_name(experiment).experiment_id
    (root,) = client.search_runs([where], "tags.`afterglow.level` = 'application'")
    found, folders = [], [""]
    while folders:
        listed = mlflow.artifacts.list_artifacts(
            run_id=root.info.run_id, artifact_path=folders.pop(), tracking_uri=address
        )
        for one in listed:
            (folders if one.is_dir else found).append(one.path)
    return sorted(found)


@dataclass
class Figures:
    """What came of it; those that failed are imported once more, without faults."""

    imports: int = 0
    failed: int = 0
    different: int = 0
    duplicates: int = 0
    falsely_complete: int = 0
    not_complete: int = 0
    requests: dict[str, int] = field(default_factory=dict)

    @property
    def wrong(self) -> int:
        """How often it went wrong; an import that gives up with a clear error did not."""
        return self.different + self.duplicates + self.falsely_complete + self.not_complete


def run(count: int, share: float, seed: int) -> Figures:
    """Imports one log so often through the proxy; what went wrong is printed."""
    os.environ.update(IMPATIENT)
    from mlflow import MlflowClient

    from afterglow.ingest import PublishError, import_logs

    figures, log, dice = Figures(), str(sample_log(LOG)), random.Random(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        stores.sqlite() as tables,
        stores.server(tables) as address,
        proxy(address, share, dice) as (between, through),
    ):
        client = MlflowClient(address)

        def made(name: str) -> str:
            # every second one's artifacts go through the server
            client.create_experiment(name, artifact_location=None if name[-1] in "13579" else f"file://{folder}/{name}")
            return name

        def look(name: str) -> Held:
            found = held(tables, name)
            for run in found.tree.values():
                if run["tags"]["afterglow.level"] == "application" and not run["artifacts"]:
                    run["artifacts"] = artifacts(address, name, client)
            return found

        import_logs([log], address, made("undisturbed"), writer="rest")
        usual = look("undisturbed").tree
        for number in range(count):
            name = made(f"import {number}")
            try:
                import_logs([log], through, name, writer="rest")
                first_failed = ""
            except PublishError as error:
                first_failed = str(error)
            figures.imports += 1
            figures.failed += bool(first_failed)
            found = look(name)
            wrong = differences(usual, found.tree)
            if first_failed:
                print(f"{name}: {first_failed}", flush=True)
                assert "\n" not in first_failed
                figures.falsely_complete += bool(found.complete and wrong)
                import_logs([log], address, name, writer="rest")
                found = look(name)
                wrong = differences(usual, found.tree)
            figures.different += bool(wrong)
            figures.duplicates += found.duplicates
            figures.not_complete += found.complete != 1
            for problem in wrong[:5]:
                print(f"{name}: {problem}", flush=True)
        figures.requests = dict(between.done)
    return figures


def main() -> int:
    """Prints the figures as JSON; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.15, help="of the requests that come to grief")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    began, figures = time.monotonic(), run(given.count, given.share, given.seed)
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    print(json.dumps(asdict(figures)), flush=True)
    return int(figures.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
