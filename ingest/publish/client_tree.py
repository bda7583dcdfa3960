"""One application's tree through the tracking API: three calls a run, many in flight."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any

from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag

from ...schemas import mlflow as strings
from ...schemas.runs import COMPLETE_TAG, DIGEST_TAG, KEY_TAG, WRITER_TAG
from .claim import Claim, hold
from .interface import Dataset, Published, RunRecord
from .refused import Patience, patiently, refused
from .written import WITHDRAWN, Known, digest, known_runs, renewed


class ClientTree:
    """See TreeWriter. A run is made, ended and then filled, its digest last: without it, it is not whole."""

    def __init__(
        self,
        client: Any,
        experiment_id: str,
        search: Callable[[str, bool], Iterator[Any]],
        patience: Patience,
        calls: int,
        parent_run: str | None,
        own: Mapping[str, str],
    ) -> None:
        self.settled: Published | None = None
        self._client, self._experiment_id, self._search = client, experiment_id, search
        self._patience, self._parent_run, self._own = patience, parent_run, own
        self._ids: dict[str, str] = dict(own)
        self._known: dict[str, Known] = {}
        self._deleted: set[str] = set()
        self._pool = ThreadPoolExecutor(calls, "afterglow-publish")
        self._room = threading.Semaphore(calls * 4)
        self._under_way: list[Future[None]] = []
        self._claim: Claim | None = None
        self._root = ""
        self._whole = 0

    @contextlib.contextmanager
    def held(self, root: RunRecord, identity: str, restore: bool, published: Callable[[str, str], Published]) -> Any:
        """Takes hold of the tree for as long as the context lasts."""
        there = list(self._call(lambda: list(self._search(f"tags.`{KEY_TAG}` = '{quoted(root.key)}'", True))))
        active = [run for run in there if run.info.lifecycle_stage != "deleted"]
        if there and not active:
            if not restore:
                self.settled = published(there[0].info.run_id, "deleted")
                yield self
                return
            self._restore(root)
        try:
            self._take(root, identity, published)
            yield self
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
            if self._claim is not None:  # not finished: let go, so that the next import need not wait
                self._claim.release()
                with contextlib.suppress(Exception):
                    self._client.log_batch(self._ids[root.key], tags=[RunTag(WRITER_TAG, "")])

    def _take(self, root: RunRecord, identity: str, published: Callable[[str, str], Published]) -> None:
        self._root, client = root.key, self._client
        condition = f"tags.`{KEY_TAG}` = '{quoted(root.key)}'"
        claim = Claim(lambda value: client.log_batch(self._ids[root.key], tags=[RunTag(WRITER_TAG, value)]))
        run_id, settled = hold(
            claim,
            lambda: self._call(lambda: list(self._search(condition, False))),
            lambda value: self._make(root, {WRITER_TAG: value}),
            lambda found, value: self._set_tags(found, {WRITER_TAG: value}),
            self._withdraw,
            identity,
        )
        self._ids[root.key] = run_id
        if settled:
            self.settled = published(run_id, "unchanged")
            return
        self._claim = claim
        claim.keep()
        app_id = root.tags["spark.app.id"]
        every = self._call(lambda: list(self._search(f"tags.`spark.app.id` = '{quoted(app_id)}'", True)))
        self._known = known_runs(every, root.key)
        for key, known in self._known.items():
            self._ids.setdefault(key, known.run_id)
            if known.deleted:
                self._deleted.add(key)
        self._set_tags(run_id, {COMPLETE_TAG: ""})

    def _restore(self, root: RunRecord) -> None:
        app_id = quoted(root.tags["spark.app.id"])
        for key, known in known_runs(self._search(f"tags.`spark.app.id` = '{app_id}'", True), root.key).items():
            if known.deleted and key != WITHDRAWN:
                self._call(partial(self._client.restore_run, known.run_id))

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """See TreeWriter: level by level, as a run is made with its parent's id."""
        depth: dict[str | None, int] = {None: -1}
        for record in records:
            depth[record.key] = depth.get(record.parent, 0) + 1
        for _, level in groupby(sorted(records, key=lambda r: depth[r.key]), lambda r: depth[r.key]):
            missing = [record for record in level if record.key not in self._ids]
            for record, run_id in zip(missing, self._pool.map(self._make, missing), strict=True):
                self._ids[record.key] = run_id

    def run_id(self, key: str) -> str:
        """See TreeWriter."""
        return self._ids[key]

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """See TreeWriter."""
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
            self._whole += 1

    def flush(self) -> None:
        """See TreeWriter."""
        self._settle(self._under_way)
        self._under_way.clear()

    def _write(self, record: RunRecord, note: str | None, known: Known | None) -> None:
        run_id = self._ids.get(record.key)
        if run_id is None:
            run_id = self._ids[record.key] = self._make(record)
        with refused(f"cannot write {record.name!r}"):
            if record.key not in self._own:
                rename = known is not None and known.name != record.name and known.own_name
                self._call(lambda: self._end(run_id, record, rename))
            self._fill(run_id, record, note, known)

    def _end(self, run_id: str, record: RunRecord, rename: bool) -> None:
        if rename:
            self._client.update_run(run_id, name=record.name)
        if record.status == "RUNNING":
            self._client.update_run(run_id, status="RUNNING")
        else:
            self._client.set_terminated(run_id, record.status, record.end_ms)

    def _fill(self, run_id: str, record: RunRecord, note: str | None, known: Known | None) -> None:
        metrics = [Metric(*metric) for metric in renewed(record, known.latest if known is not None else {})]
        there = known.params if known is not None else {}  # MLflow lets nobody change a param
        params = [Param(name, value) for name, value in record.params.items() if name not in there]
        tags = [RunTag(name, value) for name, value in record.tags.items()]
        if note is not None and (known is None or known.own_note):
            tags.append(RunTag(strings.NOTE, note))
        tags.append(RunTag(DIGEST_TAG, digest(record, note)))
        while metrics or params or tags:
            now_params, params = params[: strings.MAX_PARAMS_PER_BATCH], params[strings.MAX_PARAMS_PER_BATCH :]
            room = strings.MAX_ENTITIES_PER_BATCH - len(now_params) - strings.MAX_TAGS_PER_BATCH
            now_metrics, metrics = metrics[:room], metrics[room:]
            now_tags: list[RunTag] = []
            if not metrics and not params:  # tags in the last calls, the digest as the very last
                now_tags, tags = tags[: strings.MAX_TAGS_PER_BATCH], tags[strings.MAX_TAGS_PER_BATCH :]
            self._call(partial(self._client.log_batch, run_id, now_metrics, now_params, now_tags))

    def _make(self, record: RunRecord, more: Mapping[str, str] | None = None) -> str:
        parent = self._ids[record.parent] if record.parent is not None else self._parent_run
        tags = {**record.tags, strings.SOURCE_TYPE: "JOB", **(more or {})}
        if parent is not None:
            tags[strings.PARENT_RUN_ID] = parent
        with refused(f"cannot create {record.name!r}"):
            run = self._call(lambda: self._client.create_run(self._experiment_id, record.start_ms, tags, record.name))
        return str(run.info.run_id)

    def _withdraw(self, run_id: str) -> None:
        self._set_tags(run_id, {KEY_TAG: WITHDRAWN, WRITER_TAG: ""})
        self._call(lambda: self._client.delete_run(run_id))

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        with refused("cannot set tags"):
            batch = [RunTag(name, value) for name, value in tags.items()]
            self._call(lambda: self._client.log_batch(run_id, tags=batch))

    def datasets(self, datasets: Iterable[Dataset]) -> None:
        """See TreeWriter."""
        context = [InputTag(strings.DATASET_CONTEXT, "training")]
        inputs = [DatasetInput(MlflowDataset(d.name, d.digest, d.source_type, d.source), context) for d in datasets]
        if inputs:
            with refused("cannot log input datasets"):
                self._call(lambda: self._client.log_inputs(self._ids[self._root], inputs))

    def artifacts(self, folder: str) -> None:
        """See TreeWriter."""
        with refused("cannot upload artifacts"):
            self._call(lambda: self._client.log_artifacts(self._ids[self._root], folder))

    def finish(self, tags: Mapping[str, str]) -> None:
        """See TreeWriter. A call whose answer got lost may have made a run twice: such runs are deleted first."""
        condition = f"tags.`spark.app.id` = '{quoted(self._root.rpartition('/')[0])}'"
        for run in self._call(lambda: list(self._search(condition, False))):
            key = run.data.tags.get(KEY_TAG, "")
            if (key == self._root or key.startswith(self._root + "/")) and self._ids.get(key) != run.info.run_id:
                self._withdraw(run.info.run_id)
        if self._claim is not None:
            self._claim.release()
            self._claim = None
        self._set_tags(self._ids[self._root], {**tags, WRITER_TAG: ""})

    def _call(self, call: Callable[[], Any]) -> Any:
        return patiently(call, self._patience)


def quoted(text: str) -> str:
    """A value inside a search filter's quotes; the filter language has no escape for a quote."""
    return text.replace("'", "")
