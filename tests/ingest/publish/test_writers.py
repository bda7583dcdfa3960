"""Both writers, on every database and through a server, write the same trees, run by run, to the last tag."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from afterglow.ingest import import_logs
from afterglow.ingest.publish import open_writer
from tests.conftest import sample_log

from . import stores
from .trees import Tree, differences, held

SAMPLES = ("failing-tasks", "cv-pipeline", "untrusted-text")


@dataclass
class Store:
    """`uri` is what is imported to, `tables` the database below it."""

    uri: str
    tables: str
    trees: dict[tuple[str, str], Tree] = field(default_factory=dict)

    def tree(self, sample: str, writer: str, folder: Path) -> Tree:
        """The tree of a sample, imported once."""
        if (sample, writer) not in self.trees:
            name = f"{sample} {writer}"
            where = None if self.uri.startswith("http") else f"file://{folder}/artifacts"
            MlflowClient(self.uri).create_experiment(name, artifact_location=where)
            (imported,) = import_logs([str(sample_log(sample))], self.uri, name, writer=writer)
            found = held(self.tables, name)
            assert (found.duplicates, found.complete) == (0, 1)
            assert len(found.tree) == imported.published.runs == imported.published.written
            if where is None:  # the server's artifacts are to be had through it only
                for run in MlflowClient(self.uri).search_runs([imported.published.experiment_id], max_results=5000):
                    tags = run.data.tags
                    if tags["afterglow.level"] == "application" or "tasks.svg" in tags.get("mlflow.note.content", ""):
                        found.tree[tags["afterglow.key"]]["artifacts"] = _artifacts(self.uri, run.info.run_id)
            self.trees[sample, writer] = found.tree
        return self.trees[sample, writer]


def _artifacts(uri: str, run_id: str) -> list[str]:
    found, folders = [], [""]
    while folders:
        for one in mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path=folders.pop(), tracking_uri=uri):
            (folders if one.is_dir else found).append(one.path)
    return sorted(found)


@pytest.fixture(scope="module")
def opened() -> Iterator[dict[str, Store]]:
    """Stores that were started, by name; they end with the module."""
    with contextlib.ExitStack() as stack:
        yield _Stores(stack)


class _Stores(dict[str, Store]):
    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def __missing__(self, name: str) -> Store:
        if name == "server":
            tables = self._stack.enter_context(stores.sqlite())
            self[name] = Store(self._stack.enter_context(stores.server(tables)), tables)
        else:
            uri = self._stack.enter_context(stores.DATABASES[name]())
            self[name] = Store(uri, uri)
        return self[name]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(
    "name, writer",
    [
        pytest.param("sqlite", "sql", marks=pytest.mark.slow),
        pytest.param("server", "rest", marks=pytest.mark.server),
        pytest.param("postgres", "sql", marks=pytest.mark.postgres),
        pytest.param("postgres", "rest", marks=pytest.mark.postgres),
        pytest.param("mariadb", "sql", marks=pytest.mark.mariadb),
        pytest.param("mariadb", "rest", marks=pytest.mark.mariadb),
    ],
)
def test_every_writer_writes_what_the_client_writes_to_sqlite(
    opened: dict[str, Store], name: str, writer: str, sample: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = opened["sqlite"].tree(sample, "rest", tmp_path_factory.mktemp("artifacts"))
    got = opened[name].tree(sample, writer, tmp_path_factory.mktemp("artifacts"))
    assert differences(expected, got) == []
    assert len(expected) > 10 and any(run["artifacts"] for run in expected.values())


@pytest.mark.parametrize("writer", ["sql", "rest"])
@pytest.mark.parametrize(
    "name",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_every_store_takes_what_a_log_may_say(opened: dict[str, Store], name: str, writer: str, tmp_path: Path) -> None:
    """NUL, half a surrogate pair, four bytes a character, a user longer than the column."""
    text = sample_log("failing-tasks").read_text()
    said = text.replace('"App Name":"', '"App Name":"a\\u0000b \\ud800 \N{GRINNING FACE}\\\\N\\t ').replace(
        '"User":"', '"User":"' + "u" * 400
    )
    assert said.count("\N{GRINNING FACE}") >= 1 and said.count("u" * 400) >= 1
    log = tmp_path / sample_log("failing-tasks").name
    log.write_text(said)
    uri, experiment = opened[name].uri, f"hostile {writer}"
    MlflowClient(uri).create_experiment(experiment, artifact_location=f"file://{tmp_path}/artifacts")
    (imported,) = import_logs([str(log)], uri, experiment, writer=writer, task_runs="none")
    found = held(opened[name].tables, experiment)
    assert (found.duplicates, found.complete) == (0, 1) and len(found.tree) == imported.published.runs
    root = next(run for run in found.tree.values() if run["tags"]["afterglow.level"] == "application")
    assert "\N{GRINNING FACE}\\N" in root["info"]["name"] and "\0" not in root["info"]["name"]
    assert len(root["info"]["user_id"]) == 256


@pytest.mark.direct
@pytest.mark.parametrize(
    "store",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_both_remember_the_same_applications(store: str, opened: dict[str, Store]) -> None:
    uri = opened[store].uri
    import_logs([str(sample_log(name)) for name in ("skewed-join", "spark35-wordcount")], uri, "remembered")
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("remembered")
    assert experiment is not None
    condition = "tags.`afterglow.level` = 'application'"
    deleted, kept = client.search_runs([experiment.experiment_id], condition)
    client.delete_run(deleted.info.run_id)
    client.create_run(experiment.experiment_id, tags={"somebody": "else's"})
    for name in ("rest", "sql"):
        writer = open_writer(uri, "remembered", name)
        assert writer.name == name
        writer.load_fingerprints()
        found = [writer.find(run.data.tags["afterglow.import_fingerprint"]) for run in (deleted, kept)]
        assert [(one.run_id, one.state) for one in found if one is not None] == [
            (deleted.info.run_id, "deleted"),
            (kept.info.run_id, "unchanged"),
        ]
        assert writer.find("nothing") is None
