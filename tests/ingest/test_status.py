"""`afterglow status` and `afterglow remove`, and an experiment's name from a template, as a person uses them."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

runner = CliRunner()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    uri = new_sqlite(tmp_path / "mlflow.db")
    logs = [str(sample_log(name)) for name in ("failing-tasks", "killed-driver")]
    done = runner.invoke(app, ["import", *logs, "--tracking-uri", uri, "--experiment", "of {app_name}", "--quiet"])
    assert done.exit_code == 0, done.output
    return uri


def shown(uri: str, *more: str) -> list[dict[str, object]]:
    result = runner.invoke(app, ["status", "--tracking-uri", uri, "--json", *more])
    assert result.exit_code == 0, result.output
    rows: list[dict[str, object]] = json.loads(result.stdout)
    return rows


def test_a_template_names_the_experiment_by_the_application(uri: str) -> None:
    names = {found.name for found in MlflowClient(uri).search_experiments()}
    assert names == {"Default", "of Spark shell", "of killed-driver"}
    again = runner.invoke(
        app, ["import", str(sample_log("failing-tasks")), "--tracking-uri", uri, "--experiment", "of {app_name}"]
    )
    assert "already imported" in again.stdout


def test_a_template_with_an_unknown_field_says_which_there_are(uri: str) -> None:
    result = runner.invoke(
        app, ["import", str(sample_log("failing-tasks")), "--tracking-uri", uri, "--experiment", "{team}"]
    )
    assert result.exit_code == 5 and "{app_name}, {user}, {queue}" in result.output


def test_status_lists_what_is_imported(uri: str) -> None:
    rows = {row["name"]: row for row in shown(uri, "--all")}
    assert rows["Spark shell"]["completeness"] == "complete" and rows["Spark shell"]["state"] == "complete"
    assert rows["killed-driver"]["completeness"] == "in_progress"
    assert all(row["written_at"] and row["version"] and row["runs"] for row in rows.values())
    assert [row["name"] for row in shown(uri, "--experiment", "of Spark shell")] == ["Spark shell"]
    table = runner.invoke(app, ["status", "--tracking-uri", uri, "--all"], env={"COLUMNS": "160"}).stdout
    assert str(rows["Spark shell"]["application"]) in table and "in progress" in table


@pytest.mark.parametrize("columns", ["80", "40"])
def test_every_cell_of_the_table_can_be_copied_at_any_width(uri: str, columns: str) -> None:
    table = runner.invoke(app, ["status", "--tracking-uri", uri, "--all"], env={"COLUMNS": columns}).stdout
    head, *lines = table.splitlines()
    rows = {str(row["application"]): row for row in shown(uri, "--all")}
    assert head.split() == ["Application", "Name", "State", "Log", "Runs", "Written", "Version"]
    assert {line.split()[0] for line in lines} == set(rows) and len(lines) == len(rows)
    for line in lines:
        row = rows[line.split()[0]]
        assert (
            str(row["name"]) in line and str(row["written_at"]) in line and line.rstrip().endswith(str(row["version"]))
        )
        assert len(line) < 250


def test_an_empty_store_is_no_error(tmp_path: Path) -> None:
    result = runner.invoke(app, ["status", "--tracking-uri", f"sqlite:///{tmp_path}/empty.db"])
    assert result.exit_code == 0 and "No application is imported there" in result.stdout


def test_remove_asks_deletes_the_tree_and_import_leaves_it_deleted(uri: str) -> None:
    (row,) = shown(uri, "--experiment", "of Spark shell")
    application = str(row["application"])
    command = ["remove", application, "--tracking-uri", uri, "--all"]
    assert runner.invoke(app, command, input="n\n").exit_code == 0
    assert shown(uri, "--experiment", "of Spark shell")[0]["state"] == "complete"
    assert f"{row['runs']} runs deleted" in runner.invoke(app, command, input="y\n").stdout
    client = MlflowClient(uri)
    assert not client.search_runs([str(row["experiment_id"])])
    log = [str(sample_log("failing-tasks")), "--tracking-uri", uri, "--experiment", "of Spark shell"]
    assert "deleted in MLflow" in runner.invoke(app, ["import", *log]).stdout
    assert not client.search_runs([str(row["experiment_id"])])
    assert runner.invoke(app, ["import", *log, "--restore", "--quiet"]).exit_code == 0
    assert len(client.search_runs([str(row["experiment_id"])])) == row["runs"]


def test_removing_what_is_not_there_says_so(uri: str) -> None:
    result = runner.invoke(app, ["remove", "app-0", "--tracking-uri", uri, "--yes"])
    assert result.exit_code == 1 and "app-0: not imported there" in result.output


def test_remove_as_json(uri: str) -> None:
    (row,) = shown(uri, "--experiment", "of Spark shell")
    words = ["remove", str(row["application"]), "--tracking-uri", uri, "--experiment", "of Spark shell"]
    result = runner.invoke(app, [*words, "--yes", "--json"])
    removed = json.loads(result.stdout)
    assert removed == {key: row[key] for key in ("application", "attempt", "run_id")} | {"removed": row["runs"]}
