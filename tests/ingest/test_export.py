"""Tables -> Parquet files: one folder per application, also for two of one id."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from afterglow.ingest import dataset, export, import_logs, pipeline, read
from afterglow.ingest.dataset import write_dataset
from afterglow.ingest.export import export_tables
from afterglow.ingest.filesystems import folder_name
from afterglow.ingest.find_logs import find_log
from tests.conftest import sample_log
from tests.ingest.cli.logs import write_log

NAMES = ("one", "three", "eleven")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_applications_of_one_id_are_two_folders(tmp_path: Path, order: tuple[int, int]) -> None:
    logs = [
        write_log(tmp_path / "a", "job one", tasks=4),
        write_log(tmp_path / "b", "job two", start_ms=1_700_000_000_007, tasks=6),
    ]
    tables = [read(str(log)) for log in logs]
    folders = {number: export_tables(tables[number], str(tmp_path / "out")) for number in (*order, *order)}
    assert len(set(folders.values())) == 2 and Path(folders[order[0]]).name == "app-1"
    assert [pq.read_table(f"{folders[number]}/tasks.parquet").num_rows for number in (0, 1)] == [4, 6]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_one_that_has_grown_replaces_itself(tmp_path: Path) -> None:
    folders = {export_tables(read(str(write_log(tmp_path, tasks=n))), str(tmp_path / "out")) for n in (2, 3)}
    assert len(folders) == 1
    assert pq.read_table(f"{folders.pop()}/tasks.parquet").num_rows == 3


def test_two_applications_of_one_id_are_two_in_a_dataset(tmp_path: Path) -> None:
    for name, start, tasks in (("one", 1_700_000_000_000, 4), ("two", 1_700_000_000_007, 6)):
        write_log(tmp_path / "logs", name, start_ms=start, tasks=tasks, file=name)
    given = {"dataset": str(tmp_path / "set"), "runs": False}
    found = import_logs([str(tmp_path / "logs")], **given)  # type: ignore[arg-type]
    assert [one.published.state for one in found] == ["written", "written"]
    again = import_logs([str(tmp_path / "logs")], **given)  # type: ignore[arg-type]
    assert [(one.published.state, one.app_id, one.completeness) for one in again] == [
        ("unchanged", "app-1", "complete")
    ] * 2
    files = sorted((tmp_path / "set" / "tasks").rglob("*.parquet"))
    assert [pq.ParquetFile(file).read().num_rows for file in files] in ([4, 6], [6, 4])


def test_a_long_or_hostile_id_is_a_file_name() -> None:
    names = [folder_name("a" * 500 + end, None) for end in "xy"]
    assert all(len(name) <= 200 for name in names) and len(set(names)) == 2
    assert "/" not in folder_name("../\x1b[31m", "1") and "\x1b" not in folder_name("../\x1b[31m", "1")


def test_two_applications_of_one_id_written_at_once_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, look in ((export, "_owner"), (dataset, "_metadata")):
        found = getattr(module, look)

        def slowly(*where: object, found: Callable[..., object] = found) -> object:
            owner = found(*where)
            time.sleep(0.05)  # long enough for all of them to have looked, were there no lock
            return owner

        monkeypatch.setattr(module, look, slowly)
    made = [read(str(write_log(tmp_path, n, start_ms=1_700_000_000_000 + len(n), tasks=len(n), file=n))) for n in NAMES]
    for work in (
        lambda tables: export_tables(tables, str(tmp_path / "out")),
        lambda tables: write_dataset(tables, str(tmp_path / "set"), "fingerprint"),
    ):
        with ThreadPoolExecutor(len(made)) as pool:
            places = list(pool.map(work, made))
        assert len(set(places)) == len(made)
    for folder, number in ((tmp_path / "out", "*/tasks.parquet"), (tmp_path / "set" / "tasks", "**/*.parquet")):
        rows = sorted(pq.ParquetFile(file).read().num_rows for file in folder.glob(number))
        assert rows == sorted(map(len, NAMES))


@pytest.mark.parametrize("small_bytes", [0, 2**30])
def test_findings_are_written_with_and_without_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    monkeypatch.setattr(pipeline, "_SMALL_LOG_BYTES", small_bytes)
    log = sample_log("skewed-join")
    exported = pipeline.export_log(find_log(str(log)), str(tmp_path / "out"))
    written = {path.stem: pq.read_table(path) for path in Path(exported.folder).iterdir()}
    tables = read(str(log)).tables
    assert written["findings"].num_rows
    assert {name: table.num_rows for name, table in tables.items()} == exported.rows
    for name, table in written.items():
        assert table.equals(tables[name]) and table.schema.equals(tables[name].schema), name


def test_a_file_holds_no_second_schema(tmp_path: Path) -> None:
    folder = export_tables(read(str(write_log(tmp_path))), str(tmp_path / "out"))
    assert all(pq.read_metadata(path).metadata is None for path in Path(folder).iterdir())
