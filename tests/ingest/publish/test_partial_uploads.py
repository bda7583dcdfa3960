"""What a killed upload left among a run's artifacts is gone after the next import."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from afterglow.ingest import import_logs
from tests.conftest import sample_log

from .stores import new_sqlite


@pytest.mark.parametrize("writer", ["rest", "sql"])
@pytest.mark.slow
def test_the_next_import_deletes_a_partial_upload(tmp_path: Path, writer: str) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    MlflowClient(uri).create_experiment("jobs", artifact_location=f"file://{tmp_path}/artifacts")
    log = [str(sample_log("failing-tasks"))]
    (first,) = import_logs(log, uri, "jobs", writer=writer, task_runs="none")
    folder = tmp_path / "artifacts" / first.published.run_id / "artifacts"
    partial = folder / "tables" / ".artifact.uploading.abc"
    partial.write_bytes(b"PAR1")
    (again,) = import_logs(log, uri, "jobs", writer=writer, task_runs="all")
    assert again.published.run_id == first.published.run_id
    assert not partial.exists() and (folder / "tables" / "tasks.parquet").exists()
