"""The lease on one tree, kept on its application run through the tracking API."""

from collections.abc import Mapping

from mlflow.entities import Run, RunTag

from ...schemas.runs.params_tags import KEY_TAG, LEASE_TAG
from .interface import RunRecord
from .lease import Acquired, Lease, acquire
from .run_calls import RunCalls
from .store import TrackingStore


class LeasedRoot:
    """The application run `root`, under `parent`. See LeaseStore for what `acquire` needs of it."""

    def __init__(
        self, store: TrackingStore, calls: RunCalls, root: RunRecord, parent: str | None, removing: bool = False
    ) -> None:
        self._store, self._calls, self._root, self._parent = store, calls, root, parent
        self._lease = Lease(self._heartbeat, removing)
        self._run_id: str | None = None

    def acquire(self, fingerprint: str) -> Acquired:
        """Acquire the lease and keep renewing it, unless the tree already has this fingerprint."""
        found = acquire(self._lease, self, fingerprint)
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
        """Stop the heartbeat and clear the tag, so that the next import does not wait."""
        self.release()
        if self._run_id is not None and not self._lease.lost:
            self._store.client.log_batch(self._run_id, tags=[RunTag(LEASE_TAG, "")])

    @property
    def lost(self) -> bool:
        """Whether another process is known to have taken over the lease."""
        return self._lease.lost

    def check(self) -> bool:
        """Ask the store whether this process still holds the lease. Once lost, it stays lost."""
        if not self._lease.lost and self._run_id is not None:
            run = self._store.call(self._store.client.get_run, self._run_id)
            self._lease.lost = not self._lease.owns(run.data.tags.get(LEASE_TAG))
        return not self._lease.lost

    def _heartbeat(self, value: str) -> None:
        if self._run_id is None:
            return
        run = self._store.client.get_run(self._run_id)
        if not self._lease.owns(run.data.tags.get(LEASE_TAG)):
            self._lease.lost = True
            return
        self._store.client.log_batch(self._run_id, tags=[RunTag(LEASE_TAG, value)])

    def runs(self, deleted: bool = False) -> list[Run]:
        """The application runs with this key."""
        return self._store.tagged(KEY_TAG, self._root.key, deleted)

    def list_roots(self) -> Mapping[str, Mapping[str, str]]:
        """See LeaseStore."""
        return {run.info.run_id: run.data.tags for run in self.runs()}

    def create_root(self, value: str) -> str:
        """See LeaseStore."""
        return self._calls.create(self._root, self._parent, {LEASE_TAG: value})

    def renew(self, run_id: str, value: str) -> None:
        """See LeaseStore."""
        self._calls.set_tags(run_id, {LEASE_TAG: value})

    def abandon(self, run_id: str) -> None:
        """See LeaseStore."""
        self._calls.abandon(run_id)
