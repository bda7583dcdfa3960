"""The transaction that writes one application's tree into MLflow's tables."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import sqlalchemy as sa
from mlflow.entities import Run
from sqlalchemy import orm

from ....schemas import mlflow as strings
from ....schemas.runs.params_tags import ADOPTED_TAG, APP_ID_TAG, DIGEST_TAG, FINGERPRINT_TAG, KEY_TAG, LEASE_TAG
from ...errors import PublishError
from ..artifacts import files_of
from ..error_messages import translate_errors
from ..existing_runs import ABANDONED, Known, digest, known_run, known_runs, renewed, replaced_runs
from ..interface import Dataset, Metric, Published, RunRecord, TreeOptions
from ..lease import LeaseLostError, LeaseWatch, is_being_removed
from ..mlflow_internals import get_artifact_repository, local_folder, models, remove_partial_uploads
from ..run_ids import derived_id
from ..schema_version import check_unchanged
from ..store import TrackingStore
from ..stored_trees import published, published_as
from .app_index import AppIndex
from .datasets import add_dataset
from .rows import Rows
from .run_queries import restore_runs, runs_by_id, runs_by_tag

_POLL_S = 1.0


class ConcurrentImportError(PublishError):
    """Another import began the same tree; import the log again."""

    transient = True


class SqlTree:
    """See TreeWriter. `others` lists the active roots with the tree's key as seen by other connections.

    `rows` are those of a batch, which sends and commits them; without, the tree is a transaction.
    """

    def __init__(
        self,
        session: orm.Session,
        store: TrackingStore,
        root: RunRecord,
        options: TreeOptions,
        others: Callable[[], list[Run]],
        index: AppIndex | None = None,
        rows: Rows | None = None,
    ) -> None:
        self.settled: Published | None = None
        self.is_new = False
        self.kept: int = 0  # all or nothing
        self.finished = False
        self.num_written = 0
        self._store, self._root, self._options = store, root, options
        self._experiment_id = int(store.experiment_id)
        self._in_batch = rows is not None
        self._rows = Rows(session, self._experiment_id, store.artifact_location()) if rows is None else rows
        self._artifact_uri = store.artifact_client().tracking_uri
        self._known: dict[str, Known] = {}
        self._deleted: set[str] = set()
        self._ids: dict[str, str] = dict(options.own)
        self._reserved: set[str] = set()
        self.new_datasets: list[tuple[str, Dataset]] = []
        self._others, self._watch, self._index = others, LeaseWatch(), index

    @property
    def session(self) -> orm.Session:
        """The session, after waiting for pending batches."""
        return self._rows.session

    def close(self) -> None:
        """Wait for pending batches."""
        self._rows.close()

    def lock(self, watch: LeaseWatch) -> bool:
        """Lock the root's row until the transaction ends. Other processes wait for it.

        Return False if an import through the tracking API or a removal holds the tree's lease.

        Raises:
            PublishError: the database refused. Its cause is an IntegrityError if another transaction created the root
            first.
        """
        self._watch = watch
        key, app_id, restore = self._root.key, self._root.tags[APP_ID_TAG], self._options.restore
        is_sqlite = self._dialect == "sqlite"
        if is_sqlite:
            self.session.execute(sa.text("BEGIN IMMEDIATE"))  # SQLite has one lock; nothing is read before it is held
        check_unchanged(self.session)
        new = self._index is not None and not self._index.has_tree(self.session, key)
        there = [] if new else self._runs(KEY_TAG, key)
        if there and not is_sqlite:
            ids = [run.info.run_id for run in there]
            self.session.execute(
                sa.select(models.SqlRun.run_uuid).where(models.SqlRun.run_uuid.in_(ids)).with_for_update()
            ).all()
            there = self._runs(KEY_TAG, key)  # as the previous holder of the lock left it
        active = [run for run in there if run.info.lifecycle_stage != "deleted"]
        if there and not restore and all(is_being_removed(run.data.tags) for run in active):
            self.settled = published_as(self._store, there[0], "deleted")
            return True
        for run in active:
            if run.data.tags.get(FINGERPRINT_TAG) == self._options.fingerprint and not is_being_removed(run.data.tags):
                self._ids[key] = run.info.run_id
                self.settled = published(self._store, run)
                return True
        if any(watch.is_alive(run.info.run_id, run.data.tags.get(LEASE_TAG)) for run in active):
            return False
        self._take_up(there, active, [] if new else self._runs(APP_ID_TAG, app_id))
        return True

    def begin_new(self) -> None:
        """Begin a tree of which the store has no run, in the transaction of a batch."""
        self.is_new = True
        self._ids[self._root.key] = self._derived(self._root.key)

    def _take_up(self, there: Sequence[Run], active: Sequence[Run], of_application: Sequence[Run]) -> None:
        """Read the runs that an earlier import left, or create the root."""
        root, restore = self._root, self._options.restore
        self.is_new = not there
        if there:
            run_id = (active or there)[0].info.run_id
            if not active:
                restore_runs(self.session, [run_id])
        else:
            run_id = self._derived(root.key)
            self._rows.run(root, run_id)
            self._rows.send_now()
        self._ids[root.key] = run_id
        others = (run for run in of_application if run.data.tags.get(KEY_TAG) != root.key)
        self._known = known_runs(others, root.key)
        self._known |= known_runs((run for run in of_application if run.info.run_id == run_id), root.key)
        if not there:  # created in this transaction without tags, so it is not among the known runs
            self._known[root.key] = Known(run_id, root.name, None, "", False, {}, {})
        for run in runs_by_id(self.session, list(self._options.own.values())):
            key = next(key for key, run_id in self._options.own.items() if run_id == run.info.run_id)
            self._known.setdefault(key, known_run(run))
        if restore:
            restore_runs(self.session, [known.run_id for known in self._known.values() if known.deleted])
        self._abandon_doubles(of_application)
        for key, known in self._known.items():
            self._ids.setdefault(key, known.run_id)
        self._deleted = {key for key, known in self._known.items() if known.deleted and not restore}

    def _abandon_doubles(self, runs: Sequence[Run]) -> None:
        """Delete duplicate or abandoned runs of an import through the tracking API that died before it deleted them."""
        root = self._root.key
        ours = {known.run_id for known in self._known.values()} | {*self._ids.values(), *self._options.own.values()}
        for run in runs:
            key, run_id = run.data.tags.get(KEY_TAG, ""), run.info.run_id
            of_tree = key in (ABANDONED, root) or key.startswith(root + "/")
            if of_tree and run_id not in ours and run.info.lifecycle_stage != "deleted":
                self._abandon(run_id)

    def _abandon(self, run_id: str) -> None:
        gone = {"lifecycle_stage": "deleted", "deleted_time": int(time.time() * 1000)}
        change = sa.update(models.SqlRun).where(models.SqlRun.run_uuid == run_id)
        self.session.execute(change.values(**gone))
        self._rows.delete(run_id, models.SqlTag, [KEY_TAG, FINGERPRINT_TAG, LEASE_TAG])
        self._rows.texts(models.SqlTag, run_id, {KEY_TAG: ABANDONED})

    def _runs(self, tag: str, value: str) -> list[Run]:
        return runs_by_tag(self.session, self._experiment_id, tag, value)

    def _derived(self, key: str) -> str:
        return derived_id(self._experiment_id, self._root.key, key)

    @property
    def _dialect(self) -> str:
        return str(self.session.get_bind().dialect.name)

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """See TreeWriter. Ids are derived from the keys; nothing is written yet."""
        for record in records:
            self._reserved.add(record.key)
            self._ids.setdefault(record.key, self._derived(record.key))

    def run_id(self, key: str) -> str:
        """See TreeWriter."""
        return self._ids[key]

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """See TreeWriter."""
        known = self._known.get(record.key)
        if record.key in self._deleted or (known is not None and known.is_current(record, note)):
            return False
        run_id = self._ids.setdefault(record.key, self._derived(record.key))
        self.num_written += 1
        if known is None:
            self._rows.run(record, run_id)
        elif record.key not in self._options.own:
            self._rows.end(record, known)
        tags = self._tags(record, note, known)
        params = {name: value for name, value in record.params.items() if known is None or name not in known.params}
        metrics: Iterable[Metric] = record.metrics
        if known is not None:
            self._rows.delete(run_id, models.SqlTag, tags)
            if record.key in self._options.own:  # the job's own values are kept and not logged again
                metrics = [m for m in renewed(record, known.latest) if known.latest.get(m[0], (0, None))[1] != m[1]]
                self._rows.delete(run_id, models.SqlLatestMetric, [name for name, *_ in metrics])
            else:
                self._rows.delete(run_id, models.SqlTag, known.stale_tags(record))
                names = {*(name for name, *_ in metrics), *known.stale_metrics(record)} if known.latest else ()
                self._rows.delete(run_id, models.SqlMetric, names)
                self._rows.delete(run_id, models.SqlLatestMetric, names)
        self._rows.texts(models.SqlTag, run_id, tags)
        self._rows.texts(models.SqlParam, run_id, params)
        self._rows.metrics(run_id, metrics)
        self._rows.send_if_many()
        return True

    def _tags(self, record: RunRecord, note: str | None, known: Known | None) -> dict[str, str]:
        tags = {**record.tags, DIGEST_TAG: digest(record, note)}
        if record.key not in self._options.own:
            parent = self._ids[record.parent] if record.parent is not None else self._options.parent_run
            tags[strings.SOURCE_TYPE] = "JOB"
            if parent is not None:
                tags[strings.PARENT_RUN_ID] = parent
            if known is None or known.own_name:
                tags[strings.RUN_NAME] = record.name
        else:
            tags[ADOPTED_TAG] = "true"
        if note is not None and (known is None or known.own_note):
            tags[strings.NOTE] = note
        return tags

    def flush(self) -> None:
        """See TreeWriter. A batch sends its rows when there are many."""
        if not self._in_batch:
            self._rows.send()

    def datasets(self, key: str, datasets: Iterable[Dataset]) -> None:
        """See TreeWriter. They are written right before the commit, because other applications may use the same ones
        and would wait. The order is always the same, which prevents deadlocks."""
        if key not in self._deleted:
            self.new_datasets.extend((self._ids[key], one) for one in datasets)

    def artifacts(self, key: str, fill: Callable[[str], None]) -> None:
        """See TreeWriter. An upload whose transaction fails is overwritten by the next."""
        if key in self._deleted:
            return
        with translate_errors("cannot upload artifacts"):
            uri = self._rows.artifact_uri(self._ids[key])
            local = local_folder(uri)
            if local is not None and not os.path.exists(local):
                os.makedirs(local)
                fill(local)  # nobody reads it before the commit, and MLflow's upload renames every file
                return
            remove_partial_uploads(uri)
            repository = get_artifact_repository(uri, tracking_uri=self._artifact_uri)
            with tempfile.TemporaryDirectory(prefix="afterglow-") as folder:
                fill(folder)
                for path, place in files_of(folder):  # a call per file, so that a retry does not repeat all of them
                    self._store.call(repository.log_artifact, path, place)

    def finish(self, tags: Mapping[str, str]) -> None:
        """See TreeWriter. Commits the transaction, unless that is of a batch."""
        tags, root_id = {**tags, LEASE_TAG: ""}, self._ids[self._root.key]
        if self._in_batch:
            self._rows.texts(models.SqlTag, root_id, tags)
            self.finished = True
            return
        self.flush()
        with translate_errors("cannot commit"):
            for run_id in replaced_runs(self._known, self._reserved):
                self._abandon(run_id)
            for run_id, one in sorted(self.new_datasets, key=lambda found: (found[1].name, found[1].digest, found[0])):
                add_dataset(self.session, self._experiment_id, run_id, one)
            self._rows.delete(root_id, models.SqlTag, tags)
            self._rows.texts(models.SqlTag, root_id, tags)
            self.flush()
            if self._gave_way():
                return
            check_unchanged(self.session)
            self.session.commit()
        self.finished = True

    def _gave_way(self) -> bool:
        """Whether an import through the tracking API has begun the same tree in the meantime.

        If so, this transaction is rolled back and waits for the other import, which checks for this one's commit at its
        end.
        """
        if self._dialect == "sqlite":
            return False  # nobody else could write
        rolled_back = False
        while True:
            mine, alive = self._ids[self._root.key], False
            others = self._others()
            for run in others:
                if run.info.run_id != mine and self._is_complete(run):
                    self.session.rollback()
                    self.settled = published(self._store, run)
                    return True
                alive = self._watch.is_alive(run.info.run_id, run.data.tags.get(LEASE_TAG)) or alive
            if not alive and rolled_back:
                return self._wait_is_over(others)
            if not alive:
                if any(run.info.run_id != mine for run in others):  # begun in the meantime by a process that is dead
                    self._abandon_doubles(self._runs(KEY_TAG, self._root.key))
                    self.flush()
                return False
            self.session.rollback()
            rolled_back = True
            time.sleep(_POLL_S)

    def _is_complete(self, run: Run) -> bool:
        return bool(run.data.tags.get(FINGERPRINT_TAG) == self._options.fingerprint)

    def _wait_is_over(self, roots: Sequence[Run]) -> bool:
        whole = next((run for run in roots if self._is_complete(run)), None)
        if whole is None:
            raise LeaseLostError(
                "another import took the same tree and ended half-way; import the log again to finish it"
            )
        self.settled = published(self._store, whole)
        return True
