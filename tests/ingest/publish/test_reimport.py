"""Importing again: nothing twice, what grew is brought up to date, and what a person did stays. For both writers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from afterglow.ingest import PublishError, codecs, import_logs
from afterglow.schemas.runs.params_tags import FINGERPRINT_TAG, KEY_TAG
from tests.conftest import sample_log

from . import stores
from .trees import Held, Tree, differences, held

WORDCOUNT = str(sample_log("spark35-wordcount"))


@dataclass
class Place:
    """An experiment of its own, one writer, and the store that the module's tests share."""

    uri: str
    writer: str
    name: str
    folder: Path

    def __post_init__(self) -> None:
        self.client = MlflowClient(self.uri)
        self.add(self.name)

    def add(self, name: str) -> str:
        return str(self.client.create_experiment(name, artifact_location=f"file://{self.folder}/{name}"))

    def load(self, log: Path | str, name: str | None = None, **options: Any) -> Any:
        options.setdefault("writer", self.writer)
        (imported,) = import_logs([str(log)], self.uri, name or self.name, **options)
        return imported.published

    def held(self, name: str | None = None, history: bool = True) -> Held:
        return held(self.uri, name or self.name, history)

    def runs(self, deleted: bool = False) -> dict[str, Any]:
        found = self.client.get_experiment_by_name(self.name)
        assert found is not None
        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        return {run.data.tags[KEY_TAG]: run for run in self.client.search_runs([found.experiment_id], "", view, 5000)}


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with stores.sqlite() as uri:
        yield uri


@pytest.fixture(params=["rest", "sql"])
def place(request: pytest.FixtureRequest, store: str, tmp_path: Path) -> Place:
    return Place(store, request.param, f"{request.node.name}", tmp_path)


@pytest.fixture
def other(place: Place) -> str:
    """The writer that did not write first."""
    return "sql" if place.writer == "rest" else "rest"


def plain(log: Path) -> bytes:
    """A log's text, decompressed."""
    with log.open("rb") as raw:
        return b"".join(chunk for chunk in codecs.open_stream(raw)[1] if isinstance(chunk, bytes))


def cut(log: Path, share: float, folder: Path) -> Path:
    """The beginning of a log, as it was while it was still being written."""
    lines = log.read_bytes().splitlines(keepends=True)
    part = folder / f"{log.name}.inprogress"
    part.write_bytes(b"".join(lines[: int(len(lines) * share)]))
    return part


def test_a_second_import_writes_nothing(place: Place, other: str) -> None:
    first, before = place.load(WORDCOUNT), place.held()
    for writer in (place.writer, other):
        second = place.load(WORDCOUNT, writer=writer)
        assert (second.state, second.written, second.run_id) == ("unchanged", 0, first.run_id)
    assert place.held() == before and len(place.runs(deleted=True)) == 0


def without_value_less(tree: Tree) -> Tree:
    """The tracking API cannot delete a metric that the log no longer has: its latest value is then NaN."""
    for run in tree.values():
        run["latest"] = {name: point for name, point in run["latest"].items() if not point[1]}
    return tree


@pytest.mark.parametrize(
    "sample, share",
    [("failing-tasks", 0.5)]
    + [pytest.param("failing-tasks", s, marks=pytest.mark.slow) for s in (0.1, 0.6, 0.9)]
    + [pytest.param("tuning", 0.6, marks=pytest.mark.slow)],
)
def test_a_log_that_grew_ends_like_one_imported_whole(
    place: Place, other: str, sample: str, share: float, tmp_path: Path
) -> None:
    log = sample_log("failing-tasks")
    if sample == "tuning":
        (log := tmp_path / "local-1").write_bytes(plain(sample_log("tvs-forest")))
    whole_log = log.read_bytes()
    part = cut(log, share, tmp_path)
    place.load(part)
    before = {key: run.info.run_id for key, run in place.runs().items()}
    part.unlink()
    done = tmp_path / log.name
    done.write_bytes(whole_log)
    place.load(done)
    place.add(place.name + " whole")
    place.load(done, place.name + " whole")
    grown, whole = place.held(history=False), place.held(place.name + " whole", history=False)
    assert differences(without_value_less(grown.tree), whole.tree) == []
    assert (grown.duplicates, grown.complete) == (0, 1)
    assert {key: run.info.run_id for key, run in place.runs().items() if key in before} == before
    assert place.load(done, writer=other).written == 0


def test_more_detail_completes_what_either_writer_wrote(place: Place, other: str) -> None:
    place.load(WORDCOUNT, task_runs="none")
    few = place.runs()
    place.load(WORDCOUNT, writer=other)
    place.add(place.name + " whole")
    place.load(WORDCOUNT, place.name + " whole")
    assert differences(place.held(history=False).tree, place.held(place.name + " whole", history=False).tree) == []
    assert all(place.runs()[key].info.run_id == run.info.run_id for key, run in few.items())


