"""Insert many rows into one table, in the fastest way of each database driver.

SQLAlchemy's own way spends as long on each row's parameters as SQLite does on the row, and five times as long as
PostgreSQL's COPY.

With AFTERGLOW_POSTGRES_SKIP_FOREIGN_KEY_CHECKS=1, PostgreSQL does not look up the run of each row of params, tags and
metrics, half of the time it takes. It needs a superuser. Only rows of runs made in the same transaction are exempt.
"""

import io
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import lru_cache, partial
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa

Value = str | int | float | bool | None
Row = tuple[Value, ...]
"""The values of the columns, in their order."""

_VALUES_AT_ONCE = 30_000  # for SQLite, which releases Python's lock while it executes a statement
_AT_ONCE = 2**20  # each piece needs Python's lock, which the thread that makes the rows holds
_SKIP_CHECKS = "AFTERGLOW_POSTGRES_SKIP_FOREIGN_KEY_CHECKS"
# Not if this would also skip a trigger that the database's owner has added.
_SKIP_CHECKS_IF_ALLOWED = """
SELECT set_config('session_replication_role', 'replica', true)
WHERE current_setting('is_superuser') = 'on' AND current_setting('session_replication_role') = 'origin'
AND NOT EXISTS (
    SELECT 1 FROM pg_trigger WHERE NOT tgisinternal
    AND tgrelid IN ('tags'::regclass, 'params'::regclass, 'metrics'::regclass, 'latest_metrics'::regclass)
)
"""


def skips_checks() -> bool:
    """Whether the user asks PostgreSQL to skip the foreign-key checks."""
    return os.environ.get(_SKIP_CHECKS) == "1"


def insertion(
    dialect: sa.Dialect, table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row], own: bool = False
) -> Callable[[sa.Connection], None]:
    """A function that inserts rows in a connection's transaction.

    Work that does not need the database is done immediately. `own` means that the rows' runs were created in the same
    transaction, so that their foreign keys need no check; see `skips_checks`.
    """
    if dialect.name == "postgresql" and dialect.driver in ("psycopg2", "psycopg"):
        return partial(_copy, dialect, table.name, columns, _csv(columns, rows), own)
    if dialect.name == "sqlite" and sqlite3.sqlite_version_info >= (
        3,
        32,
    ):  # from this version on, a statement may have 32,766 values
        many = _VALUES_AT_ONCE // len(columns)
        pieces = [rows[at : at + many] for at in range(0, len(rows), many)]
        statements = [(_many_rows(table.name, columns, len(p)), tuple(chain.from_iterable(p))) for p in pieces]
        return partial(_all_of, statements)
    return partial(_insert, table, columns, rows)


def _insert(table: sa.Table, columns: Sequence[str], rows: Sequence[Row], connection: sa.Connection) -> None:
    connection.execute(sa.insert(table), [dict(zip(columns, row, strict=True)) for row in rows])


def _all_of(statements: Sequence[tuple[str, tuple[Value, ...]]], connection: sa.Connection) -> None:
    for statement, values in statements:
        connection.exec_driver_sql(statement, values)


@lru_cache(64)
def _many_rows(table: str, columns: tuple[str, ...], count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"


def _copy(
    dialect: sa.Dialect, table: str, columns: Sequence[str], content: bytes, own: bool, connection: sa.Connection
) -> None:
    dbapi: Any = dialect.dbapi
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT csv)"
    try:
        with closing(connection.connection.cursor()) as cursor, _unchecked(cursor) if own else nullcontext():
            if dialect.driver == "psycopg2":
                cursor.copy_expert(statement, io.BytesIO(content), _AT_ONCE)
            else:
                with cursor.copy(statement) as copy:
                    copy.write(content)
    except dbapi.Error as error:
        if dialect.is_disconnect(error, connection.connection.dbapi_connection, None):
            connection.invalidate(error)  # otherwise SQLAlchemy tries to roll back a connection that is gone
        # raised as by SQLAlchemy, because callers detect a second import's root by the class
        raise sa.exc.DBAPIError.instance(statement, None, error, dbapi.Error) from error


@contextmanager
def _unchecked(cursor: Any) -> Iterator[None]:
    """Skip the foreign-key checks if the role is allowed to. No other process can see or delete these runs yet."""
    cursor.execute(_SKIP_CHECKS_IF_ALLOWED)
    skipped = cursor.fetchone() is not None
    yield
    if skipped:
        cursor.execute("SET LOCAL session_replication_role = origin")


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    """Rows in PostgreSQL's CSV format: text is quoted, None is not."""
    arrays = {name: pa.array(values) for name, values in zip(columns, zip(*rows, strict=True), strict=True)}
    given = {
        name: pa.nulls(len(one), pa.string()) if one.null_count == len(one) else one for name, one in arrays.items()
    }
    out = pa.BufferOutputStream()
    pa.csv.write_csv(pa.table(given), out, pa.csv.WriteOptions(include_header=False, quoting_style="needed"))
    return bytes(out.getvalue())
