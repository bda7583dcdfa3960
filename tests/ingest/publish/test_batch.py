"""Several small applications in one transaction: the same trees as one by one, all of a batch or nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from afterglow.ingest import AfterglowError
from afterglow.ingest.engines.local import import_logs as import_all
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ImportOptions
from afterglow.ingest.pipeline import open_experiments
from afterglow.ingest.publish.sql.batch import SqlBatch
from afterglow.ingest.results import Imported

from . import stores
from .small_logs import small_logs
from .trees import differences, held

pytestmark = pytest.mark.direct
LOGS = 24
"""More than the number from which logs are imported together."""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return small_logs(tmp_path_factory.mktemp("logs"), LOGS)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def uri(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stores.DATABASES[request.param]() as found:
        yield found


def imported(logs: list[str], uri: str, experiment: str, folder: Path, together: bool = True) -> list[Imported]:
    client = MlflowClient(uri)
    if client.get_experiment_by_name(experiment) is None:
        client.create_experiment(experiment, artifact_location=f"file://{folder}/{experiment}")
    found, results = find_logs(logs), []
    for some in [found] if together else [[log] for log in found]:
        for one in import_all(some, open_experiments(uri, experiment, "sql"), ImportOptions()):
            assert not isinstance(one, AfterglowError), one
            results.append(one)
    return results


def test_trees_of_a_batch_are_those_of_single_imports(uri: str, tmp_path: Path, logs: list[str]) -> None:
    some = logs[:21]
    together = imported(some, uri, "together", tmp_path)
    assert [one.published.state for one in together] == ["written"] * len(some)
    single = imported(some[:2], uri, "single", tmp_path, together=False)
    keys = [f"{one.app_id}/" for one in single]
    trees = [held(uri, name) for name in ("together", "single")]
    assert [(one.complete, one.duplicates) for one in trees] == [(len(some), 0), (2, 0)]
    first, second = ({key: run for key, run in one.tree.items() if key.startswith(tuple(keys))} for one in trees)
    assert not differences(first, second)
    files = []
    for name, one in (("together", together[0]), ("single", single[0])):
        place = tmp_path / name / str(one.published.run_id)
        files.append({path.relative_to(place) for path in place.rglob("*") if path.is_file()})
    assert files[0] == files[1] and files[0]
    again = imported(some, uri, "together", tmp_path)
    assert [one.published.state for one in again] == ["unchanged"] * len(some)
    assert held(uri, "together") == trees[0]


def test_a_batch_leaves_nothing_when_its_commit_fails(
    uri: str, tmp_path: Path, logs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(self: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(SqlBatch, "commit", dies)
        imported(logs, uri, "killed", tmp_path)
    assert held(uri, "killed").tree == {}
    imported(logs, uri, "killed", tmp_path)
    found = held(uri, "killed")
    assert (found.complete, found.duplicates) == (LOGS, 0)


@pytest.mark.slow
def test_what_the_store_has_is_published_by_itself(uri: str, tmp_path: Path, logs: list[str]) -> None:
    imported(logs[3:4], uri, "grown", tmp_path, together=False)
    with open(logs[3]) as log:
        text = log.read()
    grown = tmp_path / "new" / Path(logs[3]).name
    grown.parent.mkdir()
    grown.write_text(text + '{"Event":"SparkListenerNoSuchEvent"}\n')
    results = imported([*logs[:3], str(grown), *logs[4:]], uri, "grown", tmp_path)
    assert [one.published.state for one in results] == ["written"] * LOGS
    found = held(uri, "grown")
    assert (found.complete, found.duplicates) == (LOGS, 0)


@pytest.mark.slow
def test_a_tree_that_the_database_refuses_does_not_stop_the_others(
    uri: str, tmp_path: Path, logs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(self: Any, index: Any) -> None:
        from afterglow.ingest import PublishError

        raise PublishError("refused")

    monkeypatch.setattr(SqlBatch, "begin", refuses)
    results = imported(logs, uri, "refused", tmp_path)
    assert [one.published.state for one in results] == ["written"] * LOGS
    assert held(uri, "refused").complete == LOGS
