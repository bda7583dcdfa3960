"""Which files are one log, in which order, and whether it is finished: by names, in every layout and place."""

import gzip
import io
import shutil
import warnings
import zipfile
from pathlib import Path

import pytest

from afterglow.ingest import InputError, read
from afterglow.ingest.discover import discover, open_file
from afterglow.ingest.export import export_tables
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.logs import EventLog
from tests.conftest import SAMPLES, sample_log, sample_names
from tests.property.event_strategies import small_lines


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


def test_a_folder_of_spark_1_is_one_log_called_after_the_folder(tmp_path: Path) -> None:
    one = touch(tmp_path / "sort-1", "EVENT_LOG_1", "SPARK_VERSION_1.1.0", "APPLICATION_COMPLETE")
    touch(tmp_path / "sort-2", "EVENT_LOG_10", "EVENT_LOG_9", "SPARK_VERSION_1.0.2", "COMPRESSION_CODEC_org.acme.Codec")
    touch(tmp_path / "other", "SPARK_VERSION_1.1.0", "app-1")
    logs = {Path(log.name).name: log for log in found(tmp_path)}
    assert set(logs) == {"sort-1", "sort-2", "app-1"} and Path(found(one)[0].name) == one
    assert (logs["sort-1"].spark_version, logs["sort-1"].in_progress) == ("1.1.0", False)
    assert (names(logs["sort-2"]), logs["sort-2"].in_progress) == (["EVENT_LOG_9", "EVENT_LOG_10"], True)


def test_a_log_of_spark_1_has_its_folder_s_name_and_version(tmp_path: Path) -> None:
    lines = [line.replace(b'"App ID":"app-small",', b"") for line in small_lines()[2:]]
    lines = [line.replace(b',"spark.app.id":"app-small"', b"") for line in lines]
    for name in ("sort-1", "sort-2"):
        folder = touch(tmp_path / name, "SPARK_VERSION_1.1.0", "APPLICATION_COMPLETE")
        (folder / "EVENT_LOG_1").write_bytes(b"\n".join(lines) + b"\n")
    logs = find_logs([str(tmp_path)])
    applications = [read_log(log).application for log in logs]
    assert [(a["app_id"], a["spark_version"]) for a in applications] == [("sort-1", "1.1.0"), ("sort-2", "1.1.0")]


def test_a_databricks_segment_that_was_packed_twice_is_read(tmp_path: Path) -> None:
    lines = small_lines()
    folder = tmp_path / "7353421840558998897"
    folder.mkdir()
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("eventlog-2023-11-14--22-15", b"\n".join(lines[:20]) + b"\n")
    (folder / "eventlog-2023-11-14--22-15.zip.gz").write_bytes(gzip.compress(inner.getvalue()))
    (folder / "eventlog").write_bytes(b"\n".join(lines[20:]) + b"\n")
    (tmp_path / "plain").write_bytes(b"\n".join(lines) + b"\n")
    (log,) = found(folder)
    assert len(log.files) == 2
    assert read(str(folder)).tasks.equals(read(str(tmp_path / "plain")).tasks)


@pytest.mark.parametrize("blank", [" ", "%20"])
def test_a_file_uri_is_decoded_and_a_path_is_not(tmp_path: Path, blank: str) -> None:
    (folder := tmp_path / f"with{blank}blank").mkdir()
    touch(folder, f"log{blank}1")
    (by_path,) = found(folder / f"log{blank}1")
    (by_uri,) = found((folder / f"log{blank}1").as_uri())
    (as_it_is,) = found(f"file://{folder}/log{blank}1")
    assert by_path.files == by_uri.files == as_it_is.files


def zipped_twice(name: str, content: bytes) -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as out:
        out.writestr("logs/app-inner", content)
    with zipfile.ZipFile(outer, "w") as out:
        out.writestr(name, inner.getvalue())
        out.writestr("app-outer", content.replace(b"app-small", b"app-outer"))
    return outer.getvalue()


def test_an_archive_in_an_archive_is_read(tmp_path: Path) -> None:
    content = b"\n".join(small_lines()) + b"\n"
    (tmp_path / "bundle.zip").write_bytes(zipped_twice("2026/inner.zip", content))
    (tmp_path / "plain").write_bytes(content)
    logs = {read_log(log).application["app_id"]: log for log in find_logs([str(tmp_path / "bundle.zip")])}
    assert set(logs) == {"app-small", "app-outer"}
    assert logs["app-small"].files[0].member == "2026/inner.zip!logs/app-inner"
    assert read_log(logs["app-small"]).tasks.equals(read(str(tmp_path / "plain")).tasks)


def test_members_of_one_name_are_logs_of_their_own(tmp_path: Path) -> None:
    content = b"\n".join(small_lines()) + b"\n"
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out.writestr("eventlog.json", content)
        out.writestr("eventlog.json", content.replace(b"app-small", b"app-other"))
    logs = find_logs([str(tmp_path / "two.zip")])
    assert [read_log(log).application["app_id"] for log in logs] == ["app-small", "app-other"]
    assert [log.files[0].member for log in logs] == ["eventlog.json", "eventlog.json#2"]


@pytest.mark.parametrize("folder, segment", [("eventlog_v2_a", "events_1_a"), ("app-1", "EVENT_LOG_1")])
def test_segments_of_one_name_in_an_archive_are_all_read(folder: str, segment: str, tmp_path: Path) -> None:
    lines = [line + b"\n" for line in small_lines()]
    (tmp_path / "plain").write_bytes(b"".join(lines))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out.writestr(f"{folder}/SPARK_VERSION_1.1.0", b"")
        out.writestr(f"{folder}/{segment}", b"".join(lines[:4]))
        out.writestr(f"{folder}/{segment}", b"".join(lines[4:]))
    (log,) = find_logs([str(tmp_path / "two.zip")])
    assert names(log) == [segment, f"{segment}#2"]
    assert read_log(log).tasks.equals(read(str(tmp_path / "plain")).tasks)


def test_the_directory_of_an_archive_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as out:
        for number in range(300):
            out.writestr(f"app-{number}", b"x")
    read_directories: list[int] = []
    directory = zipfile.ZipFile._RealGetContents  # type: ignore[attr-defined]
    monkeypatch.setattr(
        zipfile.ZipFile, "_RealGetContents", lambda self: (read_directories.append(1), directory(self))[1]
    )
    logs = found(tmp_path / "many.zip")
    for log in logs:
        with open_file(log.files[0]) as raw:
            assert raw.read(10) == b"x"
    assert (len(logs), len(read_directories)) == (300, 1)


def test_absurd_segment_numbers_are_not_counted_through(tmp_path: Path) -> None:
    (log,) = found(touch(tmp_path / "eventlog_v2_a", "events_1_a", f"events_{10**18}_a"))
    assert log.missing == tuple(range(2, 1002))
