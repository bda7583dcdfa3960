"""The ledger: which logs it takes for unchanged."""

import os
import shutil
from pathlib import Path

import pytest

from afterglow.ingest.backfill.ledger import stamp
from afterglow.ingest.find_logs import find_logs
from tests.conftest import sample_log


def stamped(path: Path) -> str:
    (log,) = find_logs([str(path)])
    return stamp(log)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = Path(shutil.copy(sample_log("failing-tasks"), tmp_path))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_a_log_that_nobody_touched_has_the_same_stamp(log: Path) -> None:
    assert stamped(log) == stamped(log)


def test_a_log_that_was_written_again_at_the_same_size_has_another_stamp(log: Path) -> None:
    before, size = stamped(log), log.stat().st_size
    os.utime(log, (1_700_000_060, 1_700_000_060))
    assert log.stat().st_size == size and stamped(log) != before


def test_a_log_that_grew_within_the_clock_s_tick_has_another_stamp(log: Path) -> None:
    before = stamped(log)
    with log.open("ab") as file:
        file.write(b"\n")
    os.utime(log, (1_700_000_000, 1_700_000_000))
    assert stamped(log) != before


def test_a_log_that_spark_finished_has_another_stamp(log: Path) -> None:
    growing = log.rename(log.with_name(f"{log.name}.inprogress"))
    before = stamped(growing)
    assert stamped(growing.rename(log)) != before
