"""`afterglow hook`: it waits for the log of the job that has just ended, and never fails the job."""

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner, Result

from afterglow.ingest.cli import app
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

runner = CliRunner()
PLAIN, ROLLED, KILLED = "failing-tasks", "rolled-segments", "killed-driver"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return new_sqlite(tmp_path / "mlflow.db")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def hook(uri: str, *more: str) -> Result:
    return runner.invoke(app, ["hook", "--tracking-uri", uri, "--experiment", "hooked", *more])


def statuses(uri: str) -> dict[str, str]:
    found = MlflowClient(uri).get_experiment_by_name("hooked")
    assert found is not None
    runs = MlflowClient(uri).search_runs([found.experiment_id], "tags.`afterglow.level` = 'application'")
    return {run.info.run_name: run.info.status for run in runs}


def names(uri: str) -> list[str]:
    return list(statuses(uri))


def test_a_finished_log_is_found_by_its_application_and_imported_at_once(uri: str, logs: Path) -> None:
    for name in (PLAIN, "spark35-wordcount"):
        shutil.copy(sample_log(name), logs)
    began = time.monotonic()
    result = hook(uri, "--log-dir", str(logs), "--app-id", sample_log(PLAIN).name, "--wait", "60")
    assert result.exit_code == 0 and "/#/experiments/" in result.stdout and time.monotonic() - began < 50
    assert names(uri) == ["Spark shell"]


def test_it_waits_until_the_name_says_that_the_log_is_finished(uri: str, logs: Path) -> None:
    whole = sample_log(PLAIN).read_bytes()
    growing = logs / f"{sample_log(PLAIN).name}.inprogress"
    growing.write_bytes(whole[: len(whole) // 2])

    def finish() -> None:
        time.sleep(2)
        growing.write_bytes(whole)
        growing.rename(growing.with_suffix(""))

    job = threading.Thread(target=finish)
    job.start()
    result = hook(uri, "--log-dir", str(logs), "--app-id", sample_log(PLAIN).name, "--strict")
    job.join()
    assert result.exit_code == 0 and "waiting until Spark has finished" in result.output and "28 of 28" in result.stdout


def test_a_rolled_log_is_finished_when_its_appstatus_says_so(uri: str, logs: Path) -> None:
    folder = logs / sample_log(ROLLED).name
    shutil.copytree(sample_log(ROLLED), folder)
    (status,) = folder.glob("appstatus_*")
    status.rename(f"{status}.inprogress")

    def finish() -> None:
        time.sleep(1.5)
        Path(f"{status}.inprogress").rename(status)

    job = threading.Thread(target=finish)
    job.start()
    result = hook(uri, "--log", str(folder), "--strict")
    job.join()
    assert result.exit_code == 0 and "waiting" in result.output


def test_a_log_with_its_end_in_it_is_finished_whatever_its_name(uri: str, logs: Path) -> None:
    shutil.copy(sample_log(PLAIN), logs / f"{sample_log(PLAIN).name}.inprogress")
    began = time.monotonic()
    result = hook(uri, "--log-dir", str(logs), "--newest", "--wait", "100")
    assert result.exit_code == 0 and time.monotonic() - began < 80 and "28 of 28" in result.stdout


def test_a_driver_that_was_killed_is_imported_as_far_as_it_came(uri: str, logs: Path) -> None:
    killed = Path(shutil.copy(sample_log(KILLED), logs))
    os.utime(killed, (time.time() - 90, time.time() - 90))
    result = hook(uri, "--log-dir", str(logs), "--newest", "--wait", "1", "--json")
    assert result.exit_code == 0 and "its driver was killed" in result.stderr
    assert json.loads(result.stdout)["completeness"] == "no_application_end"
    assert statuses(uri) == {"killed-driver": "KILLED"}
    # and again, where nothing is left to be read
    assert hook(uri, "--log-dir", str(logs), "--newest", "--wait", "0", "--strict").exit_code == 1


def test_a_log_that_never_finishes_is_imported_when_the_time_is_up(uri: str, logs: Path) -> None:
    whole = sample_log(PLAIN).read_bytes().splitlines(keepends=True)
    growing, over = logs / "app-1.inprogress", threading.Event()
    growing.write_bytes(b"".join(whole[: len(whole) // 2]))

    def write_on() -> None:
        with growing.open("ab") as log:
            while not over.wait(0.2):
                log.write(whole[len(whole) // 2])
                log.flush()

    job = threading.Thread(target=write_on)
    job.start()
    try:
        result = hook(uri, "--log-dir", str(logs), "--newest", "--wait", "2", "--json", "--strict")
    finally:
        over.set()
        job.join()
    assert result.exit_code == 1 and "Spark is still writing it" in result.stderr
    assert json.loads(result.stdout)["completeness"] in ("in_progress", "events_lost")
    assert json.loads(result.stdout)["published"]["runs"] > 5


def test_the_newest_is_the_one_written_to_last_among_those_with_the_name(uri: str, logs: Path) -> None:
    for age, name in enumerate((KILLED, PLAIN, "spark35-wordcount")):
        shutil.copy(sample_log(name), logs)
        os.utime(logs / sample_log(name).name, (1_700_000_000 - age, 1_700_000_000 - age))
    assert hook(uri, "--log-dir", str(logs), "--newest", "--app-name", "word*").exit_code == 0
    assert names(uri) == ["wordcount"]


def test_a_failure_never_fails_the_job_unless_strict(uri: str, logs: Path) -> None:
    missing = ("--log-dir", str(logs), "--app-id", "app-1", "--wait", "0")
    assert (hook(uri, *missing).exit_code, hook(uri, *missing, "--strict").exit_code) == (0, 3)
    assert "no such event log after 0 s" in hook(uri, *missing).output
    shutil.copy(sample_log(PLAIN), logs)
    refused = ["hook", "--tracking-uri", "http://127.0.0.1:9", "--log-dir", str(logs), "--newest"]
    environment = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "AFTERGLOW_RETRY_S": "0"}
    assert runner.invoke(app, refused, env=environment).exit_code == 0
    assert runner.invoke(app, [*refused, "--strict"], env=environment).exit_code == 5


@pytest.mark.parametrize(
    "given", [[], ["--newest"], ["--app-id", "a"], ["--log", "a", "--newest"], ["--log", "a", "--app-name", "b"]]
)
def test_what_cannot_be_meant_is_a_usage_error(uri: str, given: list[str]) -> None:
    assert hook(uri, *given).exit_code == 2
