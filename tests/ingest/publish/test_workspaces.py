"""Workspaces of MLflow: a tree goes to the active one, under its artifact root, and is not seen from another."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy import create_engine, text

from afterglow.ingest import import_logs
from afterglow.ingest.errors import PublishError
from afterglow.ingest.publish import open_writer
from afterglow.ingest.status import list_imported, remove_application
from tests.conftest import sample_log

from . import stores
from .trees import differences, held

pytestmark = pytest.mark.workspaces
SAMPLE = "failing-tasks"


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Workspaces are switched on, none is active."""
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.delenv("MLFLOW_WORKSPACE", raising=False)
    return monkeypatch


@contextlib.contextmanager
def opened(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """(address, database below it) of an empty store."""
    with contextlib.ExitStack() as stack:
        tables = stores.new_sqlite(folder / "mlflow.db")
        if name == "postgres":
            tables = stack.enter_context(stores.postgres())
        yield stack.enter_context(stores.server(tables)) if name == "server" else tables, tables


@pytest.mark.parametrize(
    "store, writer",
    [
        ("sqlite", "sql"),
        ("sqlite", "rest"),
        pytest.param("server", "rest", marks=pytest.mark.server),
        pytest.param("postgres", "sql", marks=pytest.mark.postgres),
    ],
)
def test_a_tree_goes_to_the_active_workspace(on: pytest.MonkeyPatch, store: str, writer: str, tmp_path: Path) -> None:
    log = [str(sample_log(SAMPLE))]
    with opened(store, tmp_path) as (uri, tables):
        client, trees, experiments = MlflowClient(uri), {}, {}
        for name in ("team-a", "team-b"):
            root = f"file://{tmp_path}/{name}" if store != "server" else None
            on.setenv("MLFLOW_WORKSPACE", "default")
            client.create_workspace(name, default_artifact_root=root)
            on.setenv("MLFLOW_WORKSPACE", name)
            (first,) = import_logs(log, uri, "training", writer=writer)
            (again,) = import_logs(log, uri, "training", writer=writer)
            assert (first.published.written > 10, again.published.written) == (True, 0)
            assert f"&workspace={name}&" in first.published.url
            found = held(tables, "training", workspace=name)
            assert (found.duplicates, found.complete) == (0, 1)
            trees[name], experiments[name] = found.tree, first.published.experiment_id
            assert f"/{name}/" in _location(tables, experiments[name])
            if root is not None:
                assert list((tmp_path / name).rglob("report.html"))
        assert len(set(experiments.values())) == 2
        assert differences(trees["team-a"], trees["team-b"]) == []
        command = open_writer(uri, "training", writer).store.server_command()
        assert command is None if store == "server" else "--enable-workspaces" in command
        (row,) = list_imported([], uri, everywhere=True)
        assert row.experiment_id == experiments["team-b"]
        assert remove_application(row, uri) == len(trees["team-b"])
        on.setenv("MLFLOW_WORKSPACE", "team-a")
        (left,) = list_imported([], uri, "training")
        assert (left.experiment_id, left.state) == (experiments["team-a"], "complete")


def test_without_an_active_workspace_it_says_how_to_name_one(on: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match="MLFLOW_WORKSPACE"):
        import_logs([str(sample_log(SAMPLE))], stores.new_sqlite(tmp_path / "mlflow.db"), "training")


def test_a_workspace_that_does_not_exist_is_an_error(on: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on.setenv("MLFLOW_WORKSPACE", "nobody")
    uri = stores.new_sqlite(tmp_path / "mlflow.db")
    with pytest.raises(PublishError, match="nobody"):
        import_logs([str(sample_log(SAMPLE))], uri, "training")
    assert not _rows(uri, "SELECT name FROM experiments WHERE workspace = 'nobody'")


def _location(uri: str, experiment_id: str) -> str:
    ((where,),) = _rows(uri, f"SELECT artifact_location FROM experiments WHERE experiment_id = {experiment_id}")
    return where


def _rows(uri: str, query: str) -> list[tuple[str, ...]]:
    engine = create_engine(uri)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found
