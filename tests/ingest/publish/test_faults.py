"""What goes wrong under way: a share of the kills and of the faults, a server gone for good, a full disk."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from afterglow.ingest import PublishError, import_logs
from afterglow.schemas.runs.params_tags import FINGERPRINT_TAG
from tests.conftest import sample_log

from . import faults, stores
from .trees import differences, held

LOG = str(sample_log("spark35-wordcount"))


def module(name: str, *arguments: str) -> str:
    """What a module of this folder prints, run on its own: it forks, or sets the environment."""
    command = [sys.executable, "-m", f"tests.ingest.publish.{name}", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_imports_that_were_killed_are_finished_by_the_next() -> None:
    figures = module("kills", "--count", "12", "--on", "rest-sqlite", "sql-sqlite")
    assert figures.count('"imports": 6') == 2


@pytest.mark.server
def test_imports_through_a_bad_network_end_whole() -> None:
    figures = json.loads(module("faults", "--count", "5").splitlines()[-1])
    assert figures["imports"] == 5 and len(figures["requests"]) > 3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (faults.IMPATIENT | {"AFTERGLOW_RETRY_S": "1"}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def store() -> Iterator[str]:
    with stores.sqlite() as uri:
        yield uri


@pytest.mark.server
def test_a_server_that_is_gone_for_good(store: str, impatient: None) -> None:
    with stores.server(store) as address, faults.proxy(address, 0, faults.random.Random(1)) as (between, through):

        def shut() -> None:
            while between.done["passed"] < 40:
                time.sleep(0.01)
            between.open = False

        threading.Thread(target=shut, daemon=True).start()
        with pytest.raises(PublishError) as error:
            import_logs([LOG], through, "gone")
        assert "\n" not in str(error.value)
        assert "runs are written, the tree is not complete: import the log again to finish it" in str(error.value)
        assert held(store, "gone").complete == 0
        between.open = True
        import_logs([LOG], through, "gone")
        import_logs([LOG], through, "undisturbed")
    gone = held(store, "gone")
    assert differences(gone.tree, held(store, "undisturbed").tree) == []
    assert (gone.duplicates, gone.complete) == (0, 1)


@pytest.mark.parametrize("writer", ["rest", "sql"])
@pytest.mark.slow
def test_a_full_disk(store: str, writer: str, impatient: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite says the same when it may not grow as when the disk is full."""
    client = MlflowClient(store)
    for name in ("full", "undisturbed"):
        client.create_experiment(name, artifact_location=f"file://{tmp_path}/{name}")
    pages = os.path.getsize(store.removeprefix("sqlite:///")) // 4096
    limit = pages + 12
    import sqlalchemy as sa

    def small(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit}")

    engine = client._tracking_client.store.engine
    engine.dispose()
    sa.event.listen(engine, "connect", small)
    with pytest.raises(PublishError, match="database or disk is full") as error:
        import_logs([LOG], store, "full", writer=writer)
    sa.event.remove(engine, "connect", small)
    engine.dispose()
    assert "\n" not in str(error.value) and "import the log again to finish it" in str(error.value)
    found = held(store, "full")
    assert found.complete == 0 and (writer == "rest" or not found.tree)
    import_logs([LOG], store, "full", writer=writer)
    import_logs([LOG], store, "undisturbed", writer=writer)
    found = held(store, "full")
    assert differences(found.tree, held(store, "undisturbed").tree) == []
    assert (found.duplicates, found.complete) == (0, 1)


def test_a_database_that_another_holds_is_waited_for(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERGLOW_RETRY_S", "60")
    client = MlflowClient(store)
    client.create_experiment("held", artifact_location=f"file://{tmp_path}/held")
    with sqlite3.connect(store.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(3, lambda: other.execute("COMMIT")).start()
        (imported,) = import_logs([LOG], store, "held")
    other.close()
    assert client.get_run(imported.published.run_id).data.tags[FINGERPRINT_TAG]


@pytest.mark.postgres
@pytest.mark.parametrize("during", ["artifacts", "COPY"])
def test_a_database_connection_that_breaks_half_way(
    during: str, impatient: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlalchemy as sa

    from afterglow.ingest.publish.sql.rows import Rows
    from afterglow.ingest.publish.sql.tree import SqlTree

    with stores.postgres() as uri:
        client = MlflowClient(uri)
        for name in ("broken", "undisturbed"):
            client.create_experiment(name, artifact_location=f"file://{tmp_path}/{name}")
        artifacts, send = SqlTree.artifacts, Rows._send

        def cut(session: Any) -> None:
            pid = session.execute(sa.text("SELECT pg_backend_pid()")).scalar()
            with sa.create_engine(uri, poolclass=sa.pool.NullPool).connect() as other:
                other.execute(sa.text(f"SELECT pg_terminate_backend({pid})"))

        def after_artifacts(self: SqlTree, key: str, folder: str) -> None:
            artifacts(self, key, folder)
            self.flush()
            cut(self.session)

        def before_copy(self: Rows, batch: Any) -> None:
            if len(batch) > 1:  # not the root alone
                cut(self._session)
            send(self, batch)

        monkeypatch.setattr(SqlTree, "artifacts", after_artifacts if during == "artifacts" else artifacts)
        monkeypatch.setattr(Rows, "_send", before_copy if during == "COPY" else send)
        with pytest.raises(PublishError, match=r"0 of .* runs are written, the tree is not complete") as error:
            import_logs([LOG], uri, "broken", writer="sql")
        assert "\n" not in str(error.value)
        assert held(uri, "broken").tree == {}
        monkeypatch.undo()
        import_logs([LOG], uri, "broken", writer="sql")
        import_logs([LOG], uri, "undisturbed", writer="sql")
        assert differences(held(uri, "broken").tree, held(uri, "undisturbed").tree) == []


@pytest.mark.postgres
@pytest.mark.parametrize("state", ["writing", "candidate"])
def test_an_import_through_the_api_that_began_during_the_transaction_and_died(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from afterglow.ingest.publish.sql.tree import SqlTree

    with stores.postgres() as uri:
        client = MlflowClient(uri)
        where = client.create_experiment("met", artifact_location=f"file://{tmp_path}/met")
        client.create_experiment("alone", artifact_location=f"file://{tmp_path}/alone")
        real = SqlTree.artifacts

        def begins(self: SqlTree, key: str, folder: str) -> None:
            real(self, key, folder)
            from afterglow.ingest.publish.process_identity import machine

            app_id = self._root.tags["spark.app.id"]
            tags = {"afterglow.key": self._root.key, "spark.app.id": app_id, "afterglow.level": "application"}
            client.create_run(where, tags=tags | {"afterglow.lease": f"{machine()}|999999|1|abc|{state}|1"})

        monkeypatch.setattr(SqlTree, "artifacts", begins)
        import_logs([LOG], uri, "met", writer="sql")
        monkeypatch.undo()
        import_logs([LOG], uri, "alone", writer="sql")
        met = held(uri, "met")
        assert (met.duplicates, met.complete) == (0, 1)
        assert differences(met.tree, held(uri, "alone").tree) == []
