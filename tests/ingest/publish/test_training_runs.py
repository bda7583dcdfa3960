"""Where an application goes that runs of its own training job are tagged with, on a database and through a server."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from afterglow.ingest import import_logs, read
from afterglow.ingest.publish import open_writer, training_runs
from afterglow.ingest.publish.training_runs import without_training_runs
from tests.conftest import sample_log

from . import stores

SAMPLE = "spark35-wordcount"
WRITERS = [("sqlite", "sql"), ("sqlite", "rest")]
through_a_server_too = pytest.mark.parametrize(
    "store", [*WRITERS, pytest.param(("server", "rest"), marks=pytest.mark.server)], indirect=True, ids="-".join
)


@dataclass
class Store:
    """A store, and the writer to write to it with. Every test has experiments of its own."""

    uri: str
    writer: str
    test: str

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.uri)

    def experiment(self, name: str) -> str:
        """The id of an experiment, created if it is new."""
        full = f"{self.test} {name}"
        found = self.client.get_experiment_by_name(full)
        return found.experiment_id if found else self.client.create_experiment(full)

    def run(self, experiment: str, begin: int, end: int | None = None, **tags: str) -> str:
        """A run of the job, tagged with the application's id as the run context provider does."""
        tags = {"spark.app.id": APP, **{name.replace("_", "."): value for name, value in tags.items()}}
        run_id = self.client.create_run(self.experiment(experiment), begin, tags, "tuesday").info.run_id
        if end is not None:
            self.client.set_terminated(run_id, "FINISHED", end)
        return str(run_id)

    def imports(self, **more: str) -> Run:
        """Imports into the experiment `imported`; returns the application run."""
        more = {"report": "none", "task_runs": "none", **more}
        (found,) = import_logs([str(LOG)], self.uri, f"{self.test} imported", writer=self.writer, **more)
        assert found.published is not None
        self.state = found.published.state
        run = self.client.get_run(found.published.run_id)
        assert run.info.experiment_id == found.published.experiment_id
        return run

    def roots(self) -> list[Run]:
        """All application runs of the test's experiments."""
        where = [one.experiment_id for one in self.client.search_experiments() if one.name.startswith(f"{self.test} ")]
        return list(self.client.search_runs(where, "tags.`afterglow.level` = 'application'"))


LOG = sample_log(SAMPLE)
_APPLICATION = read(str(LOG)).application
APP, BEGIN, END = (_APPLICATION[name] for name in ("app_id", "start_time_ms", "end_time_ms"))
HOUR = 3_600_000


