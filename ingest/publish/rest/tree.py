"""Write one application's tree through the tracking API, with three calls per run and many in flight.

A new tree needs three more: one that looks for other imports of the application after its run is created, one at the
end, and one per file.
"""

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, Run

from ....schemas import mlflow as strings
from ....schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, KEY_TAG, LEASE_TAG
from ..artifacts import files_of
from ..error_messages import translate_errors
from ..existing_runs import ABANDONED, Known, known_runs, replaced_runs
from ..interface import Dataset, Published, RunRecord, TreeOptions
from ..lease import LeaseLostError, is_being_removed
from ..leased_root import LeasedRoot
from ..mlflow_internals import append_to_uri_path, remove_partial_uploads
from ..run_calls import RunCalls
from ..search_conditions import condition
from ..store import TrackingStore
from ..stored_trees import published, published_as

Result = TypeVar("Result")

_LEFT_OUT_AT_MOST = 100
"""Ids in a search's filter, which the server parses slowly."""
_TAKEN_OVER = "another import took this one for dead and writes its tree; import the log again"


class RestTree:
    """See TreeWriter. A run is created, ended and then filled. Its digest comes last; a run without it is
    incomplete. The root is written by `finish`. Up to `calls` calls are in flight in the pool."""

    def __init__(self, store: TrackingStore, root: RunRecord, options: TreeOptions, pool: Executor, calls: int) -> None:
        self.settled: Published | None = None
        self.is_new = False
        self._written: list[str] = []  # appended to by many threads
        self._store, self._options, self._root = store, options, root
        self._artifact_client = store.artifact_client()
        self._calls = RunCalls(store)
        self._ids: dict[str, str] = dict(options.own)
        self._created: dict[str, Mapping[str, str]] = {}  # with these tags; removed when it is filled
        self._known: dict[str, Known] = {}
        self._reserved: set[str] = set()
        self._deleted: set[str] = set()
        self._last: tuple[RunRecord, str | None] | None = None  # the root and its description
        self._pool = pool
        self._room = threading.Semaphore(calls * 4)
        self._under_way: list[Future[Any]] = []
        self._lease: LeasedRoot | None = None

    @property
    def kept(self) -> int:
        """See TreeWriter."""
        return len(self._written)

    @contextlib.contextmanager
    def held(self) -> Iterator["RestTree"]:
        """Hold the lease on the tree while in the context."""
        self._store.check_unchanged()
        try:
            self._acquire()
            yield self
        finally:
            _stop(self._under_way)
            if self._lease is not None:  # not finished
                with contextlib.suppress(Exception):
                    self._lease.clear()

    def _acquire(self) -> None:
        restore, is_new = self._options.restore, self._options.is_new
        while True:
            lease = LeasedRoot(self._store, self._calls, self._root, self._options.parent_run)
            if not is_new:
                lease.list_roots()
            if lease.listed and all(map(_is_gone, lease.listed)) and not restore:
                lease.release()
                self.settled = published_as(self._store, lease.listed[0], "deleted")
                return
            if restore:
                self._restore()
            found = lease.acquire(self._options.fingerprint, is_new)
            if found.complete:
                run = next(run for run in lease.listed if run.info.run_id == found.run_id)
                self.settled = published(self._store, run)
                return
            self._lease = lease
            if not (found.created and any(map(_is_gone, lease.listed))):
                break
            lease.release()  # the tree was removed while this import waited for its lease
            self._lease, is_new = None, False
            self._calls.abandon(found.run_id)
        self.is_new = found.created
        if not (is_new and found.created):
            self._take_up(found.run_id)
        self._ids[self._root.key] = found.run_id
        if found.created:
            self._created[self._root.key] = self._root.tags

    def _take_up(self, root_id: str) -> None:
        """Read the runs that an earlier import left."""
        root, every = self._root.key, self._of_application(deleted=True)
        self._ids[root] = root_id
        self._known = known_runs((run for run in every if run.data.tags.get(KEY_TAG) != root), root)
        self._known |= known_runs((run for run in every if run.info.run_id == root_id), root)
        for key, known in self._known.items():
            self._ids.setdefault(key, known.run_id)
            if known.deleted:
                self._deleted.add(key)
        if any(run.info.run_id == root_id and run.data.tags.get(FINGERPRINT_TAG) for run in every):
            self._calls.set_tags(root_id, {FINGERPRINT_TAG: ""})

    def _of_application(self, deleted: bool) -> list[Run]:
        """The application's runs, and its abandoned runs."""
        return self._store.tagged(APP_ID_TAG, self._root.tags[APP_ID_TAG], deleted)

    def _restore(self) -> None:
        """Restore the root last. Until then, the next import sees a deleted tree and needs `restore` again."""
        root = self._root.key
        found = known_runs(self._of_application(deleted=True), root)
        for key in sorted(found, key=lambda key: key == root):
            if found[key].deleted:
                self._store.call(self._store.client.restore_run, found[key].run_id)
        if root in found:
            self._calls.set_tags(found[root].run_id, {LEASE_TAG: ""})

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """See TreeWriter. Works level by level, since a run is created with its parent's id."""
        self._reserved.update(record.key for record in records)
        depth: dict[str | None, int] = {None: -1}
        for record in records:
            depth[record.key] = depth.get(record.parent, 0) + 1
        for _, level in groupby(sorted(records, key=lambda r: depth[r.key]), lambda r: depth[r.key]):
            missing = [record for record in level if record.key not in self._ids]
            for record, run_id in zip(missing, self._all(partial(self._create, one) for one in missing), strict=True):
                self._ids[record.key] = run_id
                self._created[record.key] = record.tags

    def run_id(self, key: str) -> str:
        """See TreeWriter."""
        return self._ids[key]

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """See TreeWriter."""
        if self._lease is None or self._lease.lost:
            raise LeaseLostError(_TAKEN_OVER)
        known = self._known.get(record.key)
        if record.key in self._deleted or (known is not None and known.is_current(record, note)):
            return False
        if record.key == self._root.key:
            self._last = record, note
            return True
        self._room.acquire()
        future = self._pool.submit(self._write, record, note, known)
        future.add_done_callback(lambda _: self._room.release())
        self._under_way.append(future)
        if len(self._under_way) > 1000:
            _wait_for(self._under_way[:500])
            del self._under_way[:500]
        return True

    def flush(self) -> None:
        """See TreeWriter."""
        _wait_for(self._under_way)
        self._under_way.clear()

    def _all(self, calls: Iterable[Callable[[], Result]]) -> list[Result]:
        """The results of calls that are made at once. None is under way when this returns or raises."""
        futures = [self._pool.submit(call) for call in calls]
        try:
            return [future.result() for future in futures]
        finally:
            _stop(futures)

    def _write(self, record: RunRecord, note: str | None, known: Known | None) -> None:
        if record.key not in self._ids:
            self._ids[record.key] = self._create(record)
            self._created[record.key] = record.tags
        self._end(record, known)
        self._fill(record, note, known)

    def _end(self, record: RunRecord, known: Known | None) -> None:
        if record.key not in self._options.own:
            rename = known is not None and known.name != record.name and known.own_name
            with translate_errors(f"cannot write {record.name!r}"):
                self._calls.end(self._ids[record.key], record, rename)

    def _fill(
        self, record: RunRecord, note: str | None, known: Known | None, last: Mapping[str, str] | None = None
    ) -> None:
        run_id, own = self._ids[record.key], record.key in self._options.own
        has = self._created.pop(record.key, {})
        with translate_errors(f"cannot write {record.name!r}"):
            self._calls.fill(run_id, record, note, known, self._parent(record), own, has, last)
        self._written.append(record.key)

    def _create(self, record: RunRecord) -> str:
        return self._calls.create(record, self._parent(record))

    def _parent(self, record: RunRecord) -> str | None:
        return self._ids[record.parent] if record.parent is not None else self._options.parent_run

    def datasets(self, key: str, datasets: Iterable[Dataset]) -> None:
        """See TreeWriter."""
        context = [InputTag(strings.DATASET_CONTEXT, "training")]
        inputs = [DatasetInput(MlflowDataset(d.name, d.digest, d.source_type, d.source), context) for d in datasets]
        if inputs and key not in self._deleted:
            with translate_errors("cannot log input datasets"):
                self._store.call(self._store.client.log_inputs, self._ids[key], inputs)

    def artifacts(self, key: str, fill: Callable[[str], None]) -> None:
        """See TreeWriter."""
        if key in self._deleted:
            return
        with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, translate_errors("cannot upload artifacts"):
            fill(folder)
            if self._store.is_local:
                remove_partial_uploads(append_to_uri_path(self._store.artifact_location(), self._ids[key], "artifacts"))
            upload = self._calls.uploader(self._ids[key], self._artifact_client)
            # one call a file, so that a retry does not begin with the first again
            self._all(partial(self._store.call, upload, path, place) for path, place in files_of(folder))

    def finish(self, tags: Mapping[str, str]) -> None:
        """See TreeWriter. A call whose response was lost may have created a run twice. Such runs are deleted first."""
        self._store.check_unchanged()
        root, every = self._root.key, self._unexpected()
        mine = next((run for run in every if run.info.run_id == self._ids[root]), None)
        if self._lease is None or not self._lease.check(mine):
            raise LeaseLostError(_TAKEN_OVER)
        whole = [run for run in every if self._is_root_of_another(run)]
        if whole:
            self._give_way_to(whole[0])
            return
        for run in every:
            key = run.data.tags.get(KEY_TAG, "")
            of_tree = key == root or key.startswith(root + "/")
            if key == ABANDONED or (of_tree and self._ids.get(key) != run.info.run_id):
                self._calls.abandon(run.info.run_id)
        for run_id in replaced_runs(self._known, self._reserved):
            self._calls.abandon(run_id)
        known = self._known.get(root)
        if self._last is not None:
            self._end(self._last[0], known)
        self._lease.release()
        # If a store writes tags one by one, the fingerprint comes last.
        last = dict(sorted({**tags, LEASE_TAG: ""}.items(), key=lambda tag: tag[0] == FINGERPRINT_TAG))
        if self._last is None:
            self._calls.set_tags(self._ids[root], last)
        else:
            self._fill(*self._last, known, last)
        self._lease = None

    def _unexpected(self) -> list[Run]:
        """The application's active runs, without most of those that this import expects: their metrics are many."""
        app_id, where = self._root.tags[APP_ID_TAG], condition(APP_ID_TAG, self._root.tags[APP_ID_TAG])
        ids = [run_id for key, run_id in self._ids.items() if key != self._root.key]
        if 0 < len(ids) <= _LEFT_OUT_AT_MOST and self._store.version():
            where += f" and attributes.run_id NOT IN ({', '.join(map(repr, ids))})"
        return [run for run in self._store.search(where) if run.data.tags.get(APP_ID_TAG) == app_id]

    def _is_root_of_another(self, run: Run) -> bool:
        """Whether the SQL writer, which takes no lease, has committed the same tree in the meantime."""
        tags, mine = run.data.tags, self._ids[self._root.key]
        complete = tags.get(FINGERPRINT_TAG) == self._options.fingerprint
        return bool(tags.get(KEY_TAG) == self._root.key and complete and run.info.run_id != mine)

    def _give_way_to(self, root: Run) -> None:
        for key in sorted(self._ids, key=lambda key: key == self._root.key):
            if key not in self._options.own:
                self._calls.abandon(self._ids[key])
        if self._lease is not None:
            self._lease.release()
        self._lease = None
        self.settled = published(self._store, root)


def _is_gone(run: Run) -> bool:
    return run.info.lifecycle_stage == "deleted" or is_being_removed(run.data.tags)


def _wait_for(futures: Iterable[Future[Any]]) -> None:
    for future in futures:
        future.result()


def _stop(futures: Iterable[Future[Any]]) -> None:
    """Cancel what has not begun, and wait for the rest."""
    futures = [future for future in futures if not future.cancel()]
    wait(futures)
