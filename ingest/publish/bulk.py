"""Many rows into one table, by the quickest way that each database's driver has.

SQLAlchemy's own way spends as long on each row's parameters as SQLite does on the row, and five times as long as
PostgreSQL's COPY.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

_AT_ONCE = 2**20  # each piece takes Python's lock, which the thread that makes the rows has
_MAY_LEAVE_OUT = """
SELECT current_setting('is_superuser') = 'on' AND current_setting('session_replication_role') = 'origin'
AND NOT EXISTS (
    SELECT 1 FROM pg_trigger WHERE NOT tgisinternal
    AND tgrelid IN ('tags'::regclass, 'params'::regclass, 'metrics'::regclass, 'latest_metrics'::regclass)
)
"""


def insertion(dialect: Any, table: Any, rows: Sequence[dict[str, Any]], own: bool = False) -> Callable[[Any], None]:
    """What inserts rows, which all have the same columns, in a connection's transaction; all that can be done without
    the database is done now. `own` says that the runs they are of were made in the same transaction."""
    columns = list(rows[0])
    if dialect.name == "postgresql" and dialect.driver in ("psycopg2", "psycopg"):
        return partial(_copy, dialect, table.name, columns, "".join(_lines(columns, rows)), own)
    statement, positions = _statement(table, dialect, tuple(columns))
    if dialect.name == "sqlite" and positions:
        values = list(map(itemgetter(*positions), rows))
        return lambda connection: connection.exec_driver_sql(statement, values)
    return lambda connection: connection.execute(sa.insert(table), rows)


@lru_cache(64)
def _statement(table: Any, dialect: Any, columns: tuple[str, ...]) -> tuple[str, Sequence[str]]:
    """The INSERT of these columns, and which of them each of its places takes."""
    compiled = sa.insert(table).compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), tuple(compiled.positiontup or ())


def _copy(dialect: Any, table: str, columns: Sequence[str], text: str, own: bool, connection: Any) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with connection.connection.cursor() as cursor, _unchecked(cursor) if own else nullcontext():
        try:
            if dialect.driver == "psycopg2":
                cursor.copy_expert(statement, io.StringIO(text), _AT_ONCE)
            else:
                with cursor.copy(statement) as copy:
                    copy.write(text)
        except dialect.dbapi.Error as error:
            # as SQLAlchemy would raise it: the callers tell a second import's root from other errors by its class
            raise sa.exc.DBAPIError.instance(statement, None, error, dialect.dbapi.Error) from error


@contextmanager
def _unchecked(cursor: Any) -> Iterator[None]:
    """Leaves out the look for the run of each row, half of the time that PostgreSQL takes, where that is allowed and no
    trigger of somebody's would be left out with it. The run is of this transaction: nobody else can delete it."""
    cursor.execute(_MAY_LEAVE_OUT)
    if not cursor.fetchone()[0]:
        yield
        return
    cursor.execute("SET LOCAL session_replication_role = replica")
    yield
    cursor.execute("SET LOCAL session_replication_role = origin")


def _lines(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """COPY's text format."""
    values = itemgetter(*columns)
    for row in rows:
        yield "\t".join(map(_text, values(row))) + "\n"


def _text(value: Any) -> str:
    if isinstance(value, str):
        text: str = value
        if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
            text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        return text
    if value is None:
        return "\\N"
    return str(value) if value is not True and value is not False else "tf"[not value]