def test_a_newer_version_takes_up_the_tree(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first = place.load(WORDCOUNT)
    for module in ("fingerprint", "publish_imports"):
        monkeypatch.setattr(f"afterglow.ingest.{module}.version", lambda: "99.0")
    second = place.load(WORDCOUNT)
    assert (second.run_id, second.state, second.written) == (first.run_id, "written", 0)
    root = place.client.get_run(first.run_id)
    assert root.data.tags["afterglow.version"] == "99.0" and root.data.tags[FINGERPRINT_TAG]
    assert place.held().duplicates == 0


def test_what_a_person_changed_stays_through_an_update(place: Place, other: str, tmp_path: Path) -> None:
    log = sample_log("failing-tasks")
    part = cut(log, 0.6, tmp_path)
    root = place.load(part).run_id
    job = next(run.info.run_id for run in place.runs().values() if run.data.tags["afterglow.level"] == "job")
    for run_id in (root, job):
        place.client.update_run(run_id, name="my name")
        place.client.set_tag(run_id, "mlflow.note.content", "my note")
        place.client.set_tag(run_id, "team", "fraud")
        place.client.log_param(run_id, "mine", "1")
        place.client.log_metric(run_id, "own", 7)
    for writer in (place.writer, other):
        place.load(log, writer=writer, task_runs="all" if writer == place.writer else "notable")
        for run_id in (root, job):
            run = place.client.get_run(run_id)
            assert (run.info.run_name, run.data.tags["mlflow.runName"]) == ("my name", "my name")
            assert (run.data.tags["mlflow.note.content"], run.data.tags["team"]) == ("my note", "fraud")
            assert (run.data.params["mine"], run.data.metrics["own"]) == ("1", 7)
            assert run.info.status in ("FINISHED", "FAILED")


def test_a_tree_that_a_person_deleted_stays_deleted_unless_restored(place: Place, other: str) -> None:
    place.load(WORDCOUNT)
    whole = place.held()
    for run in place.runs().values():
        place.client.delete_run(run.info.run_id)
    for writer in (place.writer, other):
        for options in ({}, {"task_runs": "none"}):
            assert place.load(WORDCOUNT, writer=writer, **options).state == "deleted"
    assert place.runs() == {}
    place.load(WORDCOUNT, restore=True)
    again = place.held()
    assert differences(whole.tree, again.tree) == [] and (again.duplicates, again.complete) == (0, 1)
    assert place.runs(deleted=True).keys() <= {"abandoned"}


@pytest.mark.slow
def test_a_run_that_a_person_deleted_stays_deleted(place: Place, other: str) -> None:
    place.load(WORDCOUNT, task_runs="none")
    stage = next(run for run in place.runs().values() if run.data.tags["afterglow.level"] == "stage")
    place.client.delete_run(stage.info.run_id)
    for writer, options in ((place.writer, {}), (other, {"task_runs": "notable"})):
        place.load(WORDCOUNT, writer=writer, **options)
        assert stage.data.tags[KEY_TAG] not in place.runs()
    assert place.client.get_run(stage.info.run_id).info.lifecycle_stage == "deleted"
    place.load(WORDCOUNT, restore=True, task_runs="none", max_task_runs=7)
    assert stage.data.tags[KEY_TAG] in place.runs()


def test_an_experiment_by_application_and_user(place: Place) -> None:
    published = place.load(WORDCOUNT, f"{place.name} {{app_name}} of {{user}}")
    name = place.client.get_experiment(published.experiment_id).name
    user = next(run for run in place.client.search_runs([published.experiment_id])).data.tags["mlflow.user"]
    assert name.startswith(place.name) and name.endswith(f"of {user}") and "{" not in name
    assert place.load(WORDCOUNT, f"{place.name} {{app_name}} of {{user}}").state == "unchanged"
    with pytest.raises(PublishError, match=r"there is no \{team\}"):
        place.load(WORDCOUNT, "{team}")


@pytest.mark.slow
def test_an_application_id_is_never_taken_for_another(place: Place, tmp_path: Path) -> None:
    """With a quote in it, which the filter language cannot say."""
    text = plain(Path(WORDCOUNT)).decode()
    (app_id,) = {run.data.tags["spark.app.id"] for run in _loaded(place, WORDCOUNT)}
    for number, other_id in enumerate((app_id + "'", f'{app_id[:-1]}"', f"{app_id[:-1]}\\\\", app_id.upper())):
        log = tmp_path / f"log-{number}"
        log.write_text(text.replace(app_id, other_id.replace('"', '\\"')))
        assert place.load(log).state == "written"
        assert place.load(log, task_runs="none").state == "written"
        assert place.load(log, task_runs="none").state == "unchanged"
    found = place.held()
    assert found.complete == (5 if app_id.upper() != app_id else 4) and found.duplicates == 0


def _loaded(place: Place, log: str) -> list[Any]:
    place.load(log)
    return list(place.runs().values())
