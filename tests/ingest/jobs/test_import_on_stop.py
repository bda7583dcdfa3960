"""`annotate.autolog(import_on_stop=True)` imports each session of a process when it stops, into mlflow's store."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient

from afterglow import annotate
from afterglow.annotate import import_on_stop
from afterglow.annotate import monkeypatch as pyspark_patches
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

NOTEBOOK = """
import sys
import mlflow
from pyspark.sql import SparkSession
from afterglow import annotate

store, logs = sys.argv[1:]
mlflow.set_tracking_uri(store)
mlflow.set_experiment("notebook")
annotate.autolog(import_on_stop=True)

def session(name, logged=True):
    builder = SparkSession.builder.master("local[1]").appName(name).config("spark.ui.enabled", "false")
    for key in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(key, "127.0.0.1")
    return builder.config("spark.eventLog.enabled", logged).config("spark.eventLog.dir", logs).getOrCreate()

first = session("first")
print(first.range(10).count())
first.stop()
first.stop()  # twice is once
off = session("off", logged=False)
off.stop()
annotate.disable()
session("disabled").stop()
annotate.autolog(import_on_stop=True)
print(session("ends with the process").range(20).count())
"""


@pytest.mark.spark
def test_sessions_are_imported_as_they_stop_and_at_the_end_of_the_process(tmp_path: Path) -> None:
    store, logs = new_sqlite(tmp_path / "mlflow.db"), tmp_path / "logs"
    logs.mkdir()
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-c", NOTEBOOK, store, f"file://{logs}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert (ran.returncode, ran.stdout) == (0, "10\n20\n"), ran.stderr
    client = MlflowClient(store)
    found = client.get_experiment_by_name("notebook")
    assert found is not None and client.get_experiment_by_name("spark-applications") is None
    roots = client.search_runs([found.experiment_id], "tags.`afterglow.level` = 'application'")
    assert {run.info.run_name: run.data.tags["afterglow.completeness"] for run in roots} == {
        "first": "complete",
        "ends with the process": "complete",
    }
    assert ran.stderr.count("runs written in") == 2 and ran.stderr.count("#/experiments/") == 2
    assert ran.stderr.count("import_on_stop imports nothing") == 1


class Context:
    """Duck type of a SparkContext whose event log is at `path`."""

    def __init__(self, path: str, logged: str = "true") -> None:
        writer = SimpleNamespace(logPath=lambda: path)
        logger = SimpleNamespace(get=lambda: SimpleNamespace(logWriter=lambda: writer))
        self._jsc = SimpleNamespace(sc=lambda: SimpleNamespace(eventLogger=lambda: logger))
        self.applicationId = "app-1"
        self._conf = {"spark.eventLog.enabled": logged}

    def getConf(self) -> Any:
        return self._conf


@pytest.fixture(autouse=True)
def no_imports_left() -> Iterator[None]:
    yield
    import_on_stop._imports.clear()


def test_a_failure_is_reported_once_and_never_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caught: list[Any]
) -> None:
    monkeypatch.setattr(import_on_stop, "AT_EXIT_S", 0.0)
    monkeypatch.setattr(import_on_stop, "_registered_pid", os.getpid())
    mlflow = SimpleNamespace(get_tracking_uri=lambda: "http://127.0.0.1:9")
    with monkeypatch.context() as inner:
        inner.setitem(sys.modules, "mlflow", mlflow)  # type: ignore[arg-type]
        inner.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        inner.setenv("AFTERGLOW_RETRY_S", "0")
        after = import_on_stop.prepare(Context(str(sample_log("failing-tasks"))))
    assert after is not None
    after()
    import_on_stop.at_exit()
    text = capfd.readouterr().err
    assert text.count("waiting for the import") == 1 and text.count("the import continues in the background") == 1
    monkeypatch.setattr(import_on_stop, "AT_EXIT_S", 120.0)
    import_on_stop._imports[0].process.wait(120)
    import_on_stop.at_exit()
    import_on_stop.at_exit()
    assert capfd.readouterr().err.count("error:") == 1 and caught == []


def test_a_missing_event_log_warns_once(caught: list[warnings.WarningMessage]) -> None:
    assert import_on_stop.prepare(Context("", "false")) is None and import_on_stop.prepare(Context("", "false")) is None
    assert len(caught) == 1 and "spark.eventLog.enabled is not true" in str(caught[0].message)


def test_without_the_reader_it_warns_and_patches_nothing(
    monkeypatch: pytest.MonkeyPatch, caught: list[warnings.WarningMessage]
) -> None:
    monkeypatch.setattr(import_on_stop, "_is_installed", lambda name: name != "typer")
    import_on_stop.enable()
    assert pyspark_patches.stop_callbacks == [] and len(caught) == 1 and "needs typer" in str(caught[0].message)


def test_folder_and_id_where_the_jvm_does_not_return_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(import_on_stop, "_start", lambda command, environment: started.append(command))
    context = Context("")
    context._jsc = None
    context._conf["spark.eventLog.dir"] = "hdfs:///logs"
    then = import_on_stop.prepare(context)
    assert then is not None
    then()
    assert started[0][3:] == ["hook", "--log-dir", "hdfs:///logs", "--app-id", "app-1"]


def test_disable_ends_it() -> None:
    import_on_stop.enable()
    assert pyspark_patches.stop_callbacks == [import_on_stop.prepare]
    annotate.disable()
    assert pyspark_patches.stop_callbacks == []
