"""The writer for a database that this process can reach: straight into MLflow's own tables.

Through MLflow's SQLAlchemy models and session, in one transaction per application, so that nobody ever sees half a
tree. Run ids are derived from the key: two imports at once meet at the root's primary key, or at the lock on its row.
An import through the tracking API that writes the same tree is seen by its claim, before and again before the commit.
"""

import contextlib
import math
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import sqlalchemy as sa
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.db.utils import _verify_schema
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.uri import append_to_uri_path
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ...schemas import mlflow as strings
from ...schemas.runs import APP_ID_TAG, COMPLETE_TAG, DIGEST_TAG, KEY_TAG, WRITER_TAG
from ..errors import PublishError
from .bulk import insert
from .claim import Watch
from .client import ClientWriter
from .client_tree import condition
from .interface import Dataset, Metric, Published, RunRecord, State, TreeWriter
from .refused import Patience, passing, patiently, refused
from .written import WITHDRAWN, Known, digest, known_run, known_runs, renewed

_ROWS_AT_ONCE = 10_000
_SQLITE_CACHE_KB = 200_000
_LOOK_AGAIN_S = 1.0
_LARGEST = sys.float_info.max
_RUNS_WORTH_ANALYZING = 1_000
_NAMESPACE = uuid.UUID("5f2c6a4e-7a55-5b0e-9d1e-afe1061088c7")
_TABLES = tuple(
    model.__table__
    for model in (models.SqlRun, models.SqlTag, models.SqlParam, models.SqlMetric, models.SqlLatestMetric)
)
# What we fill of them; a MLflow that demands more is one that this module does not know.
_FILLED = {
    "runs": {"run_uuid", "name", "artifact_uri", "experiment_id", "source_type", "source_name", "entry_point_name"}
    | {"user_id", "status", "start_time", "end_time", "deleted_time", "source_version", "lifecycle_stage"},
    "tags": {"key", "value", "run_uuid"},
    "params": {"key", "value", "run_uuid"},
    "metrics": {"key", "value", "timestamp", "step", "is_nan", "run_uuid"},
    "latest_metrics": {"key", "value", "timestamp", "step", "is_nan", "run_uuid"},
}


