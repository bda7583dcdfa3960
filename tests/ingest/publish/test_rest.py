"""Runs in real MLflow stores: a database and a server."""

import itertools
import json
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import mlflow
import pytest
import sqlalchemy as sa
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from afterglow.ingest import PublishError, import_logs
from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.pipeline import read_log, read_view
from afterglow.ingest.publish import Import, open_writer, publish, write_artifacts
from afterglow.ingest.publish.store import TrackingStore
from afterglow.schemas.runs.params_tags import FINGERPRINT_TAG, KEY_TAG
from tests.conftest import sample_log

from . import stores
from .stores import new_sqlite


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of MLflow's own making, shared by this module's tests: each uses an experiment of its own."""
    folder = tmp_path_factory.mktemp("store")
    uri = new_sqlite(folder / "mlflow.db")
    MlflowClient(uri).create_experiment("first", artifact_location=f"file://{folder}/artifacts")
    return uri


def experiment(uri: str, name: str, folder: Path) -> str:
    MlflowClient(uri).create_experiment(name, artifact_location=f"file://{folder}/artifacts")
    return name


def runs_by_key(uri: str, name: str) -> dict[str, Any]:
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(name)
    assert found is not None
    runs = client.search_runs([found.experiment_id], max_results=10_000)
    by_key = {run.data.tags[KEY_TAG]: run for run in runs}
    assert len(by_key) == len(runs), "a run was written twice"
    return by_key


def test_the_tree_in_mlflow_is_the_tree_of_the_log(store: str, tmp_path: Path) -> None:
    name = experiment(store, "tree", tmp_path)
    log = sample_log("failing-tasks")
    (imported,) = import_logs([str(log)], store, name)
    tree = derive(read_view(*find_logs([str(log)])))
    runs = runs_by_key(store, name)
    assert imported.published.runs == len(tree) == len(runs)
    for run in tree.all():
        got = runs[run.key]
        assert (got.info.run_name, got.info.status) == (run.name, run.status)
        assert (got.info.start_time, got.info.end_time) == (run.start_ms, run.end_ms)
        assert got.data.tags.get("mlflow.parentRunId") == (runs[run.parent].info.run_id if run.parent else None)
        for metric, value in run.metrics.items():
            assert got.data.metrics[metric] == pytest.approx(value)
        assert got.data.params == run.params
    statuses = {run.info.status for run in runs.values()}
    assert {"FINISHED", "FAILED"} <= statuses


def test_a_run_whose_response_was_lost_is_created_once(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, create, lost = experiment(store, "lost", tmp_path), MlflowClient.create_run, []

    def loses(client: MlflowClient, *given: Any, **named: Any) -> Any:
        run = create(client, *given, **named)
        lost.append(run.info.run_id)
        if len(lost) in (1, 4):
            raise MlflowException("API request to http://h/create failed with exception Connection aborted")
        return run

    monkeypatch.setattr(MlflowClient, "create_run", loses)
    monkeypatch.setenv("AFTERGLOW_RETRY_S", "20")
    (imported,) = import_logs([str(sample_log("spark35-wordcount"))], store, name, writer="rest", task_runs="none")
    found = MlflowClient(store).get_experiment_by_name(name)
    assert found is not None
    runs = MlflowClient(store).search_runs([found.experiment_id], run_view_type=ViewType.ALL)
    assert len(lost) > 4 and {run.info.run_id for run in runs} == set(lost)
    assert len(runs) == imported.published.runs and {run.info.lifecycle_stage for run in runs} == {"active"}


@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_every_status_below_the_application_arrives(store: str, tmp_path: Path, writer: str) -> None:
    name = experiment(store, f"statuses {writer}", tmp_path)
    tables = read_log(*find_logs([str(sample_log("spark35-wordcount"))]))
    tree = derive(ApplicationView(tables))
    statuses: Iterator[Any] = itertools.cycle(("KILLED", "FAILED", "FINISHED"))
    tasks = {key: [replace(run, status=next(statuses)) for run in runs] for key, runs in tree.tasks.items()}
    tree = replace(tree, runs=[replace(run, status=next(statuses)) for run in tree.runs], tasks=tasks)
    publish(Import(tree, "fingerprint", "1", partial(write_artifacts, tables)), open_writer(store, name, writer))
    found = {key: run.info.status for key, run in runs_by_key(store, name).items()}
    assert found == {run.key: run.status for run in tree.all()}
    assert set(found.values()) == {"KILLED", "FAILED", "FINISHED"}


def test_task_figures_are_history_of_their_stage(store: str, tmp_path: Path) -> None:
    name = experiment(store, "history", tmp_path)
    log = sample_log("skewed-join")
    import_logs([str(log)], store, name, task_runs="none")
    tree = derive(read_view(*find_logs([str(log)])))
    stage = max((run for run in tree.all() if run.level == "stage"), key=lambda run: run.metrics["tasks/total"])
    run_id = runs_by_key(store, name)[stage.key].info.run_id
    history = MlflowClient(store).get_metric_history(run_id, "task/duration_s")
    points = [(m.step, m.timestamp, m.value) for m in sorted(history, key=lambda m: m.step)]
    assert points == list(stage.history["task/duration_s"]) and len(points) == stage.metrics["tasks/total"]


def test_the_application_has_tables_configuration_issues_and_datasets(store: str, tmp_path: Path) -> None:
    name = experiment(store, "artifacts", tmp_path)
    (imported,) = import_logs([str(sample_log("skewed-join"))], store, name)
    run_id = imported.published.run_id
    files = {Path(p).relative_to(tmp_path) for p in tmp_path.rglob("*") if Path(p).is_file()}
    assert {"tasks.parquet", "stages.csv", "spark_conf.json", "issues.json"} <= {file.name for file in files}
    conf = json.loads(next(tmp_path.rglob("spark_conf.json")).read_text())
    assert conf["spark.app.name"] and "hunter2" not in json.dumps(conf)
    inputs = MlflowClient(store).get_run(run_id).inputs.dataset_inputs
    assert {d.dataset.source_type for d in inputs} == {"spark_parquet", "spark_csv"}


@pytest.mark.parametrize("writer", ["rest", "sql"])
def test_importing_again_writes_nothing_and_looks_once(store: str, tmp_path: Path, writer: str) -> None:
    name = experiment(store, f"again {writer}", tmp_path)
    log = str(sample_log("spark35-wordcount"))
    (first,) = import_logs([log], store, name, writer=writer)
    before = {key: run.to_dictionary() for key, run in runs_by_key(store, name).items()}
    searches, changes = [], []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT") and "FROM runs" in statement:
            searches.append(statement)
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            changes.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", record)
    try:
        (second,) = import_logs([log], store, name, writer=writer)
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", record)
    assert (second.published.written, second.published.run_id) == (0, first.published.run_id)
    assert len(searches) == 1 and changes == []
    assert (second.published.completeness, second.published.num_issues, second.published.runs) == (
        first.completeness,
        first.num_issues,
        first.published.runs,
    )
    assert {key: run.to_dictionary() for key, run in runs_by_key(store, name).items()} == before


@pytest.mark.parametrize("after", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (4, 9))])
def test_an_interrupted_import_is_finished_by_the_next(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    name = experiment(store, f"interrupted {after}", tmp_path)
    log = str(sample_log("spark35-wordcount"))
    calls = 0
    real = MlflowClient.log_batch

    def fails(self: MlflowClient, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError("connection reset")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", fails)
    with pytest.raises(PublishError, match="connection reset"):
        import_logs([log], store, name, writer="rest")
    assert not [run for run in runs_by_key(store, name).values() if run.data.tags.get(FINGERPRINT_TAG)]
    monkeypatch.undo()
    import_logs([log], store, name, writer="rest")
    runs = runs_by_key(store, name)
    assert len([run for run in runs.values() if run.data.tags.get(FINGERPRINT_TAG)]) == 1
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_more_detail_completes_the_tree(store: str, tmp_path: Path) -> None:
    name = experiment(store, "detail", tmp_path)
    log = str(sample_log("spark35-wordcount"))
    import_logs([log], store, name, task_runs="none")
    few = runs_by_key(store, name)
    import_logs([log], store, name, task_runs="all")
    many = runs_by_key(store, name)
    assert set(few) < set(many)
    assert all(many[key].info.run_id == run.info.run_id for key, run in few.items())


def test_a_parent_run_is_neither_ended_nor_timed_anew(store: str, tmp_path: Path) -> None:
    name = experiment(store, "parent", tmp_path)
    client = MlflowClient(store)
    found = client.get_experiment_by_name(name)
    assert found is not None
    parent = client.create_run(found.experiment_id, start_time=1234, run_name="training", tags={KEY_TAG: "own"})
    (imported,) = import_logs([str(sample_log("spark35-wordcount"))], store, name, parent_run=parent.info.run_id)
    after = client.get_run(parent.info.run_id)
    assert (after.info.status, after.info.start_time, after.info.end_time) == ("RUNNING", 1234, None)
    assert client.get_run(imported.published.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id


@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_a_parent_run_that_is_not_there_is_an_error_and_nothing_is_written(
    writer: Literal["sql", "rest"], store: str, tmp_path: Path
) -> None:
    name = experiment(store, f"no parent {writer}", tmp_path)
    with pytest.raises(PublishError, match=r"there is no active run f{32} in this store; check --parent-run"):
        import_logs([str(sample_log("codec-lz4"))], store, name, writer=writer, parent_run="f" * 32)
    client = MlflowClient(store)
    found = client.get_experiment_by_name(name)
    assert found is not None and not client.search_runs([found.experiment_id], run_view_type=ViewType.ALL)


@pytest.mark.parametrize("writer", ["sql", "rest"])
def test_a_parent_run_is_active_above_the_tree_and_can_change(
    writer: Literal["sql", "rest"], store: str, tmp_path: Path
) -> None:
    name, log = experiment(store, f"parents {writer}", tmp_path), str(sample_log("codec-lz4"))
    client = MlflowClient(store)
    found = client.get_experiment_by_name(name)
    assert found is not None
    first, second, gone = (client.create_run(found.experiment_id).info.run_id for _ in range(3))
    client.delete_run(gone)
    with pytest.raises(PublishError, match=f"there is no active run {gone}"):
        import_logs([log], store, name, writer=writer, parent_run=gone)
    for parent in (first, second):
        (imported,) = import_logs([log], store, name, writer=writer, parent_run=parent, task_runs="none")
        root = client.get_run(imported.published.run_id)
        assert root.data.tags["mlflow.parentRunId"] == parent
    below = client.search_runs([found.experiment_id], f"tags.`mlflow.parentRunId` = '{root.info.run_id}'")[0]
    for own in (root, below):
        with pytest.raises(PublishError, match="is part of this application"):
            import_logs([log], store, name, writer=writer, parent_run=own.info.run_id, task_runs="none")


def test_a_log_still_being_written_leaves_open_runs_that_the_next_import_closes(store: str, tmp_path: Path) -> None:
    name = experiment(store, "growing", tmp_path)
    whole = sample_log("failing-tasks").read_bytes()
    lines = whole.splitlines(keepends=True)
    growing = tmp_path / f"{sample_log('failing-tasks').name}.inprogress"
    growing.write_bytes(b"".join(lines[: len(lines) // 2]))
    (first,) = import_logs([str(growing)], store, name)
    assert first.completeness == "in_progress"
    assert MlflowClient(store).get_run(first.published.run_id).info.status == "RUNNING"
    done = tmp_path / sample_log("failing-tasks").name
    growing.rename(done)
    done.write_bytes(whole)
    (second,) = import_logs([str(done)], store, name)
    runs = runs_by_key(store, name)
    assert second.published.run_id == first.published.run_id
    tree = derive(read_view(*find_logs([str(sample_log("failing-tasks"))])))
    assert {run.key: run.status for run in tree.all()} == {key: run.info.status for key, run in runs.items()}


def test_a_deleted_experiment_is_a_clear_error(store: str, tmp_path: Path) -> None:
    name = experiment(store, "deleted", tmp_path)
    client = MlflowClient(store)
    found = client.get_experiment_by_name(name)
    assert found is not None
    client.delete_experiment(found.experiment_id)
    with pytest.raises(PublishError, match="was deleted; restore it"):
        TrackingStore.open(store, name)


def test_a_server_that_is_not_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(PublishError, match=f"127.0.0.1:{port}: cannot be opened"):
        open_writer(f"http://127.0.0.1:{port}", "x")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A real `mlflow server` on loopback."""
    with stores.sqlite() as tables, stores.server(tables) as address:
        yield address


