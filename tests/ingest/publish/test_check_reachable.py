"""Servers and databases that are not there, refuse, or answer with something else: one line, and when it comes."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from afterglow.ingest import PublishError
from afterglow.ingest.publish import check_reachable as check_module
from afterglow.ingest.publish import mlflow_internals, open_writer
from afterglow.ingest.publish.check_reachable import check_reachable
from afterglow.ingest.publish.retry import Notice, RetryPolicy, retry

from . import stores
from .fake_server import address, answering, hanging, untrusted_tls


@dataclass
class Clock:
    """Time that passes only where somebody sleeps."""

    now: float = 0.0
    lines: list[str] = field(default_factory=list)

    def policy(self, deadline_s: float = 120) -> RetryPolicy:
        def sleep(seconds: float) -> None:
            self.now += seconds

        return RetryPolicy(deadline_s, notice=Notice(self.lines.append), clock=lambda: self.now, sleep=sleep)


def _free() -> AbstractContextManager[str]:
    return contextlib.nullcontext(f"http://127.0.0.1:{stores.free_port()}")


def _error(uri: str, clock: Clock) -> str:
    with pytest.raises(PublishError) as error:
        check_reachable(uri, clock.policy())
    assert "\n" not in str(error.value) and len(str(error.value)) < 300
    return str(error.value)


def test_nothing_that_listens_is_said_within_ten_seconds() -> None:
    clock = Clock()
    with _free() as uri:
        assert _error(uri, clock).endswith("nothing answers at this address; is it running? Check the tracking URI")
    assert clock.now <= 10
    assert len(clock.lines) == 1 and "retrying for up to 5" in clock.lines[0] and "Ctrl-C" in clock.lines[0]


def test_a_server_that_hangs_is_given_up_after_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request itself takes up to PROBE_S, which is real time; here it is one second."""
    assert check_module.PROBE_S <= 9
    monkeypatch.setattr(check_module, "PROBE_S", 1.0)
    clock, real = Clock(), itertools.count(0, 6)
    policy = RetryPolicy(120, notice=Notice(clock.lines.append), clock=lambda: float(next(real)), sleep=lambda s: None)
    with hanging() as uri, pytest.raises(PublishError, match="does not answer in time; is it running"):
        check_reachable(uri, policy)
    assert clock.lines == []


@pytest.mark.parametrize(
    "status, message",
    [
        (401, "credentials .*MLFLOW_TRACKING_TOKEN"),
        (403, "does not allow this"),
        (404, "no MLflow server at this address"),
        (413, "client_max_body_size"),
        (200, "not MLflow's JSON; check the tracking URI"),
    ],
)
def test_what_waiting_does_not_change_is_not_repeated(status: int, message: str) -> None:
    clock = Clock()
    with answering(status) as server, pytest.raises(PublishError, match=message):
        check_reachable(address(server), clock.policy())
    assert server.requests == 1 and clock.now == 0 and clock.lines == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_waited_for_until_the_deadline(status: int) -> None:
    clock = Clock()
    with answering(status) as server:
        message = _error(address(server), clock)
    assert f"HTTP {status}" in message
    assert 100 < clock.now <= 125 and server.requests > 5
    assert len(clock.lines) == 1 and "Ctrl-C" in clock.lines[0]


def test_a_certificate_that_is_not_trusted() -> None:
    clock = Clock()
    with untrusted_tls() as uri:
        assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in _error(uri, clock)
    assert clock.now == 0


@pytest.mark.parametrize(
    "uri", ["postgresql+psycopg2://u:secret@127.0.0.1:{}/x", "mysql+pymysql://u:secret@127.0.0.1:{}/x"]
)
def test_a_database_server_that_is_down(uri: str) -> None:
    clock = Clock()
    message = _error(uri.format(stores.free_port()), clock)
    assert "is it running" in message and "secret" not in message
    assert clock.now <= 10


@pytest.mark.parametrize(
    "uri, message",
    [
        ("mlflow.db", "did you mean sqlite:///mlflow.db"),
        ("foo://bar", "is not a tracking URI; use http"),
        ("htp://bar", "is not a tracking URI; use http"),
        ("mysql://u@h/d", "the driver of this database, MySQLdb, is missing; pip install pymysql"),
    ],
)
def test_addresses_that_are_none(uri: str, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(PublishError, match=message) as error:
        check_reachable(uri, Clock().policy())
    assert "\n" not in str(error.value) and time.monotonic() - began < 60


def test_a_retry_setting_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERGLOW_RETRY_S", "abc")
    with pytest.raises(PublishError, match="AFTERGLOW_RETRY_S='abc' is not a number of seconds"):
        open_writer("sqlite:///nowhere.db", "x")


def _locked_for(clock: Clock, seconds: float) -> Callable[[], str]:
    def call() -> str:
        if clock.now < seconds:
            clock.now += 20  # SQLite's own busy timeout
            raise OSError("database is locked")
        return "written"

    return call


def test_a_database_that_is_locked_for_a_minute_is_waited_for() -> None:
    clock = Clock()
    assert retry(_locked_for(clock, 60), clock.policy()) == "written"
    assert 60 <= clock.now < 120 and len(clock.lines) == 1


def test_the_deadline_counts_from_the_first_attempt() -> None:
    clock = Clock()
    with pytest.raises(OSError):
        retry(_locked_for(clock, 1000), clock.policy())
    assert clock.now <= 120


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_looking_at_a_database_that_is_not_there_creates_none(folder: Path) -> None:
    from afterglow.ingest.publish import open_store

    assert open_store("sqlite:///not-there.db") is None
    assert list(folder.iterdir()) == []


def test_a_workspace_that_an_old_mlflow_cannot_use_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mlflow_internals, "MLFLOW_WORKSPACE", mlflow_internals._NotSet())
    clock, uri = Clock(), f"sqlite:///{tmp_path}/m.db"
    check_reachable(uri, clock.policy())
    assert clock.lines == []
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    check_reachable(uri, clock.policy())
    (line,) = clock.lines
    assert "has no workspaces, so MLFLOW_WORKSPACE is ignored" in line and "\n" not in line


def test_a_retry_in_another_thread_ends_when_the_import_is_stopped() -> None:
    policy, calls = RetryPolicy(120, notice=Notice(lambda line: None)), []

    def fails() -> None:
        calls.append(1)
        if len(calls) == 2:
            policy.stopped.set()
        raise OSError("connection reset")

    policy = replace(policy, first_wait_s=0.001)
    with pytest.raises(OSError, match="connection reset"):
        retry(fails, policy)
    assert len(calls) == 2
