"""A database of another MLflow, and one that is migrated during an import."""

import json
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from afterglow.ingest.publish import store
from afterglow.ingest.publish.sql import tree
from tests.ingest.cli.logs import write_log
from tests.ingest.publish.stores import new_sqlite

OLDER, UNKNOWN = "97727af70f4d", "0123456789ab"  # of MLflow 2.0, and of no MLflow
FORGOTTEN = "input_tags"  # a table that every supported MLflow makes anew, with all migrations, where it is missing
runner = CliRunner()


def errors(ran: Result) -> str:
    """What was printed to stderr; an old click does not tell it from stdout."""
    try:
        return ran.stderr
    except ValueError:
        return ran.output


def content(path: Path) -> list[str]:
    with sqlite3.connect(path) as database:
        return list(database.iterdump())


def set_version(path: Path, version: str, forgotten: str = "") -> None:
    """Makes a database look like that of another MLflow, which lacks a table."""
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (version,))
        if forgotten:
            database.execute(f"DROP TABLE {forgotten}")


@pytest.mark.parametrize(
    ("version", "advice"), [(OLDER, "run `mlflow db upgrade sqlite:///"), (UNKNOWN, "install the MLflow version")]
)
@pytest.mark.parametrize("words", [["import", "log"], ["status"], ["remove", "app-1"]])
def test_a_database_of_another_mlflow_is_refused_and_not_migrated(
    words: list[str], version: str, advice: str, tmp_path: Path
) -> None:
    write_log(tmp_path)
    path = tmp_path / "m.db"
    uri = new_sqlite(path)
    set_version(path, version, FORGOTTEN)
    before = content(path)
    ran = runner.invoke(app, [*words, "--tracking-uri", uri])
    assert ran.exit_code == 5 and len(errors(ran).strip().splitlines()) == 1, ran.output
    assert version in errors(ran) and advice in errors(ran)
    assert content(path) == before


@pytest.mark.parametrize("at", ["begin", "end"])
@pytest.mark.parametrize("step", ["version", "copy"])
@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_a_migration_during_an_import_leaves_nothing_complete(
    writer: str, step: str, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, path = write_log(tmp_path), tmp_path / "m.db"
    uri = new_sqlite(path)
    module = tree if writer == "sql" else store
    checks, real = [], module.check_unchanged
    change = {
        "version": f"UPDATE alembic_version SET version_num = '{UNKNOWN}'",
        "copy": "CREATE TABLE _alembic_tmp_runs (run_uuid TEXT)",
    }[step]

    def migrated(session: object) -> None:
        checks.append(session)
        if len(checks) == (1 if at == "begin" else 2):
            session.execute(sa.text(change))  # type: ignore[attr-defined]
        real(session)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "check_unchanged", migrated)
    ran = runner.invoke(app, ["import", str(log), "--tracking-uri", uri, "--writer", writer])
    said = "was migrated while this import was running" if step == "version" else "is being migrated"
    assert ran.exit_code == 5 and said in errors(ran)
    assert len(errors(ran).strip().splitlines()) == 1
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE IF EXISTS _alembic_tmp_runs")
    rows = json.loads(runner.invoke(app, ["status", "--tracking-uri", uri, "--json"]).stdout)
    expected = [] if writer == "sql" or at == "begin" else ["unfinished"]
    assert [row["state"] for row in rows] == expected
    again = runner.invoke(app, ["import", str(log), "--tracking-uri", uri, "--json"])
    assert again.exit_code == 0 and '"state": "written"' in again.stdout


def test_the_schema_that_direct_writes_know_is_the_installed_one(tmp_path: Path) -> None:
    from afterglow.ingest.publish.mlflow_internals import SCHEMA_HEADS, installed_version

    ran = runner.invoke(app, ["import", str(write_log(tmp_path)), "--tracking-uri", new_sqlite(tmp_path / "m.db")])
    assert ("writing through the tracking API instead" in errors(ran)) == (installed_version() not in SCHEMA_HEADS)


def test_a_migration_that_begins_while_mlflow_opens_the_database_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    uri = new_sqlite(path)
    set_version(path, UNKNOWN, FORGOTTEN)
    monkeypatch.setattr(store, "check_version", lambda uri: None)
    ran = runner.invoke(app, ["import", str(write_log(tmp_path)), "--tracking-uri", uri])
    assert ran.exit_code == 5 and "cannot be opened" in errors(ran).splitlines()[-1] and "Traceback" not in ran.output
