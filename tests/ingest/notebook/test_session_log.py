"""The log of a session is found by its settings, whoever reports them, and while Spark writes it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from afterglow.ingest.notebook.session_log import SessionLogError, find_session_log
from tests.conftest import sample_log
from tests.ingest.notebook.sessions import classic, connect, running, settings


def no_sleep(seconds: float) -> None:
    assert seconds < 1


@pytest.mark.parametrize("session", [classic, connect])
@pytest.mark.parametrize("uri", ["{}", "file:{}", "file://{}/"])
def test_a_single_file_in_progress(session: Any, uri: str, tmp_path: Path) -> None:
    app_id = running("skewed-join", tmp_path)
    (tmp_path / "local-1").write_text("another application's log")
    log = find_session_log(session(settings(uri.format(tmp_path), app_id)), no_sleep)
    assert (log.in_progress, log.files[0].uri) == (True, f"{tmp_path}/{app_id}.zstd.inprogress")


@pytest.mark.parametrize("in_progress", [True, False])
def test_a_rolling_folder(in_progress: bool, tmp_path: Path) -> None:
    folder = tmp_path / sample_log("rolled-segments").name
    shutil.copytree(sample_log("rolled-segments"), folder)
    app_id = folder.name.removeprefix("eventlog_v2_")
    if in_progress:
        (folder / f"appstatus_{app_id}").rename(folder / f"appstatus_{app_id}.inprogress")
    log = find_session_log(connect(settings(tmp_path, app_id)), no_sleep)
    assert (log.layout, log.in_progress, len(log.files)) == ("rolling", in_progress, 2)


def test_the_attempt_is_in_the_name(tmp_path: Path) -> None:
    for attempt in "12":
        (tmp_path / f"application_1_0001_{attempt}.inprogress").write_text("{}")
    session = connect({**settings(tmp_path, "application_1_0001"), "spark.app.attempt.id": "2"})
    assert find_session_log(session, no_sleep).name.endswith("application_1_0001_2.inprogress")


def test_where_the_driver_writes_wins(tmp_path: Path) -> None:
    """The folder's name in the settings may be an alias, for example of a file system."""
    app_id = running("skewed-join", tmp_path)
    session = classic(settings("/nowhere", app_id), f"file:{tmp_path}/{app_id}.zstd")
    assert find_session_log(session, no_sleep).in_progress


def test_a_log_of_another_name_is_found_by_its_content(tmp_path: Path) -> None:
    app_id = running("skewed-join", tmp_path)
    (tmp_path / f"{app_id}.zstd.inprogress").rename(tmp_path / "renamed")
    assert find_session_log(connect(settings(tmp_path, app_id)), no_sleep).name.endswith("renamed")


def test_a_session_of_connect_that_has_stopped_is_one_sentence() -> None:
    class Stopped:
        @property
        def conf(self) -> Any:
            raise RuntimeError("[NO_ACTIVE_SESSION] No active Spark session found.")

    with pytest.raises(SessionLogError, match=r"does not answer; call before spark\.stop\(\).*NO_ACTIVE_SESSION"):
        find_session_log(Stopped(), no_sleep)


def test_it_waits_until_spark_has_written_what_happened(tmp_path: Path) -> None:
    app_id = running("skewed-join", tmp_path)
    waited: list[float] = []

    def write(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) < 3:
            with (tmp_path / f"{app_id}.zstd.inprogress").open("ab") as log:
                log.write(b"more")

    before = sample_log("skewed-join").stat().st_size
    assert find_session_log(connect(settings(tmp_path, app_id)), write).size == before + 8
    assert len(waited) == 3


def test_a_log_that_never_stops_growing_is_read_as_it_is(tmp_path: Path) -> None:
    app_id = running("skewed-join", tmp_path)
    waited: list[float] = []

    def write(seconds: float) -> None:
        waited.append(seconds)
        with (tmp_path / f"{app_id}.zstd.inprogress").open("ab") as log:
            log.write(b"more")

    find_session_log(connect(settings(tmp_path, app_id)), write)
    assert sum(waited) == 2.0


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"spark.eventLog.enabled": "false"},
            "writes no event log; set spark.eventLog.enabled=true and spark",
        ),
        ({"spark.app.id": ""}, "has no spark.app.id"),
        (
            {"spark.eventLog.dir": "/nowhere/logs"},
            "/nowhere/logs: no such file or folder; check the path); set sp",
        ),
        ({"spark.eventLog.dir": "wasbs://logs@account/x"}, "(wasbs://logs@account/x: cannot be reached"),
        ({"spark.app.id": "local-7"}, "no event log of local-7; if the driver runs on another machine"),
    ],
)
def test_one_sentence_says_what_to_set(changed: dict[str, str], expected: str, tmp_path: Path) -> None:
    app_id = running("skewed-join", tmp_path)
    with pytest.raises(SessionLogError) as error:
        find_session_log(connect({**settings(tmp_path, app_id), **changed}), no_sleep)
    assert expected in str(error.value)
    assert error.value._render_traceback_() == [f"SessionLogError: {error.value}"]  # IPython prints it alone
    assert "\n" not in str(error.value)
