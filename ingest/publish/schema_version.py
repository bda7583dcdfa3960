"""The version of MLflow's schema in a database: Afterglow neither migrates a database nor meets a migration half-way.

MLflow keeps Alembic's revision in the table alembic_version. MlflowClient migrates an older database when it opens it,
and `mlflow db upgrade` may run at any time.
"""

import os
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ..errors import PublishError
from .error_messages import without_password
from .mlflow_internals import create_engine, installed_version, is_known_version, schema_version

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_VERSION = sa.text("SELECT version_num FROM alembic_version")
# alembic.operations.batch.ApplyBatchImpl: the copy of a table that SQLite cannot alter
_COPIES = sa.text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name LIKE '\\_alembic\\_tmp\\_%' ESCAPE '\\'")


def is_database(uri: str) -> bool:
    """Whether a tracking URI names a database that exists, as far as this can be told without connecting."""
    if uri.startswith("sqlite"):
        return os.path.exists(uri.split("///", 1)[-1].split("?")[0])
    return uri.split(":")[0].split("+")[0] in _DATABASES


def check_version(uri: str) -> None:
    """Check a database before MLflow opens it. A database without MLflow's tables is accepted.

    Raises:
        PublishError: its schema is not that of the installed MLflow, or a migration is under way.
    """
    engine = create_engine(uri)
    try:
        found = schema_version(engine)
    finally:
        engine.dispose()
    if found is None or found == installed_version():
        return
    if is_known_version(found):
        todo = f"run `mlflow db upgrade {without_password(uri)}`, or wait until a running upgrade has ended"
    else:
        todo = "install the MLflow version that wrote the database"
    raise PublishError(f"{without_password(uri)}: {_differs(found)}; {todo}")


def check_unchanged(session: orm.Session | sa.Connection) -> None:
    """Check in a transaction that no migration has begun or ended since the store was opened.

    SQLite has a table `_alembic_tmp_...` while a migration copies one of MLflow's tables.

    Raises:
        PublishError: the schema is not that of the installed MLflow any more, or a migration is under way.
    """
    found: Any = session.execute(_VERSION).scalars().first()
    if found != installed_version():
        raise PublishError(
            f"the database was migrated while this import was running: {_differs(found)}; use the MLflow version of "
            "the database"
        )
    connection = session.connection() if isinstance(session, orm.Session) else session
    if connection.dialect.name == "sqlite" and session.execute(_COPIES).first() is not None:
        raise PublishError("the database is being migrated; wait until `mlflow db upgrade` has ended")


def _differs(found: str) -> str:
    return f"the database has MLflow's schema {found}, and the installed MLflow needs {installed_version()}"
