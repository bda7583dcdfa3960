"""The writer for a database that this process can reach: straight into MLflow's own tables.

Through MLflow's SQLAlchemy models and session, in one transaction per application, so that nobody ever sees half a
tree. Run ids are derived from the key: two imports at once meet at the root's primary key, or at the lock on its row.
An import through the tracking API that writes the same tree is seen by its claim, before and again before the commit.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _verify_schema
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import orm
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ....schemas.runs.params_tags import APP_ID_TAG, FINGERPRINT_TAG, KEY_TAG, LEVEL_TAG
from ...errors import PublishError
from ..interface import Published, RunRecord, State, TreeWriter
from ..lease import Watch
from ..rest.tree import condition
from ..rest.writer import ClientWriter
from ..retry import Patience, passing, patiently, refused
from .app_index import Seen
from .rows import FILLED, TABLES
from .tree import SqlTree

_SQLITE_CACHE_KB = 200_000
_RUNS_WORTH_ANALYZING = 1_000


class SqlWriter(ClientWriter):
    """Writes trees into the database's tables; everything else through the tracking API."""

    name = "sql"

    def __init__(self, tracking_uri: str | None, experiment: str, patience: Patience | None = None) -> None:
        super().__init__(tracking_uri, experiment, 1, patience)
        self.store = self.client._tracking_client.store
        self._seen: Seen | None = None

    def unfit(self) -> str | None:
        """Why this database cannot be written directly; None where it can."""
        if not isinstance(self.store, SqlAlchemyStore):
            return "the tracking store is no database"
        try:
            _verify_schema(self.store.engine)
        except MlflowException as error:
            return str(error).splitlines()[0]
        for table in TABLES:
            there = {column["name"] for column in sa.inspect(self.store.engine).get_columns(table.name)}
            demanded = {c.name for c in table.columns if not c.nullable and c.default is None and not c.server_default}
            if not FILLED[table.name] <= there or not demanded <= FILLED[table.name]:
                return f"its table {table.name} is not the one that this Afterglow knows"
        return None

    def remember(self) -> None:
        """See Writer. MLflow's own search reads every metric of every application, 9 ms for each."""
        with refused("cannot search runs"):
            rows = patiently(self._applications, self.patience)
            if self.store.engine.dialect.name == "sqlite":
                with self._session() as session:
                    self._seen = patiently(partial(Seen, session), self.patience)
        self._complete = {
            whole or "": self._published(app_id or "", run_id, "deleted" if stage == "deleted" else "unchanged")
            for run_id, stage, whole, app_id in rows
        }

    def _applications(self) -> Sequence[Any]:
        """(run id, lifecycle stage, what it was written from, application id) of all, deleted ones first."""
        run = models.SqlRun
        level, whole, app = (orm.aliased(models.SqlTag) for _ in range(3))
        query = (
            sa.select(run.run_uuid, run.lifecycle_stage, whole.value, app.value)
            .join(level, sa.and_(level.run_uuid == run.run_uuid, level.key == LEVEL_TAG))
            .outerjoin(whole, sa.and_(whole.run_uuid == run.run_uuid, whole.key == FINGERPRINT_TAG))
            .outerjoin(app, sa.and_(app.run_uuid == run.run_uuid, app.key == APP_ID_TAG))
            .where(level.value == "application", run.experiment_id == int(self.experiment_id))
            .order_by(run.lifecycle_stage.desc())
        )
        with self._session() as session:
            return list(session.execute(query).all())

    def _of_application(self, app_id: str) -> Iterator[Any]:
        """The active runs tagged with an application's id, looked for only where there may be any."""
        if self._seen is not None:
            with refused("cannot search runs"), self._session() as session:
                if not patiently(partial(self._seen.has, session, app_id), self.patience):
                    return iter(())
        return super()._of_application(app_id)

    @contextlib.contextmanager
    def tree(
        self, root: RunRecord, identity: str, parent_run: str | None, own: Mapping[str, str], restore: bool
    ) -> Iterator[TreeWriter]:
        """See Writer. The transaction is committed by TreeWriter.finish; leaving without it rolls everything back."""

        def published(run_id: str, state: State) -> Published:
            return self._published(root.tags[APP_ID_TAG], run_id, state)

        location, through = self.location(), self.artifact_client().tracking_uri
        began, wait, watch = time.monotonic(), self.patience.first_wait_s, Watch()
        while True:
            with self._session() as session:
                look = partial(self._other_roots, root.key)
                where = int(self.experiment_id), location, through
                with contextlib.closing(SqlTree(session, *where, parent_run, own, published, look, self._seen)) as tree:
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
                            yield tree
                            if tree.finished and tree.num_written >= _RUNS_WORTH_ANALYZING:
                                self._analyze(session)
                            return
                        session.rollback()
                        began, wait = time.monotonic(), self.patience.first_wait_s  # it lives: there is no hurry
            time.sleep(wait)
            wait = min(wait * 2, self.patience.longest_wait_s)

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
        names = [table.name for table in TABLES]
        if session.get_bind().dialect.name in ("mysql", "mariadb"):
            session.execute(sa.text(f"ANALYZE TABLE {', '.join(names)}"))
        elif session.get_bind().dialect.name == "sqlite":  # PostgreSQL does so by itself
            for name in names:
                session.execute(sa.text(f"ANALYZE {name}"))
        session.commit()