class SqlWriter(ClientWriter):
    """Writes trees into the database's tables; everything else through the tracking API."""

    name = "sql"

    def __init__(self, tracking_uri: str | None, experiment: str, patience: Patience | None = None) -> None:
        super().__init__(tracking_uri, experiment, 1, patience)
        self.store = self.client._tracking_client.store
        self._locations: dict[str, str] = {}

    def unfit(self) -> str | None:
        """Why this database cannot be written directly; None where it can."""
        if not isinstance(self.store, SqlAlchemyStore):
            return "the tracking store is no database"
        try:
            _verify_schema(self.store.engine)
        except MlflowException as error:
            return str(error).splitlines()[0]
        for table in _TABLES:
            there = {column["name"] for column in sa.inspect(self.store.engine).get_columns(table.name)}
            demanded = {c.name for c in table.columns if not c.nullable and c.default is None and not c.server_default}
            if not _FILLED[table.name] <= there or not demanded <= _FILLED[table.name]:
                return f"its table {table.name} is not the one that this Afterglow knows"
        return None

    @contextlib.contextmanager
    def tree(
        self, root: RunRecord, identity: str, parent_run: str | None, own: Mapping[str, str], restore: bool
    ) -> Iterator[TreeWriter]:
        """See Writer. The transaction is committed by TreeWriter.finish; leaving without it rolls everything back."""

        def published(run_id: str, state: State) -> Published:
            return self._published(root.tags[APP_ID_TAG], run_id, state)

        location = self._location()
        began, wait, watch = time.monotonic(), self.patience.first_wait_s, Watch()
        while True:
            with self._session() as session:
                look = partial(self._other_roots, root.key)
                tree = SqlTree(session, int(self.experiment_id), location, parent_run, own, published, look)
                try:
                    with refused(f"cannot write {root.name!r}"):
                        busy = tree.take(root, identity, restore, watch)
                except PublishError as error:
                    session.rollback()
                    # another import has just made the root, or holds the database: it will be there, or whole, soon
                    cause = error.__cause__ or error
                    late = time.monotonic() - began > max(self.patience.deadline_s, 1)
                    if late or not (isinstance(cause, IntegrityError) or passing(cause)):
                        raise
                else:
                    if not busy:
                        try:
                            yield tree
                        finally:
                            tree.close()
                        if tree.finished and tree.num_written >= _RUNS_WORTH_ANALYZING:
                            self._analyze(session)
                        return
                    session.rollback()
                    began, wait = time.monotonic(), self.patience.first_wait_s  # it lives: there is no hurry
            time.sleep(wait)
            wait = min(wait * 2, self.patience.longest_wait_s)

    def _location(self) -> str:
        """Where the experiment's artifacts lie; it never changes."""
        if self.experiment_id not in self._locations:
            found = patiently(partial(self.client.get_experiment, self.experiment_id), self.patience)
            self._locations[self.experiment_id] = found.artifact_location
        return self._locations[self.experiment_id]

    def _other_roots(self, key: str) -> list[Any]:
        """The active roots with this key that others see, by a connection of its own."""
        return [run for run in self._search(condition(KEY_TAG, key)) if run.data.tags.get(KEY_TAG) == key]

    @contextlib.contextmanager
    def _session(self) -> Iterator[Any]:
        """A session like those of SqlAlchemyStore, whose own maker would commit and wrap every error."""
        with orm.Session(self.store.engine) as session:
            if session.get_bind().dialect.name == "sqlite":
                session.execute(sa.text("PRAGMA foreign_keys = ON"))
                session.execute(sa.text("PRAGMA busy_timeout = 20000"))
                # keys are spread over all of the indexes: with 2 MB of cache every row would read and write pages
                session.execute(sa.text(f"PRAGMA cache_size = -{_SQLITE_CACHE_KB}"))
            else:
                # What another import committed while this one waited for its lock has to be seen (MySQL's own level
                # shows the store as it was before), and ranges that were looked at must not be locked.
                session.connection(execution_options={"isolation_level": "READ COMMITTED"})
            yield session

    def _analyze(self, session: Any) -> None:
        """Without fresh statistics SQLite sorts 5,000 runs in 2.4 s instead of 0.12 s. The tree is whole without."""
        with contextlib.suppress(SQLAlchemyError):
            self._analyze_now(session)

    def _analyze_now(self, session: Any) -> None:
        names = [table.name for table in _TABLES]
        if session.get_bind().dialect.name in ("mysql", "mariadb"):
            session.execute(sa.text(f"ANALYZE TABLE {', '.join(names)}"))
        elif session.get_bind().dialect.name in ("sqlite", "postgresql"):
            for name in names:
                session.execute(sa.text(f"ANALYZE {name}"))
        session.commit()


