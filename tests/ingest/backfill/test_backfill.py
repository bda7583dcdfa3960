"""`afterglow backfill`: what is new, grown or failed is imported, and nothing else is looked at."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner, Result

from afterglow.ingest import find_logs as find
from afterglow.ingest.backfill.run_backfill import LogResult, follow
from afterglow.ingest.backfill.selection import Selection
from afterglow.ingest.backfill.summary import Summary
from afterglow.ingest.cli import app
from afterglow.ingest.errors import InputError
from afterglow.ingest.results import DatasetOnly, Imported
from afterglow.schemas.logs import EventLog, LogFile
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

runner = CliRunner()
NAMES = ("failing-tasks", "spark35-wordcount", "killed-driver")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in NAMES:
        (tmp_path / "logs" / name).mkdir(parents=True)
        shutil.copy(sample_log(name), tmp_path / "logs" / name)
    (tmp_path / "logs" / "notes.txt").write_text("no log at all\n" * 100)
    return tmp_path


def backfill(place: Path, *more: str) -> tuple[Result, dict[str, Any]]:
    report = place / "report.json"
    report.unlink(missing_ok=True)
    store = f"sqlite:///{place}/m.db" if "--dry-run" in more else new_sqlite(place / "m.db")
    command = ["backfill", str(place / "logs"), "--tracking-uri", store, "--experiment", "years"]
    result = runner.invoke(app, [*command, "--summary", str(report), *more])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result, json.loads(report.read_text()) if report.exists() else {}


def applications(place: Path) -> list[Any]:
    client = MlflowClient(new_sqlite(place / "m.db"))
    found = client.get_experiment_by_name("years")
    assert found is not None
    return list(client.search_runs([found.experiment_id], "tags.`afterglow.level` = 'application'"))


def test_the_second_call_looks_at_no_log(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, told = backfill(place)
    assert result.exit_code == 0 and told["summary"]["imported"] == len(NAMES), result.output
    assert {row["state"] for row in told["logs"]} == {"imported"} and len(applications(place)) == len(NAMES)
    looked: list[str] = []
    monkeypatch.setattr(find, "peek", lambda log: looked.append(log.name))
    result, told = backfill(place)
    assert result.exit_code == 0 and told["logs"] == [] and looked == []
    assert told["summary"]["already imported"] == len(NAMES)


def test_what_has_grown_is_imported_again(place: Path) -> None:
    log = place / "logs" / "failing-tasks" / sample_log("failing-tasks").name
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) * 2 // 3])
    backfill(place)
    log.write_bytes(whole)
    result, told = backfill(place)
    assert result.exit_code == 0 and [row["log"] for row in told["logs"]] == [str(log)]
    (root,) = [run for run in applications(place) if run.info.run_name == "Spark shell"]
    assert root.data.tags["afterglow.completeness"] == "complete" and root.info.status == "FINISHED"


def test_losing_the_ledger_costs_time_only(place: Path) -> None:
    backfill(place)
    shutil.rmtree(place / "data")
    result, told = backfill(place)
    assert result.exit_code == 0 and {row["state"] for row in told["logs"]} == {"already imported"}
    assert len(applications(place)) == len(NAMES)


def test_filters_are_decided_on_the_head(place: Path) -> None:
    _, told = backfill(place, "--app-name", "killed*")
    assert [Path(row["log"]).parent.name for row in told["logs"]] == ["killed-driver"]
    assert backfill(place, "--since", "2100-01-01")[1]["logs"] == []
    assert backfill(place, "--until", "2000-01-01")[1]["logs"] == []
    assert backfill(place, "--user", "nobody-of-that-name")[1]["logs"] == []
    assert backfill(place, "--min-duration", "1e9")[1]["logs"] == []
    assert backfill(place, "--since", "yesterday")[0].exit_code == 2
    _, told = backfill(place, "--limit", "1", "--newest-first")
    assert len(told["logs"]) == 1


def test_a_dry_run_writes_nothing_and_says_how_long_it_would_take(place: Path) -> None:
    result, _ = backfill(place, "--dry-run")
    assert result.exit_code == 0 and "3 of 4 logs" in result.stdout and "no rate measured yet" in result.stdout
    assert not (place / "m.db").exists()
    backfill(place, "--limit", "1")
    assert " s at " in backfill(place, "--dry-run")[0].stdout


def test_one_broken_log_never_stops_it_and_is_not_tried_again_unchanged(place: Path) -> None:
    broken = place / "logs" / "broken"
    broken.write_bytes(b'{"Event":"Nonsense"}\n')
    result, told = backfill(place)
    assert result.exit_code == 1 and told["summary"]["failed"] == 1 and told["summary"]["imported"] == len(NAMES)
    result, told = backfill(place)
    assert result.exit_code == 0 and told["logs"] == [] and told["summary"]["failed before, unchanged"] == 1
    assert backfill(place, "--retry-failed")[1]["summary"]["failed"] == 1


def test_what_fails_three_times_is_set_aside_and_listed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from afterglow.ingest import publish_imports
    from afterglow.ingest.errors import PublishError

    def refuse(*_: Any) -> Any:
        raise PublishError("the store is away") from OSError("connection refused")

    publish = publish_imports.publish_import
    with monkeypatch.context() as patch:
        patch.setattr(publish_imports, "publish_import", refuse)
        for _ in range(4):  # the store refuses all logs, which is no fault of this one
            assert backfill(place, "--app-name", "wordcount")[1]["summary"]["failed"] == 1
        patch.setattr(
            publish_imports,
            "publish_import",
            lambda one, *more: (refuse if one.application["name"] == "wordcount" else publish)(one, *more),
        )
        for number in range(3):
            copy_other(place, number)
            summary = backfill(place)[1]["summary"]
            assert (summary["failed"], summary["imported"] > 0, summary["quarantined"]) == (1, True, 0)
    result, told = backfill(place, "--app-name", "wordcount")
    assert result.exit_code == 0 and told["logs"] == [] and told["summary"]["quarantined"] == 1
    assert "the store is away; --retry-failed imports it again" in result.stdout
    assert backfill(place, "--app-name", "wordcount", "--retry-failed")[1]["summary"]["imported"] == 1


def copy_other(place: Path, number: int) -> None:
    """One more log in the folder."""
    text = sample_log("failing-tasks").read_text()
    (place / "logs" / f"other-{number}").write_text(text.replace("local-1795312594564", f"local-{number}"))


def test_a_scan_that_fails_is_repeated_and_a_follow_counts_only_what_it_did() -> None:
    stopped, scans = threading.Event(), 0

    def select() -> Selection:
        nonlocal scans
        scans += 1
        if scans == 1:
            raise InputError("s3://logs: does not answer")
        stopped.set()
        return Selection(listed=4, done=3)

    errors: list[str] = []
    first = Selection(listed=3, done=1)
    found = list(follow(select, first, 0.001, stopped, lambda error: errors.append(str(error))))
    assert [one.listed for one in found] == [3, 4] and errors == ["s3://logs: does not answer"]

    summary = Summary(keep_rows=False, done_before=first.done)
    for name in ("a", "b"):
        log = EventLog(name, "single", (LogFile(name, 1000, 0),))
        summary.add(LogResult(log, Imported(name, DatasetOnly("")), 1.0))
    assert (summary.counts(found[-1])["imported"], summary.counts(found[-1])["already imported"]) == (2, 1)
    assert summary.rows == []


def test_of_one_application_the_fullest_log_is_imported(place: Path) -> None:
    whole = sample_log("failing-tasks")
    cut = place / "logs" / f"{whole.name}.inprogress"
    cut.write_bytes(whole.read_bytes()[:20_000])
    for _ in range(2):
        result, _ = backfill(place)
        assert result.exit_code == 0
        (root,) = [run for run in applications(place) if run.info.run_name == "Spark shell"]
        assert root.data.tags["afterglow.completeness"] == "complete"


@pytest.mark.slow
def test_it_follows_until_it_is_told_to_stop(place: Path) -> None:
    MlflowClient(new_sqlite(place / "m.db")).create_experiment("years")
    (place / "logs" / "broken").write_bytes(b'{"Event":"Nonsense"}\n')
    late = place / "logs" / "failing-tasks"
    aside = place / "aside"
    late.rename(aside)
    command = [sys.executable, "-m", "afterglow.ingest.cli", "backfill", str(place / "logs"), "--follow"]
    command += ["--every", "0.3", "--tracking-uri", new_sqlite(place / "m.db"), "--experiment", "years"]
    process = subprocess.Popen(command, cwd=place, env={**os.environ}, stdout=subprocess.PIPE, text=True)
    try:
        _until(lambda: _named(place) >= {"wordcount", "killed-driver"})
        aside.rename(late)
        _until(lambda: "Spark shell" in _named(place))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and "imported" in out


def _named(place: Path) -> set[str]:
    try:
        return {run.info.run_name for run in applications(place) if run.data.tags.get("afterglow.import_fingerprint")}
    except Exception:
        return set()


def _until(reached: Any) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_json_has_a_line_per_log_and_the_counts(place: Path) -> None:
    plan = json.loads(backfill(place, "--dry-run", "--json")[0].stdout)
    assert len(plan["logs"]) == 3 and plan["listed"] == 4 and plan["seconds"] is None
    result, report = backfill(place, "--json")
    *logs, totals = map(json.loads, result.stdout.splitlines())
    assert logs == report["logs"] and [log["state"] for log in logs] == ["imported"] * 3
    assert totals["summary"] == report["summary"] and totals["summary"]["imported"] == 3
