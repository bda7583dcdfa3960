"""Which files are one log, in which order, and whether it is finished: by names, in every layout and place."""

import shutil
import zipfile
from pathlib import Path

import pytest

from afterglow.ingest import InputError, read
from afterglow.ingest.discover import discover
from afterglow.ingest.export import export_tables
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.logs import EventLog
from tests.conftest import SAMPLES, sample_log, sample_names


def found(*paths: Path | str) -> list[EventLog]:
    return list(discover([str(path) for path in paths]))


def names(log: EventLog) -> list[str]:
    return [(file.member or file.uri).rsplit("/", 1)[-1] for file in log.files]


def touch(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).write_text("x")
    return folder


def test_segments_are_ordered_as_numbers_and_what_is_no_segment_is_left_out(tmp_path: Path) -> None:
    folder = touch(
        tmp_path / "eventlog_v2_a", "events_10_a", "events_9_a", "events_1_a", ".events_1_a.crc", "appstatus_a"
    )
    (log,) = found(folder)
    assert (names(log), log.layout, log.in_progress) == (["events_1_a", "events_9_a", "events_10_a"], "rolling", False)
    assert log.missing == tuple(range(2, 9))


@pytest.mark.parametrize(
    "status, in_progress",
    [
        ([], False),
        (["appstatus_a"], False),
        (["appstatus_a.inprogress"], True),
        (["appstatus_a", "appstatus_a.inprogress"], False),
    ],
)
def test_appstatus_says_whether_a_rolling_log_is_finished(tmp_path: Path, status: list[str], in_progress: bool) -> None:
    (log,) = found(touch(tmp_path / "eventlog_v2_a", "events_1_a.zstd", *status))
    assert (log.in_progress, log.missing) == (in_progress, ())


def test_a_compacted_segment_replaces_all_before_it(tmp_path: Path) -> None:
    (log,) = found(
        touch(
            tmp_path / "eventlog_v2_a",
            "events_1_a.zstd",
            "events_2_a.zstd",
            "events_2_a.zstd.compact",
            "events_3_a.zstd",
            "events_3_a.zstd.compact.inprogress",
        )
    )
    assert (names(log), log.compacted_to, log.missing) == (["events_2_a.zstd.compact", "events_3_a.zstd"], 2, ())


def test_a_databricks_folder_is_one_log_the_newest_last(tmp_path: Path) -> None:
    (log,) = found(touch(tmp_path / "d", "eventlog", "eventlog-2021-06-15--15-00.gz", "eventlog-2021-06-14--09-30.gz"))
    assert names(log) == ["eventlog-2021-06-14--09-30.gz", "eventlog-2021-06-15--15-00.gz", "eventlog"]
    assert log.layout == "databricks"


def test_a_parent_of_rolling_folders_is_several_applications(tmp_path: Path) -> None:
    for app in "ab":
        touch(tmp_path / "logs" / f"eventlog_v2_{app}", f"events_1_{app}")
    touch(tmp_path / "logs", "single", "other.inprogress", ".hidden", "_SUCCESS", "single.crc")
    assert [names(log) for log in found(tmp_path)] == [["other.inprogress"], ["single"], ["events_1_a"], ["events_1_b"]]
    assert [log.in_progress for log in found(tmp_path)] == [True, False, False, False]


def test_a_log_named_twice_is_one_log(tmp_path: Path) -> None:
    folder = touch(tmp_path, "one", "two")
    assert len(found(folder, folder / "one", folder / "*", f"file://{folder}/two")) == 2


def test_what_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        found(tmp_path / "nothing")
    with pytest.raises(InputError, match="no file matches"):
        found(tmp_path / "*.zstd")
    with pytest.raises(InputError, match=r"cannot be (reached|listed)"):
        found("nosuchscheme://bucket/logs")


@pytest.mark.parametrize("name", sample_names())
def test_a_zip_holds_what_its_files_hold_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    log = sample_log(name)
    archive = tmp_path / "log.json"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in sorted([log] if log.is_file() else log.iterdir()):
            out.write(file, f"{log.name}/{file.name}" if log.is_dir() else file.name)
    direct, zipped = read(str(log)), read(str(archive))
    for table in direct.tables:
        if table not in ("applications", "issues"):
            assert zipped[table].equals(direct[table]), table
    assert zipped.application["completeness"] == direct.application["completeness"]


def test_one_application_in_several_places_is_read_once_the_fullest(tmp_path: Path) -> None:
    whole = sample_log("failing-tasks")
    (tmp_path / f"{whole.name}.inprogress").write_bytes(whole.read_bytes()[:100_000])
    shutil.copy(whole, tmp_path / "copy")
    (log,) = find_logs([str(tmp_path)])
    assert names(log) == ["copy"] and [Path(name).name for name in log.copies] == [f"{whole.name}.inprogress"]
    assert "application_copied" in read_log(log).issues["code"].to_pylist()


def test_files_that_are_no_logs_are_passed_over_in_folders_but_not_when_named(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text('print({"Event": 1})\n')
    (tmp_path / "README.md").write_text("# Logs\n")
    shutil.copy(sample_log("failing-tasks"), tmp_path)
    assert len(find_logs([str(tmp_path)])) == 1
    assert len(find_logs([str(tmp_path), str(tmp_path / "train.py")])) == 2


def test_every_sample_is_found_below_the_folder() -> None:
    assert len(find_logs([str(SAMPLES)])) == len(sample_names())


def test_names_mean_nothing_for_the_codec(tmp_path: Path) -> None:
    for name in ("codec-lz4", "codec-snappy", "codec-lzf", "skewed-join"):
        path = tmp_path / f"{name}.txt"
        shutil.copy(sample_log(name), path)
        assert read(str(path)).tasks.equals(read(str(sample_log(name))).tasks)


def test_an_export_that_is_repeated_replaces_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    tables = read(str(sample_log("skewed-join")))
    folder = Path(export_tables(tables, str(tmp_path)))
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    (folder / "stale.parquet").write_text("x")
    export_tables(tables, str(tmp_path))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
