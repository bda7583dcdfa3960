"""The ledger: which logs it takes for unchanged."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from afterglow.ingest.backfill.ledger import COMMIT_S, Ledger, open_ledger, stamp
from afterglow.ingest.backfill.run_backfill import run_backfill
from afterglow.ingest.backfill.selection import Candidate, Selection
from afterglow.ingest.engines.interface import Order
from afterglow.ingest.errors import AfterglowError, InputError
from afterglow.ingest.find_logs import Head, find_logs
from afterglow.ingest.options import ImportOptions
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


def test_rows_are_durable_after_a_second_and_never_lock_the_file(log: Path, tmp_path: Path) -> None:
    (found,), now = find_logs([str(log)]), [0.0]
    path, head = str(tmp_path / "ledger.db"), Head(True, "app-1", None, "name", "user", 1)
    ledger = Ledger(path, "store", lambda: now[0])
    with open_ledger(path, "store") as other:
        ledger.record(found, head, "done")
        now[0] = COMMIT_S / 2
        ledger.commit_if_due()
        assert other.entries() == {}
        other.record(found, head, "seen")
        other.commit()  # does not wait for the first one
        now[0] = COMMIT_S
        ledger.commit_if_due()
        assert [entry.state for entry in other.entries().values()] == ["done"]


def test_the_rows_of_a_backfill_that_is_stopped_are_durable(log: Path, tmp_path: Path) -> None:
    path, (found,) = str(tmp_path / "ledger.db"), find_logs([str(log)])

    class Failing:
        order: Order = "oldest"

        def import_logs(self, *_: object) -> Generator[AfterglowError, None, None]:
            yield InputError("refused")

    ledger = Ledger(path, "store", lambda: 0.0)
    selection = Selection([Candidate(found, Head(True))])
    results = run_backfill(selection, ledger, None, ImportOptions(), Failing())  # type: ignore[arg-type]
    next(results)
    with open_ledger(path, "store") as other:
        assert other.entries() == {}
        results.close()  # type: ignore[attr-defined]
        assert [entry.state for entry in other.entries().values()] == ["failed"]
