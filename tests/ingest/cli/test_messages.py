"""What goes wrong is one line: what it is, where, and what to do."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from typer.testing import CliRunner

from afterglow.ingest import import_logs
from afterglow.ingest.cli import app, progress
from afterglow.ingest.errors import PublishError
from afterglow.ingest.publish.error_messages import translate_errors
from tests.ingest.cli.logs import write_log
from tests.ingest.publish.fake_server import address, answering
from tests.ingest.publish.stores import free_port, new_sqlite

runner = CliRunner()


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("afterglow.ingest.publish.check_reachable._PROBE_WAIT_S", 0.1)
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log cannot even be listed."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a log was looked for before the store answered")

    monkeypatch.setattr("afterglow.ingest.discover.discover", fail)


@pytest.mark.usefixtures("no_reading")
@pytest.mark.parametrize("command", ["import", "backfill", "hook"])
def test_a_server_that_is_not_there_is_reported_before_a_log_is_looked_for(
    command: str, no_server: str, tmp_path: Path
) -> None:
    words = {
        "import": ["import", str(tmp_path)],
        "backfill": ["backfill", str(tmp_path), "--ledger", f"{tmp_path}/ledger.db"],
        "hook": ["hook", "--log", f"{tmp_path}/log", "--strict"],
    }[command]
    result = runner.invoke(app, [*words, "--tracking-uri", no_server])
    assert result.exit_code == 5, result.output
    *waits, error = result.stderr.splitlines()
    assert error.startswith(f"error: {no_server}: cannot be opened: nothing answers at this address; is it running?")
    assert len(waits) <= 1


@pytest.mark.usefixtures("no_reading")
def test_the_api_asks_the_server_before_it_looks_for_logs(no_server: str, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="is it running"):
        import_logs([str(tmp_path)], no_server)


def test_a_server_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFTERGLOW_RETRY_S", "0")
    log = write_log(tmp_path)
    body = json.dumps({"error_code": "INTERNAL_ERROR", "message": "Traceback (most recent call last):\n  File x"})
    for status, text, says in (
        (500, "<html>", "the server failed (HTTP 500); its own log says why"),
        (500, body, "the server failed (HTTP 500); its own log says why"),
        (404, "<html>", "there is no MLflow server at this address (HTTP 404)"),
    ):
        with answering(status, text) as server:
            result = runner.invoke(app, ["import", str(log), "--tracking-uri", address(server)])
        assert result.exit_code == 5, result.output
        assert says in result.stderr.splitlines()[-1] and len(result.stderr.splitlines()[-1]) < 250, result.stderr


def _statement(error: type[OperationalError] | type[IntegrityError], text: str) -> Exception:
    return error("INSERT INTO runs VALUES (?)", ("text of a log",), Exception(text))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            _statement(IntegrityError, "UNIQUE constraint failed: runs.run_uuid"),
            "cannot write: another import writes the same runs; import the log again",
        ),
        (
            _statement(OperationalError, "attempt to write a readonly database"),
            "cannot write: the database may only be read; check the permissions of the file and of its folder, or of "
            "your role",
        ),
        (
            OSError(30, "Read-only file system", "/mnt/mlruns/1"),
            "cannot write: the file system is read-only: /mnt/mlruns/1; choose another place for the database or the "
            "artifacts",
        ),
        (
            PermissionError(13, "Permission denied", "/mnt/mlruns/1"),
            "cannot write: permission denied: /mnt/mlruns/1; check the permissions of this folder",
        ),
    ],
)
def test_a_store_that_refuses_is_one_line(error: Exception, says: str) -> None:
    with pytest.raises(PublishError) as found, translate_errors("cannot write"):
        raise error
    assert str(found.value) == says


def test_ctrl_c_says_how_far_the_import_came(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    logs = [str(write_log(tmp_path, app_id=f"app-{n}", file=f"log-{n}", start_ms=10**12 + n)) for n in range(3)]
    store = ["--tracking-uri", new_sqlite(tmp_path / "m.db"), "--workers", "1"]

    def interrupted(bar: progress.LogProgress, log: object) -> object:
        if str(log).count("log-2"):
            raise KeyboardInterrupt
        return show(bar, log)  # type: ignore[arg-type]

    show = progress.LogProgress.show
    monkeypatch.setattr(progress.LogProgress, "show", interrupted)
    result = runner.invoke(app, ["import", *logs, *store])
    assert result.exit_code == 130
    assert result.stderr.splitlines() == [
        "error: interrupted after 2 of 3 logs; run the same command again to continue"
    ]
    monkeypatch.undo()
    again = runner.invoke(app, ["import", *logs, *store])
    assert again.exit_code == 0 and again.stdout.count("already imported") == 2


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_of_the_terminal_gives_one_line_and_no_traceback(workers: str, tmp_path: Path) -> None:
    for n in range(400):
        write_log(tmp_path / "logs", app_id=f"app-{n}", file=f"log-{n}", start_ms=10**12 + n)
    command = [sys.executable, "-m", "afterglow.ingest.cli", "import", str(tmp_path / "logs"), "--workers", workers]
    command += ["--tracking-uri", new_sqlite(tmp_path / "m.db")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the first log was imported
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    lines = [line for line in errors.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1 and lines[0].startswith("error: interrupted after "), errors
    assert lines[0].endswith(" of 400 logs; run the same command again to continue")


def test_the_other_messages_of_a_newcomers_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = str(write_log(tmp_path))
    for words, code, says in (
        (["import", log, "--tracking-uri", "htp://x"], 5, "htp://x: this is not a tracking URI; use http://"),
        (["import", log, "--tracking-uri", "mlflow.db"], 5, "did you mean sqlite:///mlflow.db?"),
        (["import", log, "--experiment", ""], 2, "it is empty; name an experiment or omit the option"),
        (["status", "--experiment", ""], 2, "it is empty; name an experiment or omit the option"),
        (["show", log, "--threshold", "skew=4"], 2, "'skew=4' is not CODE.NAME=VALUE, such as skew.time_ratio=4"),
        (["show", "foo://bucket/x"], 3, "this kind of storage is not supported; use a path, s3://"),
    ):
        result = runner.invoke(app, words)
        assert result.exit_code == code and says in " ".join(result.stderr.replace("│", " ").split()), result.output
    assert sorted(os.listdir(tmp_path)) == ["log"]
