"""Reaching a History Server: headers, logins, and answers that are none, against a small server on loopback."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from afterglow.ingest import InputError
from afterglow.ingest.backfill.ledger import Ledger
from afterglow.ingest.backfill.selection import Filters, select_logs
from afterglow.ingest.discover import HistoryServerOptions, discover, fetched, open_file
from afterglow.ingest.find_logs import read_heads
from afterglow.ingest.jobs.wait_for_log import LogQuery, wait_for_log
from afterglow.schemas.identity import ApplicationIdentity
from tests.property.event_strategies import small_lines

LISTED = [
    {"id": "app-small", "attempts": [{"completed": True}]},
    {
        "id": "app-named",
        "name": "sales",
        "attempts": [{"attemptId": "2", "sparkUser": "ann", "startTimeEpoch": 1_700_000_000_000, "completed": True}],
    },
]
TOKEN = {"Authorization": "Bearer t-secret"}


class Handler(BaseHTTPRequestHandler):
    """`/secured` needs TOKEN; `/two` has two applications; `/html`, `/other` and `/odd` answer what no History Server
    does."""

    def do_GET(self) -> None:
        if self.path.startswith("/secured") and self.headers.get("Authorization") != TOKEN["Authorization"]:
            self.send_error(401, "Unauthorized")
        elif self.path.endswith("/logs"):
            self.answer(archive())
        elif self.path.startswith("/html"):
            self.answer(b"<html>login</html>")
        elif self.path.startswith("/odd"):
            self.answer(b'[{"id":7}]')
        elif self.path.startswith("/missing"):
            self.send_error(404, "Not Found")
        else:
            self.answer(json.dumps(LISTED if self.path.startswith("/two") else LISTED[:1]).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing is logged."""


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("app-small", b"\n".join(small_lines()) + b"\n")
    return out.getvalue()


@pytest.fixture
def server() -> Iterator[str]:
    """Its address."""
    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()
    served.server_close()
    thread.join()


def test_headers_are_sent_when_listing_and_when_downloading(server: str) -> None:
    options = HistoryServerOptions(headers=TOKEN)
    (log,) = discover([f"{server}/secured"], options)
    with fetched(log, options) as local, open_file(local.files[0]) as raw:
        assert raw.read(1 << 20).startswith(b'{"Event":')
    with pytest.raises(InputError, match="401"), fetched(log):
        pass


def test_a_login_that_is_missing_is_explained(server: str) -> None:
    with pytest.raises(InputError, match=r"401 .*--header 'Authorization") as told:
        list(discover([f"{server}/secured"]))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "path, message",
    [("/html", "its answer is no JSON"), ("/odd", "no History Server"), ("/missing", "answers 404 Not Found")],
)
def test_an_answer_that_no_history_server_gives_is_explained(server: str, path: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(discover([server + path]))


def test_a_password_and_a_header_are_shown_nowhere(server: str) -> None:
    assert "t-secret" not in repr(HistoryServerOptions(headers=TOKEN))
    address = server.replace("127.0.0.1", "user:p-secret@127.0.0.1")
    (log,) = discover([address])
    assert "p-secret" not in log.name
    with pytest.raises(InputError) as told:
        list(discover([address.rsplit(":", 1)[0] + ":1"]))
    assert "p-secret" not in str(told.value) and "is the History Server running?" in str(told.value)


def test_a_certificate_that_is_not_there_is_explained(tmp_path: Path) -> None:
    options = HistoryServerOptions(ca_bundle=str(tmp_path / "none.pem"))
    with pytest.raises(InputError, match=r"none\.pem"):
        list(discover(["https://127.0.0.1:1"], options))


def test_the_list_says_what_an_application_is(server: str, tmp_path: Path) -> None:
    small, named = read_heads(list(discover([f"{server}/two"])))
    assert (small.is_log, small.identity) == (True, None)
    assert named.identity == ApplicationIdentity("app-named", "2", 1_700_000_000_000, "sales")
    assert named.user == "ann"
    for number, (filters, logs) in enumerate(
        (
            (Filters(app_name="sal*"), 1),
            (Filters(user="bob"), 0),
            (Filters(since_ms=1_700_000_000_001), 1),  # the other one, of which nothing is known
        )
    ):
        ledger = Ledger(str(tmp_path / f"{number}.db"), "store")
        assert len(select_logs([f"{server}/two"], ledger, filters).logs) == logs
        ledger.close()


def test_a_filter_that_the_list_cannot_answer_is_refused(server: str, tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path / "ledger.db"), "store")
    with pytest.raises(InputError, match="does not list orchestrators"):
        select_logs([f"{server}/two"], ledger, Filters(orchestrators={"airflow.dag": "*"}))
    ledger.close()
    with pytest.raises(InputError, match="does not list orchestrators"):
        wait_for_log(LogQuery(f"{server}/two", orchestrators={"airflow.dag": "*"}), 0, lambda line: None)
