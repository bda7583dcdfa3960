"""Which logs a backfill imports."""

import os
from pathlib import Path

import pytest

from afterglow.ingest.backfill.ledger import open_ledger, stamp
from afterglow.ingest.backfill.selection import Filters, parse_time, select_logs
from afterglow.ingest.errors import InputError
from afterglow.ingest.find_logs import list_logs
from tests.ingest.cli.logs import write_log
from tests.ingest.orchestrator_logs import LOGS, write_orchestrator_log


def names(folder: Path, **given: object) -> list[str]:
    with open_ledger(str(folder / "ledger.db"), "store") as ledger:
        selection = select_logs([str(folder / "logs")], ledger, Filters(), **given)  # type: ignore[arg-type]
        for one in selection.logs:
            ledger.record(one.log, one.head, "done")
        return [one.log.name.rsplit("/", 1)[-1] for one in selection.logs]


def test_a_log_that_was_modified_is_imported_again(tmp_path: Path) -> None:
    log = write_log(tmp_path / "logs")
    assert names(tmp_path) == ["log"] and names(tmp_path) == []
    later = log.stat().st_mtime_ns + 5_000_000_000
    os.utime(log, ns=(later, later))  # the same name and size
    assert names(tmp_path) == ["log"]


def test_a_stamp_depends_on_size_and_modification_time(tmp_path: Path) -> None:
    log = write_log(tmp_path)

    def now() -> str:
        return stamp(next(iter(list_logs([str(log)]))))

    first = now()
    os.utime(log, ns=(1_000_000_000_000_000_000,) * 2)
    touched = now()
    log.write_bytes(log.read_bytes() + b" ")
    os.utime(log, ns=(1_000_000_000_000_000_000,) * 2)
    assert len({first, touched, now()}) == 3


def test_two_applications_of_one_id_are_both_imported(tmp_path: Path) -> None:
    write_log(tmp_path / "logs", "one", file="a")
    write_log(tmp_path / "logs", "two", start_ms=1_700_000_000_007, file="b")
    write_log(tmp_path / "logs", "two", start_ms=1_700_000_000_007, file="copy of b")
    assert len(names(tmp_path)) == 2


def test_nothing_found_is_an_error_but_not_while_following(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with pytest.raises(InputError, match="no event log found"):
        names(tmp_path)
    assert names(tmp_path, allow_empty=True) == []


def test_times_are_utc_unless_they_have_an_offset() -> None:
    assert parse_time("1970-01-02") == 86_400_000 and parse_time("1970-01-01T01:00+01:00") == 0
    with pytest.raises(ValueError, match="not an ISO date"):
        parse_time("yesterday")


def test_orchestrators_are_filters_that_the_ledger_remembers(tmp_path: Path) -> None:
    for name in LOGS:
        write_orchestrator_log(tmp_path / "logs", name)
    with open_ledger(str(tmp_path / "ledger.db"), "store") as ledger:

        def selected(**fields: str) -> list[str]:
            wanted = Filters(orchestrators={name.replace("_", ".", 1): glob for name, glob in fields.items()})
            found = select_logs([str(tmp_path / "logs")], ledger, wanted)
            return [one.log.name.rsplit("/", 1)[-1] for one in found.logs]

        assert selected(airflow_dag="purchases*") == []
        assert selected(airflow_dag="sales*") == ["airflow"]  # from the ledger
        assert selected(airflow_dag="sales*", airflow_task="test") == []
        assert selected(emr_step="s-*") == ["emr"]


def test_a_ledger_without_orchestrators_gets_the_column(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    with open_ledger(path, "store") as ledger:
        ledger._db.execute("ALTER TABLE logs DROP COLUMN orchestrators")
    with open_ledger(path, "store") as ledger:
        assert ledger.entries() == {}