class _Stores(dict[str, str]):
    """Kind -> URI of a store, which is started when it is first needed."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def __missing__(self, kind: str) -> str:
        database = self._stack.enter_context(stores.sqlite())
        self[kind] = database if kind == "sqlite" else self._stack.enter_context(stores.server(database))
        return self[kind]


@pytest.fixture(scope="module")
def uris() -> Iterator[dict[str, str]]:
    """A database, and a server in front of another."""
    with contextlib.ExitStack() as stack:
        yield _Stores(stack)


@pytest.fixture(params=WRITERS, ids="-".join)
def store(request: pytest.FixtureRequest, uris: dict[str, str]) -> Store:
    """A store for one test. Runs of other tests are deleted: they have the id of the same application."""
    kind, writer = request.param
    store = Store(uris[kind], writer, request.node.name)
    for one in store.client.search_experiments():
        if one.experiment_id != "0":
            store.client.delete_experiment(one.experiment_id)
    return store


@through_a_server_too
def test_it_goes_into_the_experiment_of_the_run_that_was_active(store: Store) -> None:
    run_id = store.run("training", BEGIN + 1000, END - 1000)
    before = store.client.get_run(run_id)
    root = store.imports()
    assert root.info.experiment_id == store.experiment("training") != store.experiment("imported")
    assert root.data.tags["mlflow.parentRunId"] == run_id
    after = store.client.get_run(run_id)
    assert (after.info.status, after.info.start_time, after.info.end_time) == ("FINISHED", BEGIN + 1000, END - 1000)
    assert after.data.tags == before.data.tags
    below = store.client.search_runs([store.experiment("training")], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert [run.info.run_id for run in below] == [root.info.run_id]
    assert store.imports().info.run_id == root.info.run_id and store.state == "unchanged"
    assert [run.info.run_id for run in store.roots()] == [root.info.run_id]


def test_an_import_of_many_logs_knows_that_it_is_there(store: Store) -> None:
    store.run("training", BEGIN)
    root = store.imports()
    writer = open_writer(store.uri, f"{store.test} imported", store.writer)
    writer.load_fingerprints()
    found = writer.find(root.data.tags["afterglow.import_fingerprint"])
    assert found is not None
    assert (found.run_id, found.experiment_id, found.state) == (root.info.run_id, root.info.experiment_id, "unchanged")
    assert f"experiments/{root.info.experiment_id}/" in found.url


def test_a_tree_in_an_experiment_that_is_no_run_s_does_not_count(store: Store) -> None:
    root = store.imports()
    (other,) = import_logs([str(LOG)], store.uri, f"{store.test} other", writer=store.writer)
    assert other.published is not None and other.published.state == "written"
    assert other.published.run_id != root.info.run_id


def test_of_nested_runs_it_is_the_outermost(store: Store) -> None:
    outer = store.run("training", BEGIN)
    store.run("training", BEGIN + 10, END, mlflow_parentRunId=outer)
    assert store.imports().data.tags["mlflow.parentRunId"] == outer


def test_of_runs_below_one_that_began_before_the_application_it_is_that_one(store: Store) -> None:
    outer = store.client.create_run(store.experiment("training"), BEGIN - HOUR).info.run_id
    for _ in range(2):
        store.run("training", BEGIN + 10, END, mlflow_parentRunId=outer)
    assert store.imports().data.tags["mlflow.parentRunId"] == outer


@through_a_server_too
def test_several_runs_and_the_application_are_linked(store: Store) -> None:
    runs = [store.run("training", BEGIN + at, BEGIN + at + 10) for at in (0, 100)]
    runs.append(store.run("elsewhere", BEGIN + 200))
    root = store.imports()
    assert root.info.experiment_id == store.experiment("imported") and "mlflow.parentRunId" not in root.data.tags
    for run_id in runs:
        assert f"/runs/{run_id}?" in root.data.tags["mlflow.note.content"]
        run = store.client.get_run(run_id)
        assert run.data.tags["afterglow.application_run"] == root.info.run_id
        assert "mlflow.note.content" not in run.data.tags
    assert store.imports().info.run_id == root.info.run_id and store.state == "unchanged"


@pytest.mark.parametrize("begin, end", [(BEGIN - HOUR, BEGIN - HOUR // 2), (END + HOUR, None)])
def test_a_run_of_another_time_is_of_an_application_with_the_same_id(store: Store, begin: int, end: int | None) -> None:
    run_id = store.run("training", begin, end)
    root = store.imports()
    assert root.info.experiment_id == store.experiment("imported") and "mlflow.parentRunId" not in root.data.tags
    assert "afterglow.application_run" not in store.client.get_run(run_id).data.tags


def test_what_was_imported_before_stays_where_it_is(store: Store) -> None:
    root = store.imports()
    run_id = store.run("training", BEGIN)
    again = store.imports(task_runs="all")
    assert (again.info.run_id, store.state) == (root.info.run_id, "written")
    assert again.data.tags.get("mlflow.parentRunId") is None and len(store.roots()) == 1
    assert store.client.get_run(run_id).data.tags["afterglow.application_run"] == root.info.run_id


def test_it_stays_under_its_run_when_the_job_starts_another(store: Store) -> None:
    first = store.run("training", BEGIN, BEGIN + 10)
    root = store.imports()
    store.run("elsewhere", BEGIN + 20, END)
    again = store.imports(task_runs="all")
    assert (again.info.run_id, store.state) == (root.info.run_id, "written") and len(store.roots()) == 1
    assert again.data.tags["mlflow.parentRunId"] == first


def test_a_tree_that_the_user_deleted_there_is_not_written_elsewhere(store: Store) -> None:
    store.run("training", BEGIN)
    root = store.imports()
    store.client.delete_run(root.info.run_id)
    assert store.imports(task_runs="all").info.run_id == root.info.run_id
    assert store.state == "deleted" and store.roots() == []


def test_of_too_many_runs_no_application_is_said_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with stores.sqlite() as uri:
        client, store = MlflowClient(uri), open_writer(uri, "many").store
        for number in range(2):
            client.create_run(store.experiment_id, tags={"spark.app.id": f"app-{number}"})
        app_ids = {"app-0", "app-1", "app-2"}
        assert without_training_runs(store, app_ids) == {"app-2"}
        monkeypatch.setattr(training_runs, "_MANY", 1)
        assert without_training_runs(store, app_ids) == set()
