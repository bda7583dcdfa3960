"""Many rows into one table, by the quickest way that each database's driver has.

SQLAlchemy's own way spends as long on each row's parameters as SQLite does on the row, and five times as long as
PostgreSQL's COPY.
"""

import io
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa


def insert(connection: Any, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows, which all have the same columns, in the connection's transaction."""
    columns, dialect = list(rows[0]), connection.dialect
    if dialect.name == "postgresql" and dialect.driver in ("psycopg2", "psycopg"):
        _copy(connection, dialect.driver, table.name, columns, rows)
        return
    statement, positions = _statement(table, dialect, tuple(columns))
    if dialect.name == "sqlite" and positions:
        connection.exec_driver_sql(statement, list(map(itemgetter(*positions), rows)))
    else:
        connection.execute(sa.insert(table), rows)


@lru_cache(64)
def _statement(table: Any, dialect: Any, columns: tuple[str, ...]) -> tuple[str, Sequence[str]]:
    """The INSERT of these columns, and which of them each of its places takes."""
    compiled = sa.insert(table).compile(dialect=dialect, column_keys=list(columns))
    return str(compiled), tuple(compiled.positiontup or ())


def _copy(connection: Any, driver: str, table: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    text = "".join(_lines(columns, rows))
    with connection.connection.cursor() as cursor:
        try:
            if driver == "psycopg2":
                cursor.copy_expert(statement, io.StringIO(text))
            else:
                with cursor.copy(statement) as copy:
                    copy.write(text)
        except connection.dialect.dbapi.Error as error:
            # as SQLAlchemy would raise it: the callers tell a second import's root from other errors by its class
            raise sa.exc.DBAPIError.instance(statement, None, error, connection.dialect.dbapi.Error) from error


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
