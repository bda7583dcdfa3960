"""Logs of drivers that were killed: by their names they are still written to, for ever."""

import os
import shutil
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from afterglow.ingest.backfill.ledger import open_ledger
from afterglow.ingest.backfill.run_backfill import run_backfill
from afterglow.ingest.backfill.selection import Filters, select_logs
from afterglow.ingest.engines.open_engine import open_engine
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import ImportOptions
from afterglow.ingest.pipeline import open_experiments, read_log
from tests.conftest import sample_log
from tests.ingest.publish.stores import new_sqlite

HOUR = 3600


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds, time.time() - seconds))


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return Path(shutil.copy(sample_log("killed-driver"), tmp_path / "logs"))


@pytest.mark.parametrize(("hours", "verdict"), [(23, "in_progress"), (25, "no_application_end")])
def test_a_day_without_a_word_is_the_end(killed: Path, hours: float, verdict: str) -> None:
    aged(killed, hours * HOUR)
    (log,) = find_logs([str(killed)])
    assert read_log(log).application["completeness"] == verdict


def test_runs_of_a_driver_that_turns_out_dead_are_closed_by_the_next_backfill(killed: Path, tmp_path: Path) -> None:
    uri = new_sqlite(tmp_path / "mlflow.db")
    found = [backfilled(killed.parent, tmp_path, uri)]
    aged(killed, 25 * HOUR)
    found += [backfilled(killed.parent, tmp_path, uri), backfilled(killed.parent, tmp_path, uri)]
    assert [written for written, _ in found] == [True, True, False]
    assert ["RUNNING" in statuses for _, statuses in found] == [True, False, False]
    assert "KILLED" in found[1][1] and found[1] == (True, found[2][1]) and len(found[0][1]) == len(found[1][1])


def backfilled(logs: Path, place: Path, uri: str) -> tuple[bool, list[str]]:
    """Whether anything was imported, and the statuses of all runs that are there."""
    with open_ledger(str(place / "ledger.db"), uri) as ledger, open_engine("local") as here:
        todo = select_logs([str(logs)], ledger, Filters())
        experiments = open_experiments(uri, "years")
        outcomes = list(run_backfill(todo, ledger, experiments, ImportOptions(), here))
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("years")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=10_000)
    return bool(outcomes), sorted(run.info.status for run in runs)
