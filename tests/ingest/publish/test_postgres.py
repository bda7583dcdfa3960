"""Which of PostgreSQL's checks are skipped where that was asked for, and which are not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from mlflow import MlflowClient
from mlflow.store.tracking.dbmodels import models
from sqlalchemy import orm

from afterglow.ingest import PublishError, import_logs
from afterglow.ingest.publish.interface import RunRecord
from afterglow.ingest.publish.sql import bulk_insert as bulk
from afterglow.ingest.publish.sql.rows import FILLED, Rows
from tests.conftest import sample_log

from . import stores
from .trees import differences, held

pytestmark = pytest.mark.postgres
LOG = "skewed-join"


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    """A server of its own, where the role is a superuser, as in most containers."""
    with stores.DATABASES["postgres"]() as found:
        MlflowClient(found).search_experiments()
        yield found


@pytest.fixture
def skipping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERGLOW_POSTGRES_SKIP_FOREIGN_KEY_CHECKS", "1")


def fill(uri: str, name: str, folder: Path) -> None:
    MlflowClient(uri).create_experiment(name, artifact_location=f"file://{folder}/{name}")
    import_logs([str(sample_log(LOG))], uri, name, writer="sql")


def test_a_role_that_may_not_skip_checks_writes_the_same(uri: str, tmp_path: Path, skipping: None) -> None:
    fill(uri, "superuser", tmp_path)
    with sa.create_engine(uri).begin() as connection:
        connection.execute(sa.text("CREATE ROLE plain LOGIN PASSWORD 'p'"))
        for kind in ("TABLES", "SEQUENCES"):
            connection.execute(sa.text(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO plain"))
    plain = sa.make_url(uri).set(username="plain", password="p").render_as_string(hide_password=False)
    fill(plain, "plain role", tmp_path)
    assert not differences(held(uri, "superuser").tree, held(uri, "plain role").tree)


def test_a_trigger_of_somebodys_fires(uri: str, tmp_path: Path, skipping: None) -> None:
    with sa.create_engine(uri).begin() as connection:
        connection.execute(sa.text("CREATE TABLE seen (run_uuid text)"))
        body = "BEGIN INSERT INTO seen VALUES (NEW.run_uuid); RETURN NEW; END"
        connection.execute(sa.text(f"CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"))
        trigger = "CREATE TRIGGER see AFTER INSERT ON metrics FOR EACH ROW EXECUTE FUNCTION see()"
        connection.execute(sa.text(trigger))
    try:
        fill(uri, "watched", tmp_path)
        with sa.create_engine(uri).begin() as connection:
            (seen,) = connection.execute(sa.text("SELECT count(DISTINCT run_uuid) FROM seen")).one()
        assert seen == sum(bool(run["metrics"]) for run in held(uri, "watched").tree.values()) > 0
    finally:
        with sa.create_engine(uri).begin() as connection:
            connection.execute(sa.text("DROP TRIGGER see ON metrics"))


def test_rows_of_a_run_that_was_not_made_now_are_checked(uri: str, skipping: None) -> None:
    with orm.Session(sa.create_engine(uri)) as session:
        rows = Rows(session, 0, "file:///nowhere")
        rows.texts(models.SqlTag, "f" * 32, {"a": "b"})
        with pytest.raises(PublishError, match="foreign key"):
            rows.send_now()
        rows.close()
        session.rollback()


def test_nothing_is_skipped_unless_asked_for(uri: str) -> None:
    with orm.Session(sa.create_engine(uri)) as session:
        rows, record = Rows(session, 0, "file:///nowhere"), RunRecord("e", None, "e", "FINISHED", 0, 1, {})
        rows.run(record, "e" * 32)
        rows.send_now()
        session.execute(sa.delete(models.SqlRun).where(models.SqlRun.run_uuid == "e" * 32))
        rows.texts(models.SqlTag, "e" * 32, {"a": "b"})
        with pytest.raises(PublishError, match="foreign key"):
            rows.send_now()
        rows.close()
        session.rollback()


def test_checks_are_on_again_after_each_copy(uri: str, skipping: None) -> None:
    tags = models.SqlTag.__table__
    with sa.create_engine(uri).connect() as connection:
        columns, row = FILLED["tags"], ("a", "b", "e" * 32)
        bulk.insertion(connection.dialect, tags, columns, [row], own=True)(connection)  # nobody checks the run
        (role,) = connection.execute(sa.text("SHOW session_replication_role")).one()
        assert role == "origin"
        with pytest.raises(sa.exc.IntegrityError):
            bulk.insertion(connection.dialect, tags, columns, [("c", *row[1:])])(connection)
        connection.rollback()
