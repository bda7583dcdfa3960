"""What a call about many logs knows of a SQLite store without looking through it for each of them."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient

from afterglow.ingest import import_logs
from afterglow.ingest.find_logs import list_logs
from afterglow.ingest.options import ImportOptions
from afterglow.ingest.pipeline import import_log, open_experiments
from afterglow.ingest.publish.sql.app_index import AppIndex
from afterglow.ingest.publish.sql.tree import SqlTree
from afterglow.schemas.identity import root_of_key
from tests.conftest import sample_log

from .stores import new_sqlite
from .trees import held

ROOT = f"app/1/{'0' * 31}"
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 5)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.just("delete last"), st.integers(1, 4)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(_STEPS)
def test_no_application_that_is_there_is_taken_for_a_new_one(steps: list[tuple[str, int]]) -> None:
    with sa.create_engine("sqlite://").connect() as database:
        make = "CREATE TABLE tags (key TEXT NOT NULL, value TEXT, run_uuid TEXT NOT NULL, PRIMARY KEY (key, run_uuid))"
        database.execute(sa.text(make))
        seen, runs = AppIndex(database), 0
        for step, number in [*steps, ("look", 0)]:
            if step == "add":
                runs += 1
                tags = {"spark.app.id": f"app-{number}", "afterglow.key": f"{ROOT}{number}/stage/0", "other": "app-9"}
                for key, value in tags.items():
                    insert = sa.text("INSERT INTO tags (key, value, run_uuid) VALUES (:key, :value, :run)")
                    database.execute(insert, {"key": key, "value": value, "run": f"run {runs}"})
            elif step == "delete":
                of_it = "SELECT run_uuid FROM tags WHERE value = :app"
                database.execute(sa.text(f"DELETE FROM tags WHERE run_uuid IN ({of_it})"), {"app": f"app-{number}"})
            elif step == "delete last":
                last = "SELECT rowid FROM tags ORDER BY rowid DESC LIMIT :n"
                database.execute(sa.text(f"DELETE FROM tags WHERE rowid IN ({last})"), {"n": number})
            else:
                rows = database.execute(sa.text("SELECT key, value FROM tags")).all()
                for key, value in rows:
                    assert key != "spark.app.id" or seen.has_app_id(database, value)
                    assert key != "afterglow.key" or seen.has_tree(database, root_of_key(value))
                assert not seen.has_app_id(database, "app-9") and not seen.has_tree(database, ROOT + "9")


def _import(log: Path, experiments: object) -> str:
    (found,) = list_logs([str(log)])
    return str(import_log(found, experiments, ImportOptions()).published.state)


@pytest.mark.direct
@pytest.mark.parametrize("writer", ["rest", "sql"])
def test_what_others_write_meanwhile_is_seen(tmp_path: Path, writer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    look = SqlTree._runs
    monkeypatch.setattr(SqlTree, "_runs", lambda tree, tag, value: looks.append(value) or look(tree, tag, value))
    uri, first, second = new_sqlite(tmp_path / "m.db"), sample_log("skewed-join"), sample_log("spark35-wordcount")
    import_logs([str(sample_log("failing-tasks"))], uri, "one")
    looks.clear()
    mine = open_experiments(uri, "one")
    mine.load_fingerprints()
    assert _import(first, mine) == "written" and looks == []
    import_logs([str(second)], uri, "one", writer=writer, task_runs="none")
    looks.clear()
    assert _import(second, mine) == "written" and looks != []  # its tasks were missing
    found = held(uri, "one")
    assert (found.duplicates, found.complete) == (0, 3)
    import_logs([str(second)], uri, "two")
    assert held(uri, "two").tree.keys() < found.tree.keys()


def test_the_jobs_own_run_that_came_meanwhile_is_found(tmp_path: Path) -> None:
    uri, log = new_sqlite(tmp_path / "m.db"), sample_log("spark35-wordcount")
    mine = open_experiments(uri, "one")
    mine.load_fingerprints()
    client, experiment = MlflowClient(uri), mine.writer({}).store.experiment_id
    own = client.create_run(experiment, tags={"spark.app.id": log.name.split(".")[0]})
    assert _import(log, mine) == "written"
    (root,) = client.search_runs([experiment], "tags.`afterglow.level` = 'application'")
    assert root.data.tags["mlflow.parentRunId"] == own.info.run_id
