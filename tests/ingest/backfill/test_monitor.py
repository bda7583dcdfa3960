"""The heartbeat file, the metrics and the JSON lines of a backfill."""

import json
import logging
import socket
import urllib.request
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterglow.ingest.backfill.monitor import Monitor
from afterglow.ingest.backfill.run_backfill import LogResult
from afterglow.ingest.backfill.selection import Candidate, Selection
from afterglow.ingest.cli import app, console
from afterglow.ingest.errors import InputError
from afterglow.ingest.find_logs import Head
from afterglow.ingest.results import DatasetOnly, Imported
from afterglow.schemas.logs import EventLog, LogFile
from tests.ingest.cli.logs import write_log


def log(name: str, modified_s: float, size: int = 1000) -> EventLog:
    return EventLog(name, "single", (LogFile(name, size, int(modified_s * 1000)),))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_heartbeat_is_written_at_every_step(tmp_path: Path) -> None:
    now, path = [100.0], tmp_path / "heartbeat"
    monitor = Monitor(str(path), clock=lambda: now[0])
    assert path.read_text() == "100\n"
    now[0] = 130.0
    monitor.scanned(Selection())
    assert path.read_text() == "130\n"
    now[0] = 140.0
    monitor.done(LogResult(log("a", 1), InputError("x"), 1.0), 0)
    assert path.read_text() == "140\n"
    with pytest.raises(InputError, match="heartbeat cannot be written"):
        Monitor(str(tmp_path / "missing" / "heartbeat"))


def test_metrics_count_logs_and_say_how_far_behind_they_are() -> None:
    port = free_port()
    monitor = Monitor(port=port, clock=lambda: 1000.0)
    logs = [log("a", 900), log("b", 950)]
    monitor.scanned(Selection([Candidate(one, Head(True)) for one in logs], listed=7))
    regressed = DatasetOnly("", regression="slower: It took 2 s.")
    monitor.done(LogResult(logs[0], Imported("a", regressed), 2.5), 1)
    monitor.done(LogResult(logs[1], InputError("x"), 0.5), 0)
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    expected = {
        "logs_seen": 7,
        "logs_waiting": 0,
        "lag_seconds": 100,
        "logs_imported_total": 1,
        "logs_failed_total": 1,
        "bytes_imported_total": 1000,
        "import_seconds_total": 2.5,
        "import_delay_seconds": 100,
        "regressions_total": 1,
        "last_scan_timestamp_seconds": 1000,
    }
    assert {name: float(found[f"afterglow_{name}"]) for name in expected} == expected
    with pytest.raises(InputError, match=f"--metrics-port {port}"):
        Monitor(port=port)


def test_json_lines(tmp_path: Path) -> None:
    write_log(tmp_path / "logs", file="good")
    write_log(tmp_path / "logs", app_id="app-2", file="other")
    (tmp_path / "logs" / "broken").write_text('{"Event":"Nonsense"}\n')
    words = ["backfill", str(tmp_path / "logs"), "--dataset", str(tmp_path / "fleet"), "--no-runs"]
    more = ["--ledger", str(tmp_path / "ledger"), "--log-format", "json", "--heartbeat", str(tmp_path / "beat")]
    result = CliRunner().invoke(app, [*words, *more])
    CliRunner().invoke(app, ["schema"])  # a later command of this process prints text again
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert all(line["time"].endswith("+00:00") and line["message"] for line in lines)
    (error,) = [line for line in lines if line["event"] == "error"]
    assert error["level"] == "error" and error["state"] == "failed" and error["log"].endswith("broken")
    lines.remove(error)
    done = {line["application"]: line for line in lines}
    assert set(done) == {"app-1", "app-2"} and done["app-1"]["log"].endswith("good")
    assert {(line["event"], line["level"], line["state"]) for line in lines} == {("log", "info", "imported")}
    assert (tmp_path / "beat").exists()


def test_records_of_loggers_and_warnings_are_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        console.set_log_format("json")
        logging.getLogger("afterglow").warning("the store does not answer;\nretrying")
        logging.getLogger("some.library").error("no table %s", "runs")
        warnings.warn("old", FutureWarning, stacklevel=1)
    finally:
        console.set_log_format("text")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line["logger"]) for line in lines] == [
        ("note", "warning", "afterglow"),
        ("error", "error", "some.library"),
        ("note", "warning", "py.warnings"),
    ]
    assert [line["message"] for line in lines[:2]] == ["the store does not answer; retrying", "no table runs"]
    assert "FutureWarning: old" in lines[2]["message"]
    logging.getLogger("afterglow").warning("text again")
    assert not capsys.readouterr().err.startswith("{")
