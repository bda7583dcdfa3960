"""An index of the applications in a SQLite database, updated incrementally.

MLflow has no index on a tag's value: a search for one application reads a row of every run. When many logs are
imported, this would take most of the time. The index works only in SQLite, which numbers new rows upwards and has a
single lock. Databases that serve many processes need a database index (docs/backfill.md).
"""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import orm

from ....schemas.identity import root_of_key
from ....schemas.runs.params_tags import APP_ID_TAG, KEY_TAG

Connection = sa.Connection | orm.Session

_LAST = sa.text("SELECT rowid, key, run_uuid FROM tags ORDER BY rowid DESC LIMIT 1")
# The plus sign keeps SQLite from reading every row of these keys through their index.
_NEW = sa.text("SELECT key, value FROM tags WHERE rowid > :last AND +key IN (:app, :key)")
_ALL = sa.text("SELECT key, value FROM tags WHERE key IN (:app, :key)")


class AppIndex:
    """The application ids and root keys of all runs of all experiments, deleted runs too."""

    def __init__(self, connection: Connection) -> None:
        self._app_ids: set[str] = set()
        self._roots: set[str] = set()
        self._last: tuple[int, str, str] | None = None
        self._update(connection)

    def has_app_id(self, connection: Connection, app_id: str) -> bool:
        """Whether a run may be tagged with this application id, as the connection sees it now."""
        self._update(connection)
        return app_id in self._app_ids

    def has_tree(self, connection: Connection, root: str) -> bool:
        """Whether a run may be of the tree with this root key, as the connection sees it now."""
        self._update(connection)
        return root_of_key(root) in self._roots

    def known(self, connection: Connection, roots: Iterable[str], app_ids: Iterable[str]) -> set[str]:
        """Those of the root keys and application ids that `has_tree` or `has_app_id` is true of."""
        self._update(connection)
        return {root for root in roots if root_of_key(root) in self._roots} | self._app_ids.intersection(app_ids)

    def _update(self, connection: Connection) -> None:
        last = connection.execute(_LAST).first()
        if last is None or tuple(last) != self._last:
            self._add(connection)
            self._last = None if last is None else (last[0], last[1], last[2])

    def _add(self, connection: Connection) -> None:
        keys = {"app": APP_ID_TAG, "key": KEY_TAG}
        if self._last is not None and self._is_there(connection, self._last):
            rows = connection.execute(_NEW, keys | {"last": self._last[0]})
        else:  # the rows with the highest numbers were deleted, and their numbers may have been reused
            self._app_ids.clear()
            self._roots.clear()
            rows = connection.execute(_ALL, keys)
        for key, value in rows:
            if key == APP_ID_TAG:
                self._app_ids.add(value)
            else:
                self._roots.add(root_of_key(value))

    @staticmethod
    def _is_there(connection: Connection, row: tuple[int, str, str]) -> bool:
        found = connection.execute(sa.text("SELECT key, run_uuid FROM tags WHERE rowid = :at"), {"at": row[0]}).first()
        return found is not None and tuple(found) == row[1:]
