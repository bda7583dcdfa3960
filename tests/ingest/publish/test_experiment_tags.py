"""Two imports that set a tag of one experiment in the same moment."""

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import BAD_REQUEST, MlflowException

from afterglow.ingest.errors import PublishError
from afterglow.ingest.publish.store import TrackingStore
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

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", refused_once)
    if theirs is None:
        with pytest.raises(PublishError, match="import the log again"):
            store.describe(())
        return
    store.describe(())
    assert other.get_experiment(store.experiment_id).tags[EXPERIMENT_KIND] == EXPERIMENT_KIND_TRAINING
