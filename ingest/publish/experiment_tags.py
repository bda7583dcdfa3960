"""The tags of experiments: their kind, description and saved views."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from ...schemas import mlflow as strings
from . import urls
from .error_messages import translate_errors
from .mlflow_internals import insert_experiment_tags
from .views import STANDARD, View, is_own, missing

if TYPE_CHECKING:
    from .store import TrackingStore


class ExperimentTags:
    """The tags of the experiments of one tracking store, as last read or written by this process. `known` maps an
    experiment's id to its tags."""

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        self._known = {experiment_id: dict(tags) for experiment_id, tags in known.items()}

    def of(self, store: "TrackingStore") -> dict[str, str]:
        """The tags of the store's experiment."""
        if store.experiment_id not in self._known:
            self._known[store.experiment_id] = dict(store.call(store.client.get_experiment, store.experiment_id).tags)
        return self._known[store.experiment_id]

    def describe(self, store: "TrackingStore", views: Iterable[View]) -> None:
        """See TrackingStore."""
        with translate_errors("cannot describe the experiment"):
            tags = self.of(store)
            wanted = {strings.EXPERIMENT_KIND: strings.EXPERIMENT_KIND_TRAINING}
            if store.opens_views:
                wanted |= {view.tag: view.encode() for view in missing((*STANDARD, *views), tags)}
            self._add(store, {name: value for name, value in wanted.items() if name not in tags})
            for name, value in wanted.items():
                self._set(store, name, value)
            if urls.is_own_description(tags.get(strings.NOTE)):
                self._set(store, strings.NOTE, urls.experiment_description(store.view_path))

    def delete_unused_views(self, store: "TrackingStore") -> None:
        """See TrackingStore."""
        delete = getattr(store.client, "delete_experiment_tag", None)  # since MLflow 3.0
        if delete is None or store.call(store.client.search_runs, [store.experiment_id], max_results=1):
            return
        self._known.pop(store.experiment_id, None)
        for name in [name for name, value in self.of(store).items() if is_own(name, value)]:
            store.call(delete, store.experiment_id, name)
            del self._known[store.experiment_id][name]

    def _add(self, store: "TrackingStore", new: Mapping[str, str]) -> None:
        """Add several tags in one transaction, if the store is a database and accepts all of them. `_set` adds what is
        missing then."""
        if len(new) > 1 and store.is_local and insert_experiment_tags(store.client, store.experiment_id, new):
            self.of(store).update(new)

    def _set(self, store: "TrackingStore", name: str, value: str) -> None:
        tags = self.of(store)
        if tags.get(name) == value:
            return
        try:
            store.call(store.client.set_experiment_tag, store.experiment_id, name, value)
        except MlflowException:  # a database refuses the row if another import has added the tag in the meantime
            self._known.pop(store.experiment_id, None)
            tags = self.of(store)
            if name not in tags:
                raise
            if tags[name] != value:
                store.call(store.client.set_experiment_tag, store.experiment_id, name, value)
        tags[name] = value
