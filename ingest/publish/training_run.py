"""Find the run that the training job created itself. The application's tree goes under it."""

import contextlib
import csv
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from ...schemas import mlflow as strings
from ...schemas.runs.params_tags import APP_ID_TAG, KEY_TAG
from ..transient_errors import is_transient
from .autologged_runs import Owner, OwnRun
from .error_messages import translate_errors
from .store import TrackingStore

_MANY = 1000


def find_owner(store: TrackingStore, app_id: str, run_id: str | None) -> Owner | None:
    """The training job's own run: `run_id` if it is in this store, else the one tagged with the application's id.

    Of several, the outermost; none if there are several outermost ones.
    """
    run = None if run_id is None else find_run(store, run_id)
    return owner_of(store, run or outermost_run(store.tagged(APP_ID_TAG, app_id)))


def find_run(store: TrackingStore, run_id: str) -> Run | None:
    """A run by its id; None if it is not in this store."""
    with translate_errors(f"cannot read run {run_id}"):
        try:
            return store.call(store.client.get_run, run_id)
        except MlflowException as error:
            if is_transient(error):
                raise
            return None


def outermost_run(tagged: Iterable[Run]) -> Run | None:
    """The only run of an application that Afterglow did not write and that is not below another one."""
    own = [run for run in tagged if KEY_TAG not in run.data.tags]
    ids = {run.info.run_id for run in own}
    outermost = [run for run in own if run.data.tags.get(strings.PARENT_RUN_ID) not in ids]
    return outermost[0] if len(outermost) == 1 else None


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
    return Owner(run_id, experiment_id, trials, _search_results(store, run_id) if trials else [])


def _search_results(store: TrackingStore, run_id: str) -> list[dict[str, str]]:
    """search_results.csv of an autologged search, one row per param map, in order; empty if there is none."""
    with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, contextlib.suppress(MlflowException, OSError):
        path = Path(store.call(store.artifact_client().download_artifacts, run_id, "search_results.csv", folder))
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    return []
