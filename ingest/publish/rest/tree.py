"""One application's tree through the tracking API: three calls a run, many in flight."""

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any

from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, RunTag

from ....schemas import mlflow as strings
from ....schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, KEY_TAG, LEASE_TAG
from ...errors import PublishError
from ..existing_runs import WITHDRAWN, Known, known_runs
from ..interface import Dataset, Published, RunRecord
from ..lease import Claim, hold
from ..retry import Patience, refused
from .runs import ClientRuns

_TAKEN_OVER = "another import took this one for dead and writes its tree; import the log again"
_UNQUOTABLE = re.compile(r"""['"\\`]""")


class ClientTree:
    """See TreeWriter. A run is made, ended and then filled, its digest last: without it, it is not whole."""

    def __init__(
        self,
        client: Any,
        artifact_client: Any,
        experiment_id: str,
        search: Callable[[str, bool], Iterator[Any]],
        patience: Patience,
        calls: int,
        parent_run: str | None,
        own: Mapping[str, str],
    ) -> None:
        self.settled: Published | None = None
        self._written: list[str] = []  # appended to by many threads
        self._client, self._artifact_client, self._search = client, artifact_client, search
        self._runs, self._parent_run, self._own = ClientRuns(client, experiment_id, patience), parent_run, own
        self._ids: dict[str, str] = dict(own)
        self._made: dict[str, Mapping[str, str]] = {}  # with which tags; forgotten when it is filled
        self._known: dict[str, Known] = {}
        self._deleted: set[str] = set()
        self._pool = ThreadPoolExecutor(calls, "afterglow-publish")
        self._room = threading.Semaphore(calls * 4)
        self._under_way: list[Future[None]] = []
        self._claim: Claim | None = None
        self._root = self._app_id = self._identity = ""
        self._published: Callable[[str, str], Published]
        self._lost = False

    @property
    def kept(self) -> int:
        """See TreeWriter."""
        return len(self._written)

    @contextlib.contextmanager
    def held(self, root: RunRecord, identity: str, restore: bool, published: Callable[[str, str], Published]) -> Any:
        """Takes hold of the tree for as long as the context lasts."""
        self._root, self._app_id = root.key, root.tags[APP_ID_TAG]
        self._identity, self._published = identity, published
        there = self._roots(deleted=True)
        if there and all(run.info.lifecycle_stage == "deleted" for run in there) and not restore:
            self.settled = published(there[0].info.run_id, "deleted")
            yield self
            return
        if restore:
            self._restore()
        try:
            with _no_urls():
                self._take(root)
                yield self
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
            if self._claim is not None:  # not finished: let go, so that the next import need not wait
                self._claim.release()
                if self._root in self._ids and not self._lost:
                    with contextlib.suppress(Exception):
                        self._client.log_batch(self._ids[root.key], tags=[RunTag(LEASE_TAG, "")])

    def _roots(self, deleted: bool) -> list[Any]:
        found = self._runs.call(lambda: list(self._search(condition(KEY_TAG, self._root), deleted)))
        return [run for run in found if run.data.tags.get(KEY_TAG) == self._root]

    def _all(self, deleted: bool) -> list[Any]:
        """The application's runs, and those that were withdrawn from it."""
        found = self._runs.call(lambda: list(self._search(condition(APP_ID_TAG, self._app_id), deleted)))
        return [run for run in found if run.data.tags.get(APP_ID_TAG) == self._app_id]

    def _take(self, root: RunRecord) -> None:
        self._claim = claim = Claim(self._beat)
        run_id, settled = hold(
            claim,
            lambda: self._roots(deleted=False),
            lambda value: self._make(root, {LEASE_TAG: value}),
            lambda found, value: self._runs.set_tags(found, {LEASE_TAG: value}),
            self._runs.withdraw,
            self._identity,
        )
        if settled:
            claim.release()
            self._claim = None
            self.settled = self._published(run_id, "unchanged")
            return
        self._ids[root.key] = run_id
        claim.keep()
        every = self._all(deleted=True)
        self._known = known_runs((run for run in every if run.data.tags.get(KEY_TAG) != self._root), root.key)
        self._known |= known_runs((run for run in every if run.info.run_id == run_id), root.key)
        for key, known in self._known.items():
            self._ids.setdefault(key, known.run_id)
            if known.deleted:
                self._deleted.add(key)
        self._runs.set_tags(run_id, {FINGERPRINT_TAG: ""})

    def _beat(self, value: str) -> None:
        """Says that this process still writes, unless another one that took it for dead has its name there."""
        run_id = self._ids[self._root]
        if not self._holds(run_id):
            self._lost = True
            return
        self._client.log_batch(run_id, tags=[RunTag(LEASE_TAG, value)])

    def _holds(self, run_id: str) -> bool:
        value = self._client.get_run(run_id).data.tags.get(LEASE_TAG)
        return self._claim is not None and self._claim.holds(value)

    def _restore(self) -> None:
        """The root last: until then the next import still sees a deleted tree, and is asked to restore it again."""
        found = known_runs(self._all(deleted=True), self._root)
        for key in sorted(found, key=lambda key: key == self._root):
            if found[key].deleted:
                self._runs.call(partial(self._client.restore_run, found[key].run_id))

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """See TreeWriter: level by level, as a run is made with its parent's id."""
        depth: dict[str | None, int] = {None: -1}
        for record in records:
            depth[record.key] = depth.get(record.parent, 0) + 1
        for _, level in groupby(sorted(records, key=lambda r: depth[r.key]), lambda r: depth[r.key]):
            missing = [record for record in level if record.key not in self._ids]
            for record, run_id in zip(missing, self._pool.map(self._make, missing), strict=True):
                self._ids[record.key] = run_id
                self._made[record.key] = record.tags

    def run_id(self, key: str) -> str:
        """See TreeWriter."""
        return self._ids[key]

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """See TreeWriter."""
        if self._lost:
            raise PublishError(_TAKEN_OVER)
        known = self._known.get(record.key)
        if record.key in self._deleted or (known is not None and known.stands(record, note)):
            return False
        self._room.acquire()
        future = self._pool.submit(self._write, record, note, known)
        future.add_done_callback(lambda _: self._room.release())
        self._under_way.append(future)
        if len(self._under_way) > 1000:
            self._settle(self._under_way[:500])
            del self._under_way[:500]
        return True

    def _settle(self, futures: Iterable[Future[None]]) -> None:
        for future in futures:
            future.result()

    def flush(self) -> None:
        """See TreeWriter."""
        self._settle(self._under_way)
        self._under_way.clear()

    def _write(self, record: RunRecord, note: str | None, known: Known | None) -> None:
        run_id, own = self._ids.get(record.key), record.key in self._own
        has = self._made.pop(record.key, {})
        if run_id is None:
            run_id, has = self._make(record), record.tags
            self._ids[record.key] = run_id
        with refused(f"cannot write {record.name!r}"):
            if not own:
                rename = known is not None and known.name != record.name and known.own_name
                self._runs.end(run_id, record, rename)
            self._runs.fill(run_id, record, note, known, self._parent(record), own, has)
        self._written.append(record.key)

    def _make(self, record: RunRecord, more: Mapping[str, str] | None = None) -> str:
        return self._runs.make(record, self._parent(record), more)

    def _parent(self, record: RunRecord) -> str | None:
        return self._ids[record.parent] if record.parent is not None else self._parent_run

    def datasets(self, datasets: Iterable[Dataset]) -> None:
        """See TreeWriter."""
        context = [InputTag(strings.DATASET_CONTEXT, "training")]
        inputs = [DatasetInput(MlflowDataset(d.name, d.digest, d.source_type, d.source), context) for d in datasets]
        if inputs:
            with refused("cannot log input datasets"):
                self._runs.call(lambda: self._client.log_inputs(self._ids[self._root], inputs))

    def artifacts(self, key: str, folder: str) -> None:
        """See TreeWriter."""
        if key in self._deleted:
            return
        with refused("cannot upload artifacts"):
            self._runs.call(lambda: self._artifact_client.log_artifacts(self._ids[key], folder))

    def finish(self, tags: Mapping[str, str]) -> None:
        """See TreeWriter. A call whose answer got lost may have made a run twice: such runs are deleted first."""
        every = self._all(deleted=False)
        with refused("cannot read the application's run"):
            if self._lost or not self._runs.call(lambda: self._holds(self._ids[self._root])):
                self._lost = True
                raise PublishError(_TAKEN_OVER)
        whole = [run.info.run_id for run in every if self._is_root_of_another(run)]
        if whole:
            self._yield_to(whole[0])
            return
        for run in every:
            key = run.data.tags.get(KEY_TAG, "")
            ours = key == self._root or key.startswith(self._root + "/")
            if key == WITHDRAWN or (ours and self._ids.get(key) != run.info.run_id):
                self._runs.withdraw(run.info.run_id)
        if self._claim is not None:
            self._claim.release()
        # Where a store writes them one by one: complete comes last.
        last = sorted({**tags, LEASE_TAG: ""}.items(), key=lambda tag: tag[0] == FINGERPRINT_TAG)
        self._runs.set_tags(self._ids[self._root], dict(last))
        self._claim = None

    def _is_root_of_another(self, run: Any) -> bool:
        """A writer that does not speak this protocol (`sql`) has committed the same tree meanwhile."""
        tags, mine = run.data.tags, self._ids[self._root]
        complete = tags.get(FINGERPRINT_TAG) == self._identity
        return bool(tags.get(KEY_TAG) == self._root and complete and run.info.run_id != mine)

    def _yield_to(self, run_id: str) -> None:
        for key in sorted(self._ids, key=lambda key: key == self._root):
            if key not in self._own:
                self._runs.withdraw(self._ids[key])
        if self._claim is not None:
            self._claim.release()
        self._claim = None
        self.settled = self._published(run_id, "unchanged")


@contextlib.contextmanager
def _no_urls() -> Iterator[None]:
    """MLflow asks the server for every run that ends, to print its address to stdout."""
    name = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"
    before = os.environ.get(name)
    os.environ[name] = "true"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def condition(tag: str, value: str) -> str:
    """A search condition for a tag with this value. The filter language has no escape for a quote, so that a value with
    one may find others too: the caller compares."""
    if not _UNQUOTABLE.search(value):
        return f"tags.`{tag}` = '{value}'"
    return f"tags.`{tag}` LIKE '{_UNQUOTABLE.sub('_', value)}'"
