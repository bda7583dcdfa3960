"""One transaction for the trees of several applications that the store does not have yet.

A commit and the look at what the store holds cost more than the rows of a small application. Whatever needs more than
plain inserts is published by itself: a tree of an earlier import, an application with runs of the training job, and,
after a rollback, every tree of a batch that the database refused.
"""

import contextlib
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from ....schemas.runs.params_tags import APP_ID_TAG, KEY_TAG
from ..error_messages import translate_errors
from ..interface import Dataset, RunRecord, TreeOptions, TreeWriter
from ..mlflow_internals import models
from ..schema_version import check_unchanged
from ..store import TrackingStore
from .app_index import AppIndex
from .datasets import add_dataset
from .rows import Rows
from .tree import ConcurrentImportError, SqlTree

_VALUES_AT_ONCE = 500


class SqlBatch:
    """A writer for one transaction; see Batch. `other` is a session that sees only what others committed."""

    name = "sql"

    def __init__(
        self, session: orm.Session, other: orm.Session, store: TrackingStore, roots: Sequence[RunRecord]
    ) -> None:
        self.store = store
        self._session, self._other, self._roots = session, other, roots
        self._rows = Rows(session, int(store.experiment_id), store.artifact_location())
        self._datasets: list[tuple[str, Dataset]] = []
        self._taken: set[str] = set()

    def begin(self, index: AppIndex | None) -> None:
        """Begin the transaction, and look once for runs of these applications.

        Raises:
            PublishError: the database refused, or was migrated meanwhile.
        """
        with translate_errors("cannot write runs"):
            if self._is_sqlite:
                self._session.execute(sa.text("BEGIN IMMEDIATE"))  # nothing is read before its only lock is held
            check_unchanged(self._session)
            keys, app_ids = self._names()
            if index is None:
                self._taken = _stored(self._session, KEY_TAG, keys) | _stored(self._session, APP_ID_TAG, app_ids)
            else:
                self._taken = index.known(self._session, keys, app_ids)

    def _names(self) -> tuple[list[str], list[str]]:
        return [root.key for root in self._roots], [root.tags[APP_ID_TAG] for root in self._roots]

    def takes(self, root: RunRecord) -> bool:
        """See Batch. Of two applications with one id only the first is taken."""
        names = {root.key, root.tags[APP_ID_TAG]}
        if names & self._taken:
            return False
        self._taken |= names
        return True

    @contextlib.contextmanager
    def tree(self, root: RunRecord, options: TreeOptions) -> Iterator[TreeWriter]:
        """See Writer. Rows are sent with those of other trees, and `commit` makes all of them visible."""
        tree = SqlTree(self._session, self.store, root, options, list, rows=self._rows)
        tree.begin_new()
        yield tree
        self._datasets.extend(tree.new_datasets)

    def commit(self) -> None:
        """Send what is left and commit.

        Raises:
            PublishError: the database refused, or another import has begun one of the trees in the meantime.
        """
        self._rows.send_now()
        with translate_errors("cannot commit"):
            for run_id, one in sorted(self._datasets, key=lambda found: (found[1].name, found[1].digest, found[0])):
                add_dataset(self._session, int(self.store.experiment_id), run_id, one)
            if not self._is_sqlite and _stored(self._other, KEY_TAG, self._names()[0]):
                raise ConcurrentImportError("another import has begun the same tree")
            check_unchanged(self._session)
            self._session.commit()

    def close(self) -> None:
        """Wait for pending rows."""
        self._rows.close()

    @property
    def _is_sqlite(self) -> bool:
        return self._session.get_bind().dialect.name == "sqlite"


def _stored(session: orm.Session, tag: str, values: Sequence[str]) -> set[str]:
    """Those of the values that a run has in this tag, in any experiment, deleted runs too."""
    found: set[str] = set()
    table = models.SqlTag
    for begin in range(0, len(values), _VALUES_AT_ONCE):
        some = values[begin : begin + _VALUES_AT_ONCE]
        found.update(session.execute(sa.select(table.value).where(table.key == tag, table.value.in_(some))).scalars())
    return found
