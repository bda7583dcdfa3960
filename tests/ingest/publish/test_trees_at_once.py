"""Many small logs through a tracking server: several trees at once, each the same as one by one, and written once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from mlflow import MlflowClient

from afterglow.ingest.engines import interface
from afterglow.ingest.engines.local import import_logs as import_all
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ImportOptions
from afterglow.ingest.pipeline import open_experiments
from afterglow.ingest.publish import lease
from afterglow.ingest.publish.training_runs import without_training_runs

from . import stores
from .small_logs import START_MS, small_logs
from .trees import differences, held

pytestmark = [pytest.mark.slow, pytest.mark.server]
LOGS = 8


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few logs are imported together."""
    monkeypatch.setattr(interface, "_MANY_LOGS", 4)


@pytest.fixture(scope="module")
def tables() -> Iterator[str]:
    with stores.sqlite() as uri:
        yield uri


@pytest.fixture(scope="module")
def server(tables: str) -> Iterator[str]:
    with stores.server(tables) as address:
        yield address


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return small_logs(tmp_path_factory.mktemp("logs"), 2 * LOGS)


def imported(logs: list[str], server: str, experiment: str) -> list[Any]:
    return list(import_all(find_logs(logs), open_experiments(server, experiment), ImportOptions()))


@pytest.fixture(scope="module")
def import_together(server: str, logs: list[str]) -> tuple[list[Any], Counter[str]]:
    """The results of importing the first logs into the experiment `together`, and the number of requests by path."""
    requested, send = Counter[str](), requests.Session.send

    def counted(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        requested[str(request.url).partition("/api/2.0/")[2].partition("?")[0]] += 1
        return send(session, request, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interface, "_MANY_LOGS", 4)
        patch.setattr(requests.Session, "send", counted)
        patch.setattr(lease, "HEARTBEAT_S", 600.0)
        return imported(logs[:LOGS], server, "together"), requested


def test_trees_are_those_of_single_imports(
    tables: str, server: str, logs: list[str], import_together: tuple[list[Any], Counter[str]]
) -> None:
    logs, (together, requested) = logs[:LOGS], import_together
    assert [one.published.state for one in together] == ["written"] * LOGS
    assert [one.app_id for one in together] == [Path(log).name for log in logs]
    # what other imports do is looked for after the application's run is created, and at the end
    assert 2 * LOGS <= requested["mlflow/runs/search"] <= 2 * LOGS + 5
    assert requested["mlflow/runs/create"] == requested["mlflow/runs/log-batch"] == 5 * LOGS
    assert requested["mlflow/runs/update"] == 5 * LOGS and requested["mlflow/runs/get"] == 0
    single = [found for log in logs[:2] for found in imported([log], server, "single")]
    keys = tuple(f"{one.app_id}/" for one in single)
    trees = [held(tables, name) for name in ("together", "single")]
    assert [(one.complete, one.duplicates) for one in trees] == [(LOGS, 0), (2, 0)]
    first, second = ({key: run for key, run in one.tree.items() if key.startswith(keys)} for one in trees)
    assert not differences(first, second)
    client = MlflowClient(server)
    files = [
        {file.path for folder in ("", "tables") for file in client.list_artifacts(one.published.run_id, folder)}
        for one in (together[0], single[0])
    ]
    assert files[0] == files[1] and "tables/tasks.parquet" in files[0]
    again = imported(logs, server, "together")
    assert [one.published.state for one in again] == ["unchanged"] * LOGS


def test_a_run_of_the_training_job_gets_its_application(tables: str, server: str, logs: list[str]) -> None:
    client, logs = MlflowClient(server), logs[LOGS:]
    where, number = client.create_experiment("training"), 3
    app_id, began = Path(logs[number]).name, START_MS + 1000 * (LOGS + number)
    owner = client.create_run(where, began, {"spark.app.id": app_id}, "tuesday").info.run_id
    app_ids = {Path(log).name for log in logs}
    store = open_experiments(server, "with training").writer({}).store
    assert without_training_runs(store, app_ids) == app_ids - {app_id}
    results = imported(logs, server, "with training")
    assert [one.published.experiment_id == where for one in results] == [n == number for n in range(LOGS)]
    root = client.get_run(results[number].published.run_id)
    assert root.data.tags["mlflow.parentRunId"] == owner
    assert held(tables, "with training").complete == LOGS - 1


@pytest.mark.usefixtures("import_together")
def test_trees_that_were_left_half_are_finished(
    tables: str, server: str, logs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    calls, log_batch, logs = Counter[str](), MlflowClient.log_batch, logs[:LOGS]

    def dies(self: MlflowClient, run_id: str, *given: Any, **named: Any) -> Any:
        calls["log_batch"] += 1
        if calls["log_batch"] > 25:
            raise Killed
        return log_batch(self, run_id, *given, **named)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(MlflowClient, "log_batch", dies)
        patch.setattr(lease, "HEARTBEAT_S", 600.0)  # renewing a lease is such a call too
        imported(logs, server, "killed")
    left = held(tables, "killed")
    assert 0 < left.complete < LOGS and len(left.tree) > 5 * left.complete
    results = imported(logs, server, "killed")
    assert {one.published.state for one in results} == {"written", "unchanged"}
    found = held(tables, "killed")
    assert (found.complete, found.duplicates) == (LOGS, 0)
    assert not differences(found.tree, held(tables, "together").tree)
