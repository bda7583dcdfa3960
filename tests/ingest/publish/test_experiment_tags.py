"""Two imports that set a tag of one experiment in the same moment."""

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import BAD_REQUEST, MlflowException

from afterglow.ingest.errors import PublishError
from afterglow.ingest.publish import experiment_tags
from afterglow.ingest.publish.store import TrackingStore
from afterglow.ingest.publish.views import STANDARD, tree_view
from afterglow.schemas.mlflow import EXPERIMENT_KIND, EXPERIMENT_KIND_TRAINING

from .stores import new_sqlite


@pytest.mark.parametrize("theirs", [EXPERIMENT_KIND_TRAINING, "no_inferred_type", None])
def test_a_tag_that_another_import_has_just_added_is_kept_or_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: str | None
) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    store = TrackingStore.open(uri, "jobs")
    set_tag, other, calls = MlflowClient.set_experiment_tag, MlflowClient(uri), []

    def refused_once(self: MlflowClient, experiment: str, key: str, value: Any) -> None:
        calls.append(key)
        if len(calls) > 1:
            set_tag(self, experiment, key, value)
            return
        if theirs is not None:
            set_tag(other, experiment, key, theirs)
        raise MlflowException("(IntegrityError) UNIQUE constraint failed: experiment_tags.key", BAD_REQUEST)

    monkeypatch.setattr(experiment_tags, "insert_experiment_tags", lambda *_: False)
    monkeypatch.setattr(MlflowClient, "set_experiment_tag", refused_once)
    if theirs is None:
        with pytest.raises(PublishError, match="import the log again"):
            store.describe(())
        return
    store.describe(())
    assert other.get_experiment(store.experiment_id).tags[EXPERIMENT_KIND] == EXPERIMENT_KIND_TRAINING


def test_tags_that_another_import_has_just_added_are_refused_together_and_added_one_by_one(tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    first, second = TrackingStore.open(uri, "jobs"), TrackingStore.open(uri, "jobs")
    for store in (first, second):
        store.view_path(STANDARD[0])  # has read the tags
    first.describe(STANDARD[:1])
    views = [tree_view("app-1"), tree_view("app-2")]
    second.describe(views)
    tags = MlflowClient(uri).get_experiment(second.experiment_id).tags
    assert {view.tag: tags.get(view.tag) for view in (*STANDARD, *views)} == {
        view.tag: view.encode() for view in (*STANDARD, *views)
    }


def test_the_tags_of_many_views_are_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TrackingStore.open(new_sqlite(tmp_path / "mlflow.db"), "jobs")
    store.describe(())
    calls: list[str] = []
    monkeypatch.setattr(MlflowClient, "set_experiment_tag", lambda self, experiment, key, value: calls.append(key))
    views = [tree_view(f"app-{number}") for number in range(3)]
    store.describe(views)
    assert not calls
    tags = MlflowClient(store.tracking_uri).get_experiment(store.experiment_id).tags
    assert all(tags[view.tag] == view.encode() for view in views)
