"""Which applications a SQLite database has runs of, kept current at the cost of what is new.

MLflow has no index on a tag's value: to look for one application reads a row of every run there is. For a call that is
about many logs that would be the longest part of each. Only SQLite: rows it adds are numbered upwards, and whoever
holds its one lock sees all of them. Databases that serve many processes want an index (docs/backfill.md).
"""

from typing import Any

import sqlalchemy as sa

from ....schemas.runs.params_tags import APP_ID_TAG, KEY_TAG

_LAST = sa.text("SELECT rowid, key, run_uuid FROM tags ORDER BY rowid DESC LIMIT 1")
# The sign keeps SQLite from reading every row of these keys by their index.
_NEW = sa.text("SELECT key, value FROM tags WHERE rowid > :last AND +key IN (:app, :key)")
_ALL = sa.text("SELECT key, value FROM tags WHERE key IN (:app, :key)")


class Seen:
    """The applications that any run of any experiment names, deleted runs too."""

    def __init__(self, connection: Any) -> None:
        self._names: set[tuple[str, str]] = set()
        self._last: tuple[int, str, str] | None = None
        self.has(connection, "")

    def has(self, connection: Any, app_id: str, root: str = "") -> bool:
        """Whether a run may be of this application or of the tree with this root key, as the connection sees it now.

        False is certain but for one case that nothing here makes: a person gave a run of another application this id.
        """
        last = connection.execute(_LAST).first()
        if last is None or tuple(last) != self._last:
            self._add(connection)
            self._last = None if last is None else tuple(last)
        return (APP_ID_TAG, app_id) in self._names or (KEY_TAG, root.split("/")[0]) in self._names

    def _add(self, connection: Any) -> None:
        keys = {"app": APP_ID_TAG, "key": KEY_TAG}
        if self._last is not None and self._is_there(connection, self._last):
            rows = connection.execute(_NEW, keys | {"last": self._last[0]})
        else:  # the rows with the highest numbers were deleted, and theirs may have been given to others
            self._names.clear()
            rows = connection.execute(_ALL, keys)
        self._names.update((key, value.split("/")[0] if key == KEY_TAG else value) for key, value in rows)

    @staticmethod
    def _is_there(connection: Any, row: tuple[int, str, str]) -> bool:
        found = connection.execute(sa.text("SELECT key, run_uuid FROM tags WHERE rowid = :at"), {"at": row[0]}).first()
        return found is not None and tuple(found) == row[1:]
