"""Find and list the trees in a store."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from mlflow.entities import Run

from ...schemas import mlflow as strings
from ...schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, KEY_TAG, LEVEL_TAG, STUDY_TAG
from .existing_runs import ABANDONED
from .interface import Published, Root, State
from .search_conditions import condition
from .store import TrackingStore
from .views import tree_view

_APPLICATIONS = f"tags.`{LEVEL_TAG}` = 'application'"


def published(store: TrackingStore, run: Run) -> Published:
    """A stored tree, from its application run."""
    state: State = "deleted" if run.info.lifecycle_stage == "deleted" else "unchanged"
    return published_as(store, run, state)


def published_as(store: TrackingStore, run: Run, state: State) -> Published:
    """The same, with a state that overrides the run's."""
    tags = run.data.tags
    url = store.url(tree_view(tags.get(APP_ID_TAG, "")))
    return Published(store.experiment_id, run.info.run_id, 0, 0, url, state).with_tags(tags)


def find_tree(store: TrackingStore, fingerprint: str) -> Published | None:
    """The tree with this fingerprint; active ones are preferred to deleted ones.

    A tree in another experiment counts where it is under a run of the training job, or beside one.
    """
    moved: list[Run] = []
    for some in store.tagged_everywhere(FINGERPRINT_TAG, fingerprint, deleted=True):
        here = [run for run in some if run.info.experiment_id == store.experiment_id]
        if here:
            return published(store, min(here, key=_active_first))
        moved.extend(filter(_is_beside_training_runs, some))
    run = min(moved, key=_active_first, default=None)
    return None if run is None else published(store.within(run.info.experiment_id), run)


def find_tree_anywhere(store: TrackingStore, fingerprint: str, experiment: re.Pattern[str]) -> Published | None:
    """The same, in all experiments with a matching name."""
    where = store.experiments(experiment)
    runs = store.search(f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}'", True, where) if where else iter(())
    found = (published(store.within(run.info.experiment_id), run) for run in sorted(runs, key=_active_first))
    return next(found, None) or find_tree(store, fingerprint)


def application_runs(store: TrackingStore) -> list[Run]:
    """The application runs of all experiments, deleted ones too."""
    return list(store.search(_APPLICATIONS, deleted=True, experiments=store.experiments()))


def trees_of(store: TrackingStore, runs: Iterable[Run]) -> dict[str, Published]:
    """Fingerprint -> tree, of these application runs: those of the experiment, and those under runs of training
    jobs."""
    here = [run for run in runs if run.info.experiment_id == store.experiment_id or _is_beside_training_runs(run)]
    return {
        run.data.tags.get(FINGERPRINT_TAG, ""): published(store.within(run.info.experiment_id), run)
        for run in sorted(here, key=_active_first, reverse=True)
    }


def _is_beside_training_runs(run: Run) -> bool:
    return bool({strings.PARENT_RUN_ID, STUDY_TAG} & run.data.tags.keys())


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