@pytest.mark.server
def test_a_server_gets_what_a_database_gets(server: str, store: str, tmp_path: Path) -> None:
    name = experiment(store, "as a server", tmp_path)
    log = str(sample_log("failing-tasks"))
    import_logs([log], store, name)
    (imported,) = import_logs([log], server, name)
    here, there = runs_by_key(store, name), runs_by_key(server, name)
    assert imported.published.url.startswith(f"{server}/#/experiments/")
    assert set(here) == set(there)
    for key, run in here.items():
        other = there[key]
        assert (run.info.run_name, run.info.status, run.info.start_time, run.info.end_time) == (
            other.info.run_name,
            other.info.status,
            other.info.start_time,
            other.info.end_time,
        )
        assert (run.data.metrics, run.data.params) == (other.data.metrics, other.data.params)
        # parent ids, links in descriptions and the artifact root differ by store
        assert set(run.data.tags) == set(other.data.tags)
    assert mlflow.artifacts.list_artifacts(run_id=imported.published.run_id, tracking_uri=server)


def test_publish_reports_progress_and_marks_the_tree_last(store: str, tmp_path: Path) -> None:
    name = experiment(store, "progress", tmp_path)
    tables = read_log(*find_logs([str(sample_log("spark35-wordcount"))]))
    tree = derive(ApplicationView(tables))
    seen: list[tuple[int, int]] = []
    publish(
        Import(tree, "fingerprint", "1", partial(write_artifacts, tables)),
        open_writer(store, name, "rest"),
        lambda done, total: seen.append((done, total)),
    )
    assert seen == [(n, len(tree)) for n in range(1, len(tree) + 1)]


