"""`backfill --engine spark` on a real standalone cluster: what it leaves is what this machine alone leaves."""

import filecmp
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from afterglow.ingest import log_parts as parts
from afterglow.ingest.backfill.ledger import open_ledger
from afterglow.ingest.backfill.run_backfill import run_backfill
from afterglow.ingest.backfill.selection import Filters, select_logs
from afterglow.ingest.engines import spark_engine
from afterglow.ingest.engines.open_engine import open_engine
from afterglow.ingest.errors import InputError
from afterglow.ingest.options import ImportOptions
from afterglow.ingest.pipeline import open_experiments
from tests.cluster import Cluster
from tests.conftest import SAMPLES
from tests.ingest.publish import stores
from tests.ingest.publish.stores import new_sqlite
from tests.ingest.publish.trees import Held, differences, held

pytestmark = pytest.mark.spark
# Others too, where that is asked for: AFTERGLOW_MORE_LOGS="../shared/logs" takes some minutes.
LOGS = [str(SAMPLES), *os.environ.get("AFTERGLOW_MORE_LOGS", "").split()]
FEW = [str(SAMPLES / name) for name in ("failing-tasks", "rolled-segments", "skewed-join", "spark35-wordcount")]
SETTINGS = {
    "spark.executor.memory": "512m",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


@dataclass(frozen=True)
class Local:
    """What the local engine left."""

    runs: Held
    tables: Path


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Local:
    return locally(tmp_path_factory.mktemp("local"), LOGS)


@pytest.fixture(scope="module")
def local_few(tmp_path_factory: pytest.TempPathFactory) -> Local:
    return locally(tmp_path_factory.mktemp("local-few"), FEW)


def locally(place: Path, logs: list[str]) -> Local:
    return Local(held(backfilled(place, open_engine("local"), logs), "years"), place / "tables")


@pytest.fixture
def spark(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return cluster


def backfilled(place: Path, engine: Any, logs: list[str], store: str | None = None) -> str:
    """Backfills the logs; the store's URI."""
    uri = store or new_sqlite(place / "mlflow.db")
    options = ImportOptions(dataset=str(place / "tables"))
    with open_ledger(str(place / "ledger.db"), uri) as ledger:
        todo = select_logs(logs, ledger, Filters())
        experiments = open_experiments(uri, "years")
        with engine as does:
            outcomes = list(run_backfill(todo, ledger, experiments, options, does))
    assert outcomes and not [one for one in outcomes if isinstance(one.outcome, Exception)], outcomes
    return uri


def files(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.parquet"))}


def same(place: Path, uri: str, local: Local) -> None:
    found = held(uri, "years")
    assert differences(found.tree, local.runs.tree) == []
    assert (found.duplicates, found.complete) == (0, local.runs.complete)
    here, there = files(local.tables), files(place / "tables")
    assert here.keys() == there.keys() and here
    assert [name for name in here if not filecmp.cmp(here[name], there[name], shallow=False)] == []


def test_executors_read_and_the_driver_publishes(spark: Cluster, local: Local, tmp_path: Path) -> None:
    same(tmp_path, backfilled(tmp_path, open_engine("spark", spark.master, SETTINGS), LOGS), local)


def test_executors_publish_to_a_server(spark: Cluster, local_few: Local, tmp_path: Path) -> None:
    with stores.sqlite() as database, stores.server(database) as uri:
        backfilled(tmp_path, open_engine("spark", spark.master, SETTINGS), FEW, uri)
        found = held(database, "years")
    # the server keeps artifacts where only it can see them
    there, here = (
        {key: {part: run[part] for part in run if part != "artifacts"} for key, run in one.tree.items()}
        for one in (found, local_few.runs)
    )
    assert differences(there, here) == [] and found.duplicates == 0


def test_a_huge_log_is_read_in_parts(
    spark: Cluster, local_few: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_engine, "_HUGE_BYTES", 0)
    monkeypatch.setattr(parts, "_PART_BYTES", 50_000)
    counted: list[int] = []
    read = spark_engine.SparkEngine._read_parts
    monkeypatch.setattr(
        spark_engine.SparkEngine,
        "_read_parts",
        lambda self, *given: counted.append(len(given[0])) or read(self, *given),
    )
    same(tmp_path, backfilled(tmp_path, open_engine("spark", spark.master, SETTINGS), FEW), local_few)
    assert max(counted) > 2


def test_a_worker_that_is_killed_half_way(spark: Cluster, local: Local, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill() -> Iterator[None]:
        until = time.monotonic() + 120
        while time.monotonic() < until and not files(tmp_path / "tables"):
            time.sleep(0.02)
        killed.append(len(files(tmp_path / "tables")))
        spark.kill_worker()
        yield

    watching = threading.Thread(target=lambda: list(kill()))
    watching.start()
    try:
        uri = backfilled(tmp_path, open_engine("spark", spark.master, SETTINGS), LOGS)
    finally:
        watching.join()
        spark.add_worker()
    assert 0 < killed[0] < len(files(local.tables))
    same(tmp_path, uri, local)


def test_a_backfill_that_is_stopped_leaves_no_job_running(spark: Cluster, local_few: Local, tmp_path: Path) -> None:
    """It ends with the log under way, though the wave has others; what is left is done by the next one."""
    from pyspark import SparkContext

    uri, options = new_sqlite(tmp_path / "mlflow.db"), ImportOptions(dataset=str(tmp_path / "tables"))
    with (
        pytest.MonkeyPatch.context() as patch,
        open_engine("spark", spark.master, SETTINGS) as does,
        open_ledger(str(tmp_path / "ledger.db"), uri) as ledger,
    ):
        patch.setattr(spark_engine, "_WAVE_LOGS", 1)
        todo = select_logs(FEW, ledger, Filters(), order=does.order)
        outcomes = run_backfill(todo, ledger, open_experiments(uri, "years"), options, does)
        next(outcomes)
        outcomes.close()
        context = SparkContext._active_spark_context
        assert context is not None and not context.statusTracker().getActiveJobsIds()
    assert 0 < held(uri, "years").complete < local_few.runs.complete
    same(tmp_path, backfilled(tmp_path, open_engine("spark", spark.master, SETTINGS), FEW), local_few)


def test_what_cannot_work_is_said(tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "skewed-join", tmp_path / "logs")
    words = ["backfill", str(tmp_path / "logs"), "--ledger", str(tmp_path / "ledger.db")]
    words += ["--tracking-uri", new_sqlite(tmp_path / "m.db"), "--engine", "spark", "--master", "nonsense"]
    command = [sys.executable, "-m", "afterglow.ingest.cli", *words]
    found = subprocess.run(command, capture_output=True, text=True)  # a process that has no SparkContext yet
    assert found.returncode == 3 and "Spark does not start" in found.stderr and "--master" in found.stderr


def test_a_spark_context_elsewhere_is_not_taken_for_the_one_that_is_asked_for(spark: Cluster) -> None:
    with open_engine("spark", spark.master, SETTINGS):
        message = f"already has a SparkContext on {spark.master}"
        with pytest.raises(InputError, match=message), open_engine("spark", "local"):
            pass
        with open_engine("spark"):  # the one that is there
            pass
