"""A database of another MLflow, and one that is migrated during an import."""

import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from afterglow.ingest.publish import store
from afterglow.ingest.publish.sql import tree
from tests.ingest.cli.logs import write_log
from tests.ingest.publish.stores import new_sqlite

OLDER, UNKNOWN = "bda7b8c39065", "0123456789ab"  # of MLflow 3.0, and of no MLflow
runner = CliRunner()


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
    set_version(path, version, "entity_associations")  # which MlflowClient would make anew, with all migrations
    before = content(path)
    ran = runner.invoke(app, [*words, "--tracking-uri", uri])
    assert ran.exit_code == 5 and len(ran.stderr.strip().splitlines()) == 1, ran.output
    assert version in ran.stderr and advice in ran.stderr
    assert content(path) == before


@pytest.mark.parametrize("at", ["begin", "end"])
def test_a_migration_during_an_import_rolls_it_back(at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, path = write_log(tmp_path), tmp_path / "m.db"
    uri = new_sqlite(path)
    checks, real = [], tree.check_unchanged

    def migrated(session: object) -> None:
        checks.append(session)
        if len(checks) == (1 if at == "begin" else 2):
            session.execute(tree.sa.text(f"UPDATE alembic_version SET version_num = '{UNKNOWN}'"))  # type: ignore[attr-defined]
        real(session)  # type: ignore[arg-type]

    monkeypatch.setattr(tree, "check_unchanged", migrated)
    ran = runner.invoke(app, ["import", str(log), "--tracking-uri", uri])
    assert ran.exit_code == 5 and "was migrated while this import was running" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert runner.invoke(app, ["status", "--tracking-uri", uri, "--json"]).stdout.strip() == "[]"
    again = runner.invoke(app, ["import", str(log), "--tracking-uri", uri, "--json"])
    assert again.exit_code == 0 and '"state": "written"' in again.stdout


def test_the_schema_that_direct_writes_know_is_the_installed_one(tmp_path: Path) -> None:
    from afterglow.ingest.publish.mlflow_internals import SCHEMA_HEADS, installed_version

    ran = runner.invoke(app, ["import", str(write_log(tmp_path)), "--tracking-uri", new_sqlite(tmp_path / "m.db")])
    assert ("writing through the tracking API instead" in ran.stderr) == (installed_version() not in SCHEMA_HEADS)


def test_a_migration_that_begins_while_mlflow_opens_the_database_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.db"
    uri = new_sqlite(path)
    set_version(path, UNKNOWN, "entity_associations")  # where a table is missing, MLflow calls alembic
    monkeypatch.setattr(store, "check_version", lambda uri: None)
    ran = runner.invoke(app, ["import", str(write_log(tmp_path)), "--tracking-uri", uri])
    assert ran.exit_code == 5 and "cannot be opened" in ran.stderr.splitlines()[-1] and "Traceback" not in ran.output
