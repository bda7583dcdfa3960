"""The writer for any tracking server: MlflowClient, over REST, Databricks or a local database."""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from ....schemas.job_history import JobRun
from ....schemas.runs.params_tags import APP_ID_TAG
from ..error_messages import translate_errors
from ..interface import Published, RunRecord, TrainingRuns, TreeOptions, TreeWriter
from ..job_runs import newest_job_runs
from ..mlflow_http import silent_run_urls
from ..store import TrackingStore
from ..stored_trees import application_runs, find_tree, trees_of
from ..training_runs import find_training_runs, without_training_runs
from .tree import RestTree

_TREES_AT_ONCE = 4


class RestWriter:
    """Writes through the tracking API to one experiment. Up to `calls` calls are in flight for the runs and files of
    all trees, and one more for each tree."""

    name = "rest"

    def __init__(self, store: TrackingStore, calls: int = 8, pool: Executor | None = None) -> None:
        self.store = store
        self.calls = 1 if store.is_local else calls  # a local database takes one writer at a time
        self._pool = pool or ThreadPoolExecutor(self.calls, "afterglow-publish")
        self.trees_at_once = 1 if store.is_local else _TREES_AT_ONCE
        self._trees: dict[str, Published] | None = None
        self._app_ids: set[str] = set()  # of the experiment's trees, if they were loaded
        self._absent: set[str] = set()  # applications without a run

    def load_fingerprints(self) -> None:
        """See Writer."""
        runs = application_runs(self.store)
        self._trees = trees_of(self.store, runs)
        here = [run for run in runs if run.info.experiment_id == self.store.experiment_id]
        self._app_ids = {run.data.tags.get(APP_ID_TAG, "") for run in here}

    def find(self, fingerprint: str) -> Published | None:
        """See Writer."""
        return find_tree(self.store, fingerprint) if self._trees is None else self._trees.get(fingerprint)

    def earlier_runs(self, job: str, before_ms: int, most: int) -> list[JobRun]:
        """See Writer."""
        if self._trees is not None and not any(tree.job == job for tree in self._trees.values()):
            return []
        return newest_job_runs(self.store, job, most, before_ms)

    def training_runs(self, root: RunRecord, run_id: str | None) -> TrainingRuns:
        """See Writer."""
        if run_id is None and root.tags[APP_ID_TAG] in self._absent:
            return TrainingRuns(is_new=True)
        return find_training_runs(self.store, root, run_id)

    def within(self, experiment_id: str) -> "RestWriter":
        """See Writer."""
        return RestWriter(self.store.within(experiment_id), self.calls, self._pool)

    @contextlib.contextmanager
    def batch(self, roots: Sequence[RunRecord]) -> Iterator[None]:
        """See Writer. The tracking API has no transaction."""
        new = {root.tags[APP_ID_TAG] for root in roots} - self._app_ids
        with translate_errors("cannot search runs"):
            self._absent = without_training_runs(self.store, new) if new and self._trees is not None else set()
        yield None

    @contextlib.contextmanager
    def tree(self, root: RunRecord, options: TreeOptions) -> Iterator[TreeWriter]:
        """See Writer."""
        app_id = root.tags[APP_ID_TAG]
        self._app_ids.add(app_id)
        self._absent.discard(app_id)
        with silent_run_urls(), RestTree(self.store, root, options, self._pool, self.calls).held() as tree:
            yield tree
