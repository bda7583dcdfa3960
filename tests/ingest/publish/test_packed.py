"""What another process reads and draws for this one to publish comes to the same runs and artifacts."""

import hashlib
import pickle
import re
from pathlib import Path

import pytest
from mlflow import MlflowClient

from afterglow.ingest.engines import process_pool
from afterglow.ingest.engines.local import import_logs
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ImportOptions, ReadOptions
from afterglow.ingest.pipeline import import_log, open_experiments, prepare_import, publish_import, read_view
from tests.conftest import sample_log

from .stores import new_sqlite
from .trees import differences, held

SAMPLES = ("failing-tasks", "cv-pipeline", "untrusted-text", "skewed-join", "executor-lost")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URI of a store in a folder of its own, which artifacts go to."""
    monkeypatch.chdir(tmp_path)
    return new_sqlite(tmp_path / "m.db")


def assert_equal(store: str, one: str, other: str) -> None:
    """Runs, and what is in every artifact."""
    first, second = held(store, one), held(store, other)
    assert first.duplicates == second.duplicates == 0 and first.complete == second.complete > 0
    assert not differences(first.tree, second.tree)
    contents = artifacts(store, one)
    assert contents == artifacts(store, other) and len(contents) > 10


def artifacts(store: str, experiment: str) -> dict[tuple[str, str], str]:
    """(run's key, file) -> digest."""
    client, found = MlflowClient(store), {}
    number = client.get_experiment_by_name(experiment)
    assert number is not None
    for run in client.search_runs([number.experiment_id], max_results=5000):
        folder = Path(run.info.artifact_uri.removeprefix("file://"))
        for path in folder.rglob("*"):
            if path.is_file():
                content = re.sub(rb'data-run="[^"]*"', b"", path.read_bytes())  # links to the runs of this experiment
                digest = hashlib.sha256(content).hexdigest()
                found[run.data.tags["afterglow.key"], str(path.relative_to(folder))] = digest
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_a_log_that_was_sent_leaves_what_one_that_was_read_here_leaves(name: str, store: str) -> None:
    (log,) = find_logs([str(sample_log(name))])
    options = ImportOptions(report="all")
    import_log(log, open_experiments(store, "here"), options)
    sent = prepare_import(log, read_view(log), options, detached=True).to_bytes()
    publish_import(pickle.loads(sent), open_experiments(store, "sent"), options, 0.0)
    assert_equal(store, "here", "sent")


@pytest.mark.slow
def test_two_processes_leave_what_one_leaves(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = find_logs([str(sample_log(name)) for name in SAMPLES])
    one = [*import_logs(logs, open_experiments(store, "one"), ImportOptions(ReadOptions(workers=1)))]
    sent: list[object] = []
    submit = process_pool.ProcessPoolExecutor.submit
    monkeypatch.setattr(process_pool, "_WORTH_PROCESSES_S", 0.0)
    monkeypatch.setattr(
        process_pool.ProcessPoolExecutor, "submit", lambda pool, *given: sent.append(given) or submit(pool, *given)
    )
    two = [*import_logs(logs, open_experiments(store, "two"), ImportOptions(ReadOptions(workers=3)))]
    assert sent and len(one) == len(two) == len(logs)
    assert_equal(store, "one", "two")
