"""The writer for any tracking server: MlflowClient, over REST, Databricks or a local database."""

import contextlib
from collections.abc import Iterator, Sequence

from ....schemas.job_history import JobRun
from ..interface import Published, RunRecord, TrainingRuns, TreeOptions, TreeWriter
from ..job_runs import newest_job_runs
from ..mlflow_internals import silent_run_urls
from ..store import TrackingStore
from ..stored_trees import all_trees, find_tree
from ..training_runs import find_training_runs
from .tree import RestTree


class RestWriter:
    """Writes through the tracking API to one experiment. Up to `calls` calls are in flight."""

    name = "rest"

    def __init__(self, store: TrackingStore, calls: int = 8) -> None:
        self.store, self.calls = store, calls
        self._trees: dict[str, Published] | None = None

    def load_fingerprints(self) -> None:
        """See Writer."""
        self._trees = all_trees(self.store)

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
        return find_training_runs(self.store, root, run_id)

    def within(self, experiment_id: str) -> "RestWriter":
        """See Writer."""
        return RestWriter(self.store.within(experiment_id), self.calls)

    def batch(self, roots: Sequence[RunRecord]) -> contextlib.AbstractContextManager[None]:
        """See Writer. The tracking API has no transaction."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def tree(self, root: RunRecord, options: TreeOptions) -> Iterator[TreeWriter]:
        """See Writer."""
        calls = 1 if self.store.is_local else self.calls  # a local database takes one writer at a time
        with silent_run_urls(), RestTree(self.store, root, options, calls).held() as tree:
            yield tree
