"""A database whose experiments a tracking server made: their artifacts lie with the server (`mlflow-artifacts:`)."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from afterglow.ingest import import_logs
from afterglow.ingest.errors import PublishError
from afterglow.ingest.publish import find_root, open_writer, store, stored_tables
from tests.conftest import sample_log

from . import stores
from .trees import differences, held

LOG = [str(sample_log("failing-tasks"))]


@pytest.mark.server
def test_they_go_through_the_server_and_runs_into_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = stores.new_sqlite(tmp_path / "mlflow.db")
    with stores.server(uri) as address:
        client = MlflowClient(address)
        trees = []
        for writer in ("sql", "rest"):
            experiment = client.create_experiment(writer)
            monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
            with pytest.raises(PublishError, match="set MLFLOW_TRACKING_URI to its address"):
                import_logs(LOG, uri, writer, writer=writer)
            assert client.search_runs([experiment]) == []
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            # another part of the process may have called mlflow.set_tracking_uri
            monkeypatch.setattr(store, "get_tracking_uri", lambda: uri)
            (imported,) = import_logs(LOG, uri, writer, writer=writer)
            assert imported.published.url.startswith(address)
            assert open_writer(uri, writer, writer).store.server_command() is None  # it runs
            found = held(uri, writer)
            assert (found.duplicates, found.complete) == (0, 1)
            names = {one.path for one in client.list_artifacts(imported.published.run_id)}
            assert {"report.html", "tables"} <= names
            root = find_root(imported.published.run_id, uri, writer)
            assert root is not None and len(stored_tables(root, uri, writer)["applications"]) == 1
            trees.append(found.tree)
        assert differences(*trees) == []
    assert not (tmp_path / "mlruns").exists()
