"""--header and the TLS options of commands that read from a History Server."""

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from tests.ingest.discover.test_history_server import TOKEN, Handler

LOGIN = f"Authorization: {TOKEN['Authorization']}"
runner = CliRunner()


def write_certificates(folder: Path) -> None:
    """`cert.pem` and `key.pem`: a self-signed certificate of 127.0.0.1, for server and client."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    cert = builder.add_extension(address, False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*private))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server that needs a header and a client certificate."""
    write_certificates(tmp_path)
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    context.load_verify_locations(tmp_path / "cert.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    served.socket = context.wrap_socket(served.socket, server_side=True)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{served.server_port}/secured"
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.mark.slow
def test_every_command_passes_them_on(server: str, tmp_path: Path) -> None:
    trust = ["--ca-bundle", "cert.pem", "--client-cert", "cert.pem", "--client-key", "key.pem"]
    store = ["--tracking-uri", f"sqlite:///{tmp_path}/m.db"]
    commands = {
        "show": ["show", server],
        "export": ["export", server, "--out", "out"],
        "compare": ["compare", server, server],
        "import": ["import", server, *store, "--no-runs", "--dataset", str(tmp_path / "set")],
        "backfill": ["backfill", server, *store, "--dry-run", "--ledger", "l.db"],
        "hook": ["hook", "--strict", "--log", server, *store, "--wait", "0", "--writer", "rest", "--task-runs", "none"],
    }
    for name, words in commands.items():
        ran = runner.invoke(app, [*words, *trust, "--header", LOGIN])
        assert ran.exit_code == 0, (name, ran.output)
    for lacking in ([*trust], [*trust[2:], "--header", LOGIN], [*trust[:2], "--header", LOGIN]):
        assert runner.invoke(app, ["show", server, *lacking]).exit_code == 3


def test_wrong_ones_are_usage_errors_without_the_secret() -> None:
    for words, says in (
        (["--header", "t-secret"], "NAME: VALUE"),
        (["--client-key", "k.pem"], "--client-cert"),
    ):
        ran = runner.invoke(app, ["show", "http://127.0.0.1:1", *words])
        assert ran.exit_code == 2 and says in ran.output and "t-secret" not in ran.output


def test_the_variable_keeps_a_header_off_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERGLOW_HEADER", f"{LOGIN}\nX-Other: a: b")
    shown = {one["option"]: one for one in json.loads(runner.invoke(app, ["config", "--json", "show"]).stdout)}
    assert shown["header"] | {"commands": []} == {
        "option": "header",
        "variable": "AFTERGLOW_HEADER",
        "value": "(hidden)",
        "source": "AFTERGLOW_HEADER",
        "commands": [],
    }