class SqlTree:
    """See TreeWriter."""

    def __init__(
        self,
        session: Any,
        experiment_id: int,
        artifact_location: str,
        parent_run: str | None,
        own: Mapping[str, str],
        published: Callable[[str, State], Published],
        look: Callable[[], list[Any]],
    ) -> None:
        self.settled: Published | None = None
        self.kept: int = 0  # all or nothing
        self.finished = False
        self.num_written = 0
        self._session, self._experiment_id, self._location = session, experiment_id, artifact_location
        self._parent_run, self._own, self._published = parent_run, own, published
        self._known: dict[str, Known] = {}
        self._deleted: set[str] = set()
        self._ids: dict[str, str] = dict(own)
        self._rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in _TABLES}
        self._datasets: list[Dataset] = []
        self._look, self._identity, self._watch = look, "", Watch()
        self._root = ""
        self._sender: ThreadPoolExecutor | None = None
        self._sent: Future[None] | None = None
        if session.get_bind().dialect.name != "sqlite":
            self._sender = ThreadPoolExecutor(1, "afterglow-rows")

    @property
    def session(self) -> Any:
        """The session, when nothing is on its way through it."""
        self._await()
        return self._session

    def _await(self) -> None:
        sent, self._sent = self._sent, None
        if sent is not None:
            with refused("cannot write runs"):
                sent.result()

    def close(self) -> None:
        """Ends what is on its way; whoever leaves without a commit does not care how it ended."""
        if self._sender is not None:
            self._sender.shutdown()

    def take(self, root: RunRecord, identity: str, restore: bool, watch: Watch) -> bool:
        """Holds the root's row until the transaction ends: whoever comes second waits for it. True where an import
        through the tracking API holds the tree.

        Raises:
            IntegrityError: another transaction made it first.
        """
        self._root, self._identity, self._watch = root.key, identity, watch
        if self.session.get_bind().dialect.name == "sqlite":
            self.session.execute(sa.text("BEGIN IMMEDIATE"))  # it has one lock; nothing is looked at before
        there = self._roots()
        if there:
            ids = [run.info.run_id for run in there]
            self.session.execute(sa.select(models.SqlRun.run_uuid).where(_among(ids)).with_for_update()).all()
            there = self._roots()  # as whoever held it before has left it
        active = [run for run in there if run.info.lifecycle_stage != "deleted"]
        if there and not active and not restore:
            self.settled = self._published(there[0].info.run_id, "deleted")
            return False
        for run in active:
            if run.data.tags.get(COMPLETE_TAG) == identity:
                self._ids[root.key] = run.info.run_id
                self.settled = self._published(run.info.run_id, "unchanged")
                return False
        if any(watch.alive(run.info.run_id, run.data.tags.get(WRITER_TAG)) for run in active):
            return True
        if there:
            run_id = (active or there)[0].info.run_id
            if not active:
                self._revive([run_id])
        else:
            run_id = self._derived(root.key)
            self.session.execute(sa.insert(models.SqlRun.__table__), [self._run_row(root, run_id)])
        self._ids[root.key] = run_id
        runs = self._runs(APP_ID_TAG, root.tags[APP_ID_TAG])
        self._known = known_runs((run for run in runs if run.data.tags.get(KEY_TAG) != root.key), root.key)
        self._known |= known_runs((run for run in runs if run.info.run_id == run_id), root.key)
        if not there:  # made in this transaction; it has no tags yet, so it is not among the known
            self._known[root.key] = Known(run_id, root.name, None, "", False, {}, {})
        for key, run_id in self._own.items():
            run = self.session.get(models.SqlRun, run_id).to_mlflow_entity()
            self._known.setdefault(key, known_run(run))
        if restore:
            self._revive([known.run_id for known in self._known.values() if known.deleted])
        self._withdraw_doubles(runs)
        for key, known in self._known.items():
            self._ids.setdefault(key, known.run_id)
        self._deleted = {key for key, known in self._known.items() if known.deleted and not restore}
        return False

    def _withdraw_doubles(self, runs: Sequence[Any]) -> None:
        """Deletes what an import through the tracking API made twice, or gave up, and did not live to delete."""
        ours = {known.run_id for known in self._known.values()} | {*self._ids.values(), *self._own.values()}
        for run in runs:
            key, run_id = run.data.tags.get(KEY_TAG, ""), run.info.run_id
            of_tree = key in (WITHDRAWN, self._root) or key.startswith(self._root + "/")
            if of_tree and run_id not in ours and run.info.lifecycle_stage != "deleted":
                gone = {"lifecycle_stage": "deleted", "deleted_time": int(time.time() * 1000)}
                self.session.execute(sa.update(models.SqlRun).where(_among([run_id])).values(**gone))
                self._forget(run_id, models.SqlTag, [KEY_TAG, COMPLETE_TAG, WRITER_TAG])
                self._add(models.SqlTag, run_id, {KEY_TAG: WITHDRAWN})

    def _revive(self, run_ids: Sequence[str]) -> None:
        for begin in range(0, len(run_ids), 500):
            change = sa.update(models.SqlRun).where(_among(run_ids[begin : begin + 500]))
            self.session.execute(change.values(lifecycle_stage="active", deleted_time=None))

    def _roots(self) -> list[Any]:
        return self._runs(KEY_TAG, self._root)

    def _runs(self, tag: str, value: str) -> list[Any]:
        """MLflow's runs with this tag, deleted ones too."""
        tagged = sa.select(models.SqlTag.run_uuid).where(models.SqlTag.key == tag, models.SqlTag.value == value)
        query = (
            self.session.query(models.SqlRun)
            .options(*SqlAlchemyStore._get_eager_run_query_options())
            .filter(models.SqlRun.experiment_id == self._experiment_id, models.SqlRun.run_uuid.in_(tagged))
        )
        found = [run.to_mlflow_entity() for run in query.yield_per(500)]
        self.session.expunge_all()
        return [run for run in found if run.data.tags.get(tag) == value]  # MySQL takes A for a

    def _derived(self, key: str) -> str:
        return uuid.uuid5(_NAMESPACE, f"{self._experiment_id}/{key}").hex

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """See TreeWriter: ids are derived from the keys, nothing is written yet."""
        for record in records:
            self._ids.setdefault(record.key, self._derived(record.key))

    def run_id(self, key: str) -> str:
        """See TreeWriter."""
        return self._ids[key]

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """See TreeWriter."""
        known = self._known.get(record.key)
        if record.key in self._deleted or (known is not None and known.stands(record, note)):
            return False
        run_id = self._ids.setdefault(record.key, self._derived(record.key))
        self.num_written += 1
        if known is None:
            self._rows[models.SqlRun.__table__].append(self._run_row(record, run_id))
        elif record.key not in self._own:
            self._end(record, known)
        tags = self._tags(record, note, known)
        params = {name: value for name, value in record.params.items() if known is None or name not in known.params}
        metrics: Iterable[Metric] = record.metrics
        if known is not None:
            self._forget(run_id, models.SqlTag, tags)
            if record.key in self._own:  # the job's own figures stay; what it has said already is not said again
                metrics = [m for m in renewed(record, known.latest) if known.latest.get(m[0], (0, None))[1] != m[1]]
                self._forget(run_id, models.SqlLatestMetric, [name for name, *_ in metrics])
            else:
                self._forget(run_id, models.SqlTag, known.stale_tags(record))
                names = {*(name for name, *_ in metrics), *known.stale_metrics(record)} if known.latest else ()
                self._forget(run_id, models.SqlMetric, names)
                self._forget(run_id, models.SqlLatestMetric, names)
        self._add(models.SqlTag, run_id, tags)
        self._add(models.SqlParam, run_id, params)
        self._add_metrics(run_id, metrics)
        if sum(map(len, self._rows.values())) >= _ROWS_AT_ONCE:
            self.flush()
        return True

    def _tags(self, record: RunRecord, note: str | None, known: Known | None) -> dict[str, str]:
        tags = {**record.tags, DIGEST_TAG: digest(record, note)}
        if record.key not in self._own:
            parent = self._ids[record.parent] if record.parent is not None else self._parent_run
            tags[strings.SOURCE_TYPE] = "JOB"
            if parent is not None:
                tags[strings.PARENT_RUN_ID] = parent
            if known is None or known.own_name:
                tags[strings.RUN_NAME] = record.name
        if note is not None and (known is None or known.own_note):
            tags[strings.NOTE] = note
        return tags

    def _run_row(self, record: RunRecord, run_id: str) -> dict[str, Any]:
        """As SqlAlchemyStore.create_run and update_run_info leave it."""
        return {
            "run_uuid": run_id,
            "name": record.name,
            "artifact_uri": append_to_uri_path(self._location, run_id, SqlAlchemyStore.ARTIFACTS_FOLDER_NAME),
            "experiment_id": self._experiment_id,
            "source_type": "UNKNOWN",
            "source_name": "",
            "entry_point_name": "",
            "user_id": record.tags.get(strings.USER, "unknown"),
            "status": record.status,
            "start_time": record.start_ms,
            "end_time": record.end_ms,
            "deleted_time": None,
            "source_version": "",
            "lifecycle_stage": "active",
        }

    def _end(self, record: RunRecord, known: Known) -> None:
        values: dict[str, Any] = {"status": record.status, "end_time": record.end_ms}
        if known.own_name:
            values["name"] = record.name
        self.session.execute(sa.update(models.SqlRun).where(models.SqlRun.run_uuid == known.run_id).values(**values))

    def _forget(self, run_id: str, model: Any, names: Iterable[str]) -> None:
        """Deletes these of a run's tags or metrics, which are written anew."""
        wanted = sorted(set(names))
        for begin in range(0, len(wanted), 500):
            some = model.key.in_(wanted[begin : begin + 500])
            self.session.execute(sa.delete(model).where(model.run_uuid == run_id, some))

    def _add(self, model: Any, run_id: str, values: Mapping[str, str]) -> None:
        self._rows[model.__table__].extend({"key": k, "value": v, "run_uuid": run_id} for k, v in values.items())

    def _add_metrics(self, run_id: str, metrics: Iterable[tuple[str, float, int, int]]) -> None:
        rows = self._rows[models.SqlMetric.__table__]
        latest: dict[str, dict[str, Any]] = {}
        for name, number, at, step in dict.fromkeys(metrics):
            is_nan = math.isnan(number)
            value = 0.0 if is_nan else max(-_LARGEST, min(number, _LARGEST))  # as sanitize_metric_value
            row = {"key": name, "value": value, "timestamp": at, "step": step, "is_nan": is_nan, "run_uuid": run_id}
            rows.append(row)
            before = latest.get(name)
            if before is None or (step, at, value) > (before["step"], before["timestamp"], before["value"]):
                latest[name] = row
        self._rows[models.SqlLatestMetric.__table__].extend(latest.values())

    def flush(self) -> None:
        """See TreeWriter. A server takes the rows while the next ones are made; SQLite is in this process."""
        connection, rows = self.session.connection(), self._rows
        self._rows = {table: [] for table in _TABLES}
        if self._sender is not None:
            self._sent = self._sender.submit(_insert, connection, rows)
            return
        with refused("cannot write runs"):
            _insert(connection, rows)

    def datasets(self, datasets: Iterable[Dataset]) -> None:
        """See TreeWriter. They are written right before the commit: other applications read the same ones, and would
        wait. The same order everywhere, so that two never wait for each other."""
        self._datasets = sorted(datasets, key=lambda one: (one.name, one.digest))

    def _dataset(self, one: Dataset) -> None:
        session, root = self.session, self._ids[self._root]
        same = (self._experiment_id, one.name, one.digest)
        found = session.get(models.SqlDataset, same)
        if found is None:
            found = models.SqlDataset(
                dataset_uuid=uuid.uuid4().hex,
                experiment_id=self._experiment_id,
                name=one.name,
                digest=one.digest,
                dataset_source_type=one.source_type,
                dataset_source=one.source,
            )
            try:
                with session.begin_nested():
                    session.add(found)
            except IntegrityError:  # another import has just committed it
                found = session.get(models.SqlDataset, same, populate_existing=True)
        edge = ("DATASET", found.dataset_uuid, "RUN", root)
        if session.get(models.SqlInput, edge) is None:
            there = models.SqlInput(
                input_uuid=uuid.uuid4().hex,
                source_type=edge[0],
                source_id=edge[1],
                destination_type=edge[2],
                destination_id=edge[3],
            )
            session.add(there)
            session.flush()
            session.add(models.SqlInputTag(input_uuid=there.input_uuid, name=strings.DATASET_CONTEXT, value="training"))
        session.flush()

    def artifacts(self, key: str, folder: str) -> None:
        """See TreeWriter. An upload whose transaction fails is overwritten by the next."""
        if key in self._deleted:
            return
        with refused("cannot upload artifacts"):
            uri = append_to_uri_path(self._location, self._ids[key], SqlAlchemyStore.ARTIFACTS_FOLDER_NAME)
            get_artifact_repository(uri).log_artifacts(folder)

    def finish(self, tags: Mapping[str, str]) -> None:
        """See TreeWriter: the one commit."""
        tags = {**tags, WRITER_TAG: ""}
        self.flush()
        with refused("cannot commit"):
            for one in self._datasets:
                self._dataset(one)
            self._forget(self._ids[self._root], models.SqlTag, tags)
            self._add(models.SqlTag, self._ids[self._root], tags)
            self.flush()
            if self._overtaken():
                return
            self.session.commit()
        self.finished = True

    def _overtaken(self) -> bool:
        """Whether an import through the tracking API began the same tree meanwhile: then this one is given up, and
        that one waited for. It in turn looks for this one's commit when it is done."""
        if self.session.get_bind().dialect.name == "sqlite":
            return False  # nobody else could write
        given_up = False
        while True:
            mine, alive = self._ids[self._root], False
            others = self._look()
            for run in others:
                if run.info.run_id != mine and run.data.tags.get(COMPLETE_TAG) == self._identity:
                    self.session.rollback()
                    self.settled = self._published(run.info.run_id, "unchanged")
                    return True
                alive = self._watch.alive(run.info.run_id, run.data.tags.get(WRITER_TAG)) or alive
            if not alive and given_up:
                return self._given_way(others)
            if not alive:
                if any(run.info.run_id != mine for run in others):  # begun meanwhile, and its process is dead
                    self._withdraw_doubles(self._runs(KEY_TAG, self._root))
                    self.flush()
                return False
            self.session.rollback()
            given_up = True
            time.sleep(_LOOK_AGAIN_S)

    def _given_way(self, roots: Sequence[Any]) -> bool:
        for run in roots:
            if run.data.tags.get(COMPLETE_TAG) == self._identity:
                self.settled = self._published(run.info.run_id, "unchanged")
                return True
        raise PublishError("an import through the tracking API took the same tree and ended half-way")


def _among(run_ids: Sequence[str]) -> Any:
    return models.SqlRun.run_uuid.in_(run_ids)


def _insert(connection: Any, rows: Mapping[Any, list[dict[str, Any]]]) -> None:
    """Runs first: the other tables refer to them."""
    for table, some in rows.items():
        if some:
            insert(connection, table, some)
