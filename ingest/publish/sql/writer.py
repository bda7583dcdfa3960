"""The writer for a database that this process can reach, which inserts directly into MLflow's tables.

It uses MLflow's SQLAlchemy models, and one transaction per application, so that others never see a partial tree. Run
ids are derived from the key: concurrent imports conflict on the root's primary key, or on the lock on its row. An
import of the same tree through the tracking API is detected by its lease, at the start and before the commit.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
from mlflow.entities import Run
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ....schemas.job_history import JobRun
from ....schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, KEY_TAG
from ...errors import PublishError
from ...transient_errors import is_transient
from ..error_messages import translate_errors
from ..interface import Batch, Published, RunRecord, State, TrainingRuns, TreeOptions, TreeWriter
from ..lease import LeaseWatch, is_being_removed
from ..mlflow_internals import SqlAlchemyStore, tracking_store, verify_schema
from ..retry import retry
from ..schema_version import check_unchanged
from ..store import TrackingStore
from ..stored_trees import find_tree
from ..training_runs import find_run, find_training_runs, owner_of
from ..views import tree_view
from .app_index import AppIndex
from .batch import SqlBatch
from .rows import FILLED, TABLES
from .run_queries import ApplicationRow, application_rows, newest_job_runs
from .tree import SqlTree

Result = TypeVar("Result")

_SQLITE_CACHE_KB = 200_000
_RUNS_WORTH_ANALYZING = 1_000


class SqlWriter:
    """Writes trees into the database's tables. Like every writer, it reads through `store`."""

    name, trees_at_once = "sql", 1

    def __init__(self, store: TrackingStore) -> None:
        self.store = store
        self._database = tracking_store(store.client)
        self._index: AppIndex | None = None
        self._trees: dict[str, Published] | None = None

    def unfit(self) -> str | None:
        """Why this database cannot be written directly; None if it can."""
        if not isinstance(self._database, SqlAlchemyStore):
            return "the tracking store is not a database"
        with translate_errors("cannot read the database's tables"):
            return self.store.call(self._unfit)

    def _unfit(self) -> str | None:
        with self._session() as session:
            check_unchanged(session)  # a migration may have begun since MLflow opened the database
        reason = verify_schema(self._database)
        if reason is not None:
            return reason
        for table in TABLES:
            there = {column["name"] for column in sa.inspect(self._database.engine).get_columns(table.name)}
            demanded = {c.name for c in table.columns if not c.nullable and c.default is None and not c.server_default}
            filled = set(FILLED[table.name])
            if not filled <= there or not demanded <= filled:
                return f"its table {table.name} is not the one that this version of Afterglow supports"
        return None

    def load_fingerprints(self) -> None:
        """See Writer."""
        with translate_errors("cannot search runs"):
            found = self._read(lambda session: application_rows(session, int(self.store.experiment_id)))
            if self._is_sqlite:
                self._index = self._read(AppIndex)
        self._trees = {one.tags.get(FINGERPRINT_TAG, ""): self._published(one) for one in found}

    def _published(self, row: ApplicationRow) -> Published:
        state: State = "deleted" if row.deleted or is_being_removed(row.tags) else "unchanged"
        url = self.store.within(row.experiment_id).url(tree_view(row.tags.get(APP_ID_TAG, "")))
        return Published(row.experiment_id, row.run_id, 0, 0, url, state).with_tags(row.tags)

    def find(self, fingerprint: str) -> Published | None:
        """See Writer."""
        return find_tree(self.store, fingerprint) if self._trees is None else self._trees.get(fingerprint)

    def earlier_runs(self, job: str, before_ms: int, most: int) -> list[JobRun]:
        """See Writer."""
        if self._trees is not None and not any(tree.job == job for tree in self._trees.values()):
            return []
        where = int(self.store.experiment_id)
        with translate_errors("cannot search runs"):
            return self._read(lambda session: newest_job_runs(session, where, job, before_ms, most))

    def training_runs(self, root: RunRecord, run_id: str | None) -> TrainingRuns:
        """See Writer. Searches for runs tagged with the application's id only if there may be any."""
        if self._index is not None:
            index, app_id = self._index, root.tags[APP_ID_TAG]
            with translate_errors("cannot search runs"):
                may_be = self._read(lambda session: index.has_app_id(session, app_id))
            if not may_be:
                return TrainingRuns(owner_of(self.store, None if run_id is None else find_run(self.store, run_id)))
        return find_training_runs(self.store, root, run_id)

    def within(self, experiment_id: str) -> "SqlWriter":
        """See Writer."""
        other = SqlWriter(self.store.within(experiment_id))
        other._index = self._index
        return other

    @contextlib.contextmanager
    def tree(self, root: RunRecord, options: TreeOptions) -> Iterator[TreeWriter]:
        """See Writer. TreeWriter.finish commits the transaction; leaving without it rolls everything back."""
        policy, watch = self.store.policy, LeaseWatch()
        began, wait = policy.clock(), policy.first_wait_s
        while True:
            with self._session() as session:
                others = partial(self._other_roots, root.key)
                tree = SqlTree(session, self.store, root, options, others, self._index)
                with contextlib.closing(tree):
                    try:
                        with translate_errors(f"cannot write {root.name!r}"):
                            locked = tree.lock(watch)
                    except PublishError as error:
                        session.rollback()
                        # another import has just created the root or holds the database, and will finish soon
                        late = policy.clock() - began > max(policy.deadline_s, 1)
                        if late or not (isinstance(error.__cause__, IntegrityError) or is_transient(error)):
                            raise
                        policy.notice.waits(error.__cause__ or error, policy.deadline_s - (policy.clock() - began))
                    else:
                        if locked:
                            yield tree
                            if tree.finished and tree.num_written >= _RUNS_WORTH_ANALYZING:
                                self._analyze(session)
                            return
                        session.rollback()
                        began, wait = policy.clock(), policy.first_wait_s  # its process is alive, so wait from now on
            policy.pause(wait)
            wait = min(wait * 2, policy.longest_wait_s)

    @contextlib.contextmanager
    def batch(self, roots: Sequence[RunRecord]) -> Iterator[Batch]:
        """See Writer."""
        with self._session() as session, self._session() as other:
            batch = SqlBatch(session, other, self.store, roots)
            with contextlib.closing(batch):
                batch.begin(self._index)
                yield batch
                batch.commit()

    def _other_roots(self, key: str) -> list[Run]:
        """The active roots with this key, read through a separate connection."""
        return self.store.tagged(KEY_TAG, key)

    @property
    def _is_sqlite(self) -> bool:
        return bool(self._database.engine.dialect.name == "sqlite")

    def _read(self, query: Callable[[orm.Session], Result]) -> Result:
        """Run a query in its own session, and retry it on transient errors."""

        def attempt() -> Result:
            with self._session() as session:
                return query(session)

        return retry(attempt, self.store.policy)

    @contextlib.contextmanager
    def _session(self) -> Iterator[orm.Session]:
        """A session like those of SqlAlchemyStore, whose own factory would commit and wrap errors."""
        with orm.Session(self._database.engine) as session:
            if self._is_sqlite:
                session.execute(sa.text("PRAGMA foreign_keys = ON"))
                session.execute(sa.text("PRAGMA busy_timeout = 20000"))
                # keys are spread over the indexes, so with 2 MB of cache every row would read and write pages
                session.execute(sa.text(f"PRAGMA cache_size = -{_SQLITE_CACHE_KB}"))
            else:
                # What another import committed while this one waited for its lock must be visible (MySQL's default
                # level shows an older snapshot), and ranges that were read must not be locked.
                session.connection(execution_options={"isolation_level": "READ COMMITTED"})
            yield session

    def _analyze(self, session: orm.Session) -> None:
        """Update statistics: without them SQLite sorts 5,000 runs in 2.4 s instead of 0.12 s. Errors are ignored."""
        with contextlib.suppress(SQLAlchemyError):
            names = [table.name for table in TABLES]
            dialect = self._database.engine.dialect.name
            if dialect in ("mysql", "mariadb"):
                session.execute(sa.text(f"ANALYZE TABLE {', '.join(names)}"))
            elif dialect == "sqlite":  # PostgreSQL does so by itself
                for name in names:
                    session.execute(sa.text(f"ANALYZE {name}"))
            session.commit()
