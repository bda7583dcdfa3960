"""What is done around calls of MLflow that it does not document."""

import io
import logging

from afterglow.ingest.publish.mlflow_internals import silent_migrations


def test_migrations_are_silent_and_leave_logging_as_it_was() -> None:
    alembic, root, written = logging.getLogger("alembic"), logging.getLogger(), io.StringIO()
    before = list(root.handlers)
    with silent_migrations():  # as mlflow.store.db_migrations.env of MLflow 3.0 configures it
        root.addHandler(logging.StreamHandler(written))
        alembic.setLevel(logging.INFO)
        migration = logging.getLogger("a_migration_py")
        migration.setLevel(logging.INFO)
        migration.info("Running upgrade")
        migration.warning("a table is missing")
    assert written.getvalue() == "a table is missing\n"
    assert root.handlers == before and not alembic.isEnabledFor(logging.INFO)
