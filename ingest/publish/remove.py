"""Remove an application's tree. Its runs are deleted as in MLflow and can be restored."""

import time

from mlflow.entities import Run

from ...schemas.mlflow import AUTOLOGGING
from ...schemas.runs.params_tags import APP_ID_TAG, DIGEST_TAG, KEY_TAG, LEVEL_TAG, TRACE_TAG
from .error_messages import translate_errors
from .interface import Root, RunRecord
from .leased_root import LeasedRoot
from .run_calls import RunCalls
from .store import TrackingStore
from .trace.trace import delete_trace


def remove_tree(store: TrackingStore, root: Root) -> int:
    """Delete the runs of a tree, and return their number. The last tree takes the saved views with it.

    It holds the tree's lease while it runs, and waits for an import that holds it. After an interruption the tree
    counts as deleted. Call it again to delete the rest.

    Raises:
        PublishError: MLflow refused or could not be reached.
    """
    store = store.within(root.experiment_id)
    tags = {name: root.tags[name] for name in (KEY_TAG, APP_ID_TAG, LEVEL_TAG) if name in root.tags}
    now = int(time.time() * 1000)
    record = RunRecord(root.key, None, root.name, "FINISHED", now, now, tags)
    lease = LeasedRoot(store, RunCalls(store), record, None, removing=True)
    try:
        with translate_errors(f"cannot delete {root.name!r}"):
            found = lease.acquire("")
            if found.created:  # another process has removed it meanwhile
                lease.abandon(found.run_id)
                return 0
            below = [run for run in store.tagged(APP_ID_TAG, root.tags[APP_ID_TAG]) if _is_below(run, root.key)]
            delete_trace(store, root.tags.get(TRACE_TAG))
            for run_id in [*(run.info.run_id for run in below), found.run_id]:  # the root last: it holds the lease
                store.call(store.client.delete_run, run_id)
            store.delete_unused_views()
            return len(below) + 1
    finally:
        lease.release()


def _is_below(run: Run, root: str) -> bool:
    """Whether a run is part of this tree and was not created by the training job itself."""
    tags = run.data.tags
    return tags.get(KEY_TAG, "").startswith(root + "/") and DIGEST_TAG in tags and AUTOLOGGING not in tags