def test_no_tag_is_sent_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server reads each tag that it is given again. The root's lease changes."""
    made: dict[str, dict[str, str]] = {}
    again: list[str] = []
    create, batch = MlflowClient.create_run, MlflowClient.log_batch

    def create_run(self: MlflowClient, *given: Any, **named: Any) -> Any:
        run = create(self, *given, **named)
        made[run.info.run_id] = dict(run.data.tags)
        return run

    def log_batch(self: MlflowClient, run_id: str, *given: Any, **named: Any) -> Any:
        tags = given[2] if len(given) > 2 else named.get("tags", ())
        again.extend(tag.key for tag in tags if made[run_id].get(tag.key) == tag.value)
        return batch(self, run_id, *given, **named)

    monkeypatch.setattr(MlflowClient, "create_run", create_run)
    monkeypatch.setattr(MlflowClient, "log_batch", log_batch)
    uri = stores.new_sqlite(tmp_path / "mlflow.db")
    (imported,) = import_logs([str(sample_log("failing-tasks"))], uri, "once", writer="rest")
    assert len(made) == imported.published.runs > 10 and again == []


def test_a_new_tree_needs_three_calls_per_run_and_five_searches(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searches for the log, the runs of its job, runs of the application, other imports of it, and at the end."""
    name, calls = experiment(store, "calls", tmp_path), Counter[str]()

    def counted(method: str) -> None:
        real = getattr(MlflowClient, method)

        def call(*given: Any, **named: Any) -> Any:
            calls[method] += 1
            return real(*given, **named)

        monkeypatch.setattr(MlflowClient, method, call)

    methods = ("create_run", "set_terminated", "log_batch", "search_runs", "get_run", "set_tag", "search_experiments")
    for method in methods:
        counted(method)
    (imported,) = import_logs([str(sample_log("failing-tasks"))], store, name, writer="rest")
    each = imported.published.runs
    assert calls == {
        "create_run": each,
        "set_terminated": each,
        "log_batch": each,
        "search_runs": 5,
        "search_experiments": 1,
    }
