"""Find and list the trees in a store."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from mlflow.entities import Run

from ...schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, KEY_TAG, LEVEL_TAG
from .existing_runs import ABANDONED
from .interface import Published, Root, State
from .store import TrackingStore, condition

_APPLICATIONS = f"tags.`{LEVEL_TAG}` = 'application'"


def published(store: TrackingStore, run: Run) -> Published:
    """A stored tree, from its application run."""
    state: State = "deleted" if run.info.lifecycle_stage == "deleted" else "unchanged"
    return published_as(store, run, state)


def published_as(store: TrackingStore, run: Run, state: State) -> Published:
    """The same, with a state that overrides the run's."""
    tags = run.data.tags
    return Published(store.experiment_id, run.info.run_id, 0, 0, store.url(tags.get(APP_ID_TAG, "")), state).with_tags(
        tags
    )


def find_tree(store: TrackingStore, fingerprint: str) -> Published | None:
    """The tree with this fingerprint; active ones are preferred to deleted ones."""
    runs = store.search(f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}'", deleted=True)
    return next((published(store, run) for run in sorted(runs, key=_active_first)), None)


def find_tree_anywhere(store: TrackingStore, fingerprint: str, experiment: re.Pattern[str]) -> Published | None:
    """The same, in all experiments with a matching name."""
    where = store.experiments(experiment)
    runs = store.search(f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}'", True, where) if where else iter(())
    found = (published(store.within(run.info.experiment_id), run) for run in sorted(runs, key=_active_first))
    return next(found, None)


def all_trees(store: TrackingStore) -> dict[str, Published]:
    """Fingerprint -> tree, of every application of the experiment."""
    runs = sorted(store.search(_APPLICATIONS, deleted=True), key=_active_first, reverse=True)
    return {run.data.tags.get(FINGERPRINT_TAG, ""): published(store, run) for run in runs}


def roots(
    store: TrackingStore, app_ids: Sequence[str] = (), experiments: Literal["this", "all"] = "this"
) -> Iterator[Root]:
    """The application runs, including incomplete and deleted ones; only of these applications, if any are given."""
    where = store.experiments() if experiments == "all" else []
    for more in [f" and {condition(APP_ID_TAG, app_id)}" for app_id in app_ids] or [""]:
        for run in store.search(_APPLICATIONS + more, True, where):
            tags = run.data.tags
            if tags.get(KEY_TAG) != ABANDONED and (not app_ids or tags.get(APP_ID_TAG) in app_ids):
                yield root(run)


def root(run: Run) -> Root:
    """Convert an application run."""
    info, tags = run.info, run.data.tags
    deleted = info.lifecycle_stage == "deleted"
    return Root(info.experiment_id, info.run_id, tags.get(KEY_TAG, ""), info.run_name, tags, deleted)


def _active_first(run: Run) -> str:
    return str(run.info.lifecycle_stage)
