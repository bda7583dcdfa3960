"""A server on loopback that answers every request in one way, or not at all."""

import contextlib
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Answering(ThreadingHTTPServer):
    """Answers with `status` and `body`; `requests` counts them."""

    daemon_threads = True

    def __init__(self, status: int, body: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.requests = status, body.encode(), 0


class _Handler(BaseHTTPRequestHandler):
    server: Answering

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Type", "text/html" if self.server.body.startswith(b"<") else "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *args: Any) -> None:
        """Prints nothing."""


@contextlib.contextmanager
def answering(status: int, body: str = "<html><body>a web page</body></html>") -> Iterator[Answering]:
    """A server that answers every request like this."""
    with Answering(status, body) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def address(server: Answering) -> str:
    """A server's tracking URI."""
    return f"http://127.0.0.1:{server.server_address[1]}"


@contextlib.contextmanager
def hanging() -> Iterator[str]:
    """The tracking URI of a server that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextlib.contextmanager
def untrusted_tls() -> Iterator[str]:
    """The tracking URI of a server whose certificate nobody has signed."""
    with tempfile.TemporaryDirectory() as folder, Answering(200, "{}") as server:
        key, certificate = Path(folder) / "key.pem", Path(folder) / "cert.pem"
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
        subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
