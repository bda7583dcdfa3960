"""`--dataset`: the tables of many applications as one Parquet dataset."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from afterglow.ingest import read
from afterglow.ingest.cli import app
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

NAMES = ("failing-tasks", "skewed-join")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    for name in NAMES:
        shutil.copy(sample_log(name), tmp_path / "logs")
    return tmp_path / "logs"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def table(place: Path, name: str) -> Any:
    return ds.dataset(place / "tables" / name, partitioning="hive").to_table()


def test_without_runs_nothing_of_mlflow_is_needed(logs: Path, tmp_path: Path) -> None:
    words = ("backfill", logs, "--dataset", tmp_path / "tables", "--no-runs", "--ledger", tmp_path / "l.db")
    result = run(*words, "--tracking-uri", "http://127.0.0.1:1")  # nobody is there
    assert result.exit_code == 0 and "imported  2" in result.output, result.output
    tasks = table(tmp_path, "tasks")
    expected = {str(read(str(sample_log(name))).application["app_id"]): read(str(sample_log(name))) for name in NAMES}
    assert {*tasks["application"].to_pylist()} == expected.keys()
    for app_id, tables in expected.items():
        mine = tasks.filter(ds.field("application") == app_id).drop(["application", "date"])
        assert mine.sort_by("task_id").to_pylist() == tables.tasks.sort_by("task_id").to_pylist()
    dates = {str(date) for date in table(tmp_path, "applications")["date"].to_pylist()}
    assert dates == {"2026-11-22"}
    again = run(*words)
    assert again.exit_code == 0 and "already imported  2" in again.output


def test_with_runs_both_are_written_and_neither_twice(logs: Path, tmp_path: Path) -> None:
    store = new_sqlite(tmp_path / "m.db")
    assert run("import", logs, "--tracking-uri", store).exit_code == 0
    words = ("import", logs, "--tracking-uri", store, "--dataset", tmp_path / "tables")
    first = run(*words)  # the runs are there, the tables are not
    assert first.exit_code == 0 and first.output.count("already imported") == 2
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "tables").rglob("*.parquet")}
    assert len(written) > 10
    assert run(*words).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "tables").rglob("*.parquet")} == written


def test_a_log_that_has_grown_takes_the_place_of_itself(logs: Path, tmp_path: Path) -> None:
    log = logs / sample_log("failing-tasks").name
    whole = log.read_bytes()
    words = ("import", log, "--no-runs", "--dataset", tmp_path / "tables")
    log.write_bytes(whole[: len(whole) // 2])
    assert run(*words).exit_code == 0
    before = table(tmp_path, "tasks").num_rows
    log.write_bytes(whole)
    assert run(*words).exit_code == 0
    assert before < table(tmp_path, "tasks").num_rows == read(str(log)).tasks.num_rows
    assert table(tmp_path, "applications").num_rows == 1
    assert not [path for path in (tmp_path / "tables").rglob("*") if path.is_file() and path.name != "part-0.parquet"]


def test_a_table_that_has_no_rows_any_more_goes(logs: Path, tmp_path: Path) -> None:
    log = logs / sample_log("failing-tasks").name
    words = ("import", log, "--no-runs", "--dataset", tmp_path / "tables")
    assert run(*words).exit_code == 0
    (issues,) = (tmp_path / "tables" / "tasks").rglob("*.parquet")
    made_up = tmp_path / "tables" / "tunings" / issues.relative_to(tmp_path / "tables" / "tasks")
    made_up.parent.mkdir(parents=True)
    shutil.copy(issues, made_up)
    log.write_bytes(log.read_bytes()[:-10])
    assert run(*words).exit_code == 0 and not made_up.exists()


def test_what_is_broken_there_is_written_anew(logs: Path, tmp_path: Path) -> None:
    words = ("import", logs / sample_log("skewed-join").name, "--no-runs", "--dataset", tmp_path / "tables")
    run(*words)
    (applications,) = (tmp_path / "tables" / "applications").rglob("*.parquet")
    applications.write_bytes(b"PAR1 cut off")
    assert run(*words).exit_code == 0 and pq.read_table(applications).num_rows == 1


def test_errors(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("no folder")
    result = run("import", logs, "--no-runs", "--dataset", tmp_path / "a-file")
    assert result.exit_code == 1 and "a-file: the tables cannot be written" in result.output
    assert run("import", logs, "--no-runs").exit_code == 2
    assert run("backfill", logs, "--engine", "abacus").exit_code == 2
    assert run("backfill", logs, "--spark-conf", "nothing").exit_code == 2
