"""The lease on one tree, kept on its application run through the tracking API."""

from collections.abc import Mapping, Sequence

from mlflow.entities import Run, RunTag

from ...schemas.runs.params_tags import KEY_TAG, LEASE_TAG
from .interface import RunRecord
from .lease import Acquired, Lease, acquire
from .mlflow_http import limit_http_requests
from .run_calls import RunCalls
from .store import TrackingStore

_CLEAR_S = 5.0


class LeasedRoot:
    """The application run `root`, under `parent`. See LeaseStore for what `acquire` needs of it."""

    def __init__(
        self, store: TrackingStore, calls: RunCalls, root: RunRecord, parent: str | None, removing: bool = False
    ) -> None:
        self._store, self._calls, self._root, self._parent = store, calls, root, parent
        self._lease = Lease(self._heartbeat, removing)
        self._run_id: str | None = None
        self.listed: Sequence[Run] = ()
        """The application runs with this key when they were last listed, deleted ones too."""

    def acquire(self, fingerprint: str, is_new: bool = False) -> Acquired:
        """Acquire the lease and keep renewing it, unless the tree already has this fingerprint. `is_new` if there was
        no run of the application a moment ago."""
        try:
            found = acquire(self._lease, self, fingerprint, is_new, self._store.pause)
        except BaseException:
            self.release()
            raise
        if found.complete:
            self.release()
        else:
            self._run_id = found.run_id
            self._lease.start_heartbeat()
        return found

    def release(self) -> None:
        """Stop the heartbeat; the tag is left unchanged."""
        self._lease.release()

    def clear(self) -> None:
        """Stop the heartbeat and clear the tag, so that the next import does not wait. It is tried once, because the
        store may be why this import ends."""
        self.release()
        if self._run_id is not None and not self._lease.lost:
            with limit_http_requests(_CLEAR_S):
                self._store.client.log_batch(self._run_id, tags=[RunTag(LEASE_TAG, "")])

    @property
    def lost(self) -> bool:
        """Whether another process is known to have taken over the lease."""
        return self._lease.lost

    def check(self, run: Run | None) -> bool:
        """Whether this process still holds the lease, according to the application run as it was just read; None if it
        is not active any more. Once lost, it stays lost."""
        if not self._lease.lost and self._run_id is not None:
            self._lease.lost = run is None or not self._lease.owns(run.data.tags.get(LEASE_TAG))
        return not self._lease.lost

    def _heartbeat(self, value: str) -> None:
        if self._run_id is None:
            return
        run = self._store.client.get_run(self._run_id)
        if not self._lease.owns(run.data.tags.get(LEASE_TAG)):
            self._lease.lost = True
            return
        self._store.client.log_batch(self._run_id, tags=[RunTag(LEASE_TAG, value)])

    def list_roots(self) -> Mapping[str, Mapping[str, str]]:
        """See LeaseStore."""
        self.listed = self._store.tagged(KEY_TAG, self._root.key, deleted=True)
        return {run.info.run_id: run.data.tags for run in self.listed if run.info.lifecycle_stage != "deleted"}

    def create_root(self, value: str) -> str:
        """See LeaseStore."""
        return self._calls.create(self._root, self._parent, {LEASE_TAG: value})

    def renew(self, run_id: str, value: str) -> None:
        """See LeaseStore."""
        self._calls.set_tags(run_id, {LEASE_TAG: value})

    def abandon(self, run_id: str) -> None:
        """See LeaseStore."""
        self._calls.abandon(run_id)
