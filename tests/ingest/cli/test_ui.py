"""`afterglow ui`: the address of the overview, for a server and for a database."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

from afterglow.ingest import InputError, local_server
from afterglow.ingest.cli import app
from tests.ingest.publish.stores import new_sqlite


def test_the_address_is_that_of_the_applications(tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    number = MlflowClient(uri).create_experiment("training", artifact_location=f"file://{tmp_path}/artifacts")
    address, database = local_server.overview_url(uri, "training", 5123)
    assert database == uri and address.startswith(f"http://127.0.0.1:5123/#/experiments/{number}/runs?")


def test_a_store_without_experiments_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterglow.ingest.publish.open_store", lambda uri, experiment: None)
    with pytest.raises(InputError, match="nothing is imported"):
        local_server.overview_url("sqlite:///nothing.db", None, 5000)


def test_the_address_of_a_server_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        local_server, "overview_url", lambda *given: ("https://mlflow.example.com/#/experiments/1", None)
    )
    assert CliRunner().invoke(app, ["ui"]).stdout == "https://mlflow.example.com/#/experiments/1\n"
    printed = CliRunner().invoke(app, ["ui", "--json"]).stdout
    assert json.loads(printed) == {"url": "https://mlflow.example.com/#/experiments/1"}


@pytest.mark.slow
def test_a_server_that_does_not_start_is_an_error_with_its_last_line() -> None:
    with pytest.raises(local_server.PublishError, match="did not start on port"), local_server.serve("no://store", 1):
        pass


@pytest.mark.slow
def test_the_page_is_served(tmp_path: Path) -> None:
    uri, port = new_sqlite(tmp_path / "mlflow.db"), local_server.free_port()
    with local_server.serve(uri, port) as server:
        assert server.poll() is None
    assert server.poll() is not None
