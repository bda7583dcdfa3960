"""Find the runs that the training job created itself. The application's tree goes under one of them."""

import contextlib
import csv
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from mlflow.entities import LifecycleStage, Run, ViewType
from mlflow.exceptions import MlflowException

from ...schemas import mlflow as strings
from ...schemas.runs.params_tags import APP_ID_TAG, APPLICATION_RUN_TAG, KEY_TAG
from ..transient_errors import is_transient
from .autologged_runs import Owner, OwnRun
from .error_messages import translate_errors
from .interface import RunRecord, TrainingRuns
from .search_conditions import prefix_condition
from .store import TrackingStore

_MANY = 1000
# How far the clocks of the driver and of the process that created the run may differ.
_CLOCKS_DIFFER_MS = 60_000


def find_training_runs(store: TrackingStore, root: RunRecord, run_id: str | None) -> TrainingRuns:
    """The runs of the job that has the application run `root`.

    The owner is the run `run_id` if it is in this store, and was not deleted before the first import. Otherwise it is
    the run that was active while the application ran and is tagged with its id, in any experiment. Of several, it is
    the outermost; several outermost ones are linked. An application that was imported before stays where it is.
    """
    run = None if run_id is None else find_run(store, run_id)
    if run is not None and (_is_active(run) or find_application(store, root.key) is not None):
        return TrainingRuns(owner_of(store, run))
    tagged = store.tagged_anywhere(APP_ID_TAG, root.tags[APP_ID_TAG], deleted=True)
    own = [run for run in tagged if KEY_TAG not in run.data.tags and _is_active(run)]
    if not own:
        return TrainingRuns(is_new=not any(run.info.experiment_id == store.experiment_id for run in tagged))
    found = outermost_runs(
        [run for run in own if _overlap(run, root)]
        or [run for run in own if run.info.experiment_id == store.experiment_id]
    )
    chosen = found[0] if len(found) == 1 else _common_parent(store, found, root)
    if chosen is not None and chosen.info.experiment_id == store.experiment_id:
        return TrainingRuns(owner_of(store, chosen))
    before = find_application(store, root.key)
    if before is not None:
        above = before.data.tags.get(strings.PARENT_RUN_ID)
        chosen = next((run for run in own if run.info.run_id == above), None)
    return TrainingRuns(None, found) if chosen is None else TrainingRuns(owner_of(store, chosen))


def without_training_runs(store: TrackingStore, app_ids: Collection[str]) -> set[str]:
    """Those of these applications of which no run in any experiment has the id, apart from Afterglow's own runs.

    Needs one search per hundred experiments. The set is empty if the server cannot search like this, as MLflow before
    IS NULL, or finds many runs.
    """
    where = f"{prefix_condition(APP_ID_TAG, app_ids)} and tags.`{KEY_TAG}` IS NULL"
    found: set[str] = set()
    for some in store.experiment_groups():
        try:
            runs = store.call(store.client.search_runs, some, where, ViewType.ALL, _MANY)
        except MlflowException as error:
            if is_transient(error):
                raise
            return set()
        if runs.token:
            return set()
        found |= {run.data.tags.get(APP_ID_TAG, "") for run in runs}
    return set(app_ids) - found


def find_run(store: TrackingStore, run_id: str) -> Run | None:
    """A run by its id; None if it is not in this store."""
    with translate_errors(f"cannot read run {run_id}"):
        try:
            return store.call(store.client.get_run, run_id)
        except MlflowException as error:
            if is_transient(error):
                raise
            return None


def _is_active(run: Run) -> bool:
    return bool(run.info.lifecycle_stage != LifecycleStage.DELETED)


def outermost_runs(runs: Iterable[Run]) -> list[Run]:
    """The runs that are not below another one of them."""
    runs = list(runs)
    ids = {run.info.run_id for run in runs}
    return [run for run in runs if run.data.tags.get(strings.PARENT_RUN_ID) not in ids]


def _overlap(run: Run, root: RunRecord) -> bool:
    """Whether the run was active while the application ran. Ids of applications repeat on other clusters."""
    begin, end = run.info.start_time, run.info.end_time
    too_late = root.end_ms is not None and begin is not None and begin > root.end_ms + _CLOCKS_DIFFER_MS
    return not too_late and (not end or end >= root.start_ms - _CLOCKS_DIFFER_MS)


def _common_parent(store: TrackingStore, runs: Sequence[Run], root: RunRecord) -> Run | None:
    """The run that all of them are directly below. It began before the application, so it has no tag of it."""
    parents = {run.data.tags.get(strings.PARENT_RUN_ID) for run in runs}
    if len(parents) != 1 or None in parents:
        return None
    parent = find_run(store, str(parents.pop()))
    return parent if parent is not None and KEY_TAG not in parent.data.tags and _overlap(parent, root) else None


def find_application(store: TrackingStore, key: str) -> Run | None:
    """The application run of an earlier import, in whatever experiment."""
    roots = store.tagged_anywhere(KEY_TAG, key, deleted=True)
    return min(roots, key=lambda run: str(run.info.lifecycle_stage), default=None)


def owner_of(store: TrackingStore, run: Run | None) -> Owner | None:
    """The run with its autologged trials."""
    if run is None:
        return None
    run_id, experiment_id = run.info.run_id, run.info.experiment_id
    with translate_errors("cannot search runs"):
        below = store.call(
            store.client.search_runs,
            [experiment_id],
            f"tags.`{strings.PARENT_RUN_ID}` = '{run_id}' and tags.`{strings.AUTOLOGGING}` LIKE '%'",
            max_results=_MANY,
        )
    trials = [OwnRun(r.info.run_id, r.data.params, r.data.metrics) for r in below]
    results = _search_results(store, run_id) if trials else []
    return Owner(run_id, experiment_id, trials, results, _is_active(run), run.data.tags.get(KEY_TAG))


def link_runs(store: TrackingStore, runs: Iterable[Run], root_id: str) -> None:
    """Tag the job's runs with the id of the application run, where they do not have it yet."""
    for run in runs:
        if run.data.tags.get(APPLICATION_RUN_TAG) != root_id:
            with translate_errors(f"cannot link run {run.info.run_id}"):
                store.call(store.client.set_tag, run.info.run_id, APPLICATION_RUN_TAG, root_id)


def _search_results(store: TrackingStore, run_id: str) -> list[dict[str, str]]:
    """search_results.csv of an autologged search, one row per param map, in order; empty if there is none."""
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, contextlib.suppress(MlflowException, OSError):
        path = Path(store.call(store.artifact_client().download_artifacts, run_id, "search_results.csv", folder))
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    return []
