"""Many logs side by side: nothing shows which process did which, and none costs another."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from afterglow.ingest.cli import app
from afterglow.ingest.engines import process_pool
from afterglow.ingest.errors import AfterglowError, InputError
from afterglow.ingest.find_logs import find_logs
from afterglow.ingest.options import Progress, ReadOptions
from afterglow.ingest.pipeline import read_log
from afterglow.schemas.logs import EventLog, LogFile
from tests.ingest.publish.stores import new_sqlite

from ...property.event_strategies import small_lines

runner = CliRunner()


@pytest.fixture(autouse=True)
def worth_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "_WORTH_PROCESSES_S", 0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen logs, the fifth and the last of which hold no event."""
    made = tmp_path_factory.mktemp("logs")
    text = b"".join(line + b"\n" for line in small_lines())
    for number in range(14):
        name = f"app-{number:02}"
        broken = number in (4, 13)
        (made / name).write_bytes(b'{"no":"event"}\n' if broken else text.replace(b"app-small", name.encode()))
    return made


def paths(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.iterdir())]


def here_or_there(log: EventLog, options: ReadOptions, progress: Progress | None) -> tuple[str, int]:
    """What the tests do with a log, by its name."""
    elsewhere = multiprocessing.parent_process() is not None
    if "slow" in log.name:
        time.sleep(1.0)
    if "refused" in log.name:
        raise InputError(f"{log.name}: refused")
    if "bug" in log.name:
        raise ZeroDivisionError(log.name)
    if "fatal" in log.name and elsewhere:
        os.kill(os.getpid(), signal.SIGKILL)
    return log.name, os.getpid()


def logs(*names: str, size: int = 1000) -> list[EventLog]:
    return [EventLog(name, "single", (LogFile(name, size),)) for name in names]


def outcomes(*names: str) -> list[str]:
    found = process_pool.map_logs(here_or_there, logs(*names), ReadOptions(workers=3))
    return [f"error {one}" if isinstance(one, AfterglowError) else one[0] for one in found]


def test_results_come_in_the_order_of_the_logs_and_from_several_processes() -> None:
    names = ["slow", *(f"log-{number} slow" for number in range(9)), "last"]
    found = list(process_pool.map_logs(here_or_there, logs(*names), ReadOptions(workers=3)))
    assert [one[0] for one in found if not isinstance(one, AfterglowError)] == names
    processes = {one[1] for one in found if not isinstance(one, AfterglowError)}
    assert os.getpid() in processes and len(processes) == 3


def note_process(folder: Path, log: EventLog, options: ReadOptions, progress: Progress | None) -> int:
    (folder / log.name).touch()
    return os.getpid()


def test_many_small_logs_are_read_while_the_results_of_others_are_written(tmp_path: Path) -> None:
    names = [f"log-{number}" for number in range(40)]
    found = process_pool.map_logs(partial(note_process, tmp_path), logs(*names), ReadOptions(workers=2))
    first, deadline = next(found), time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 20:  # nobody takes another result meanwhile
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len([first, *found]) == 40


def test_this_process_takes_the_logs_that_still_wait_for_another() -> None:
    found = process_pool.map_logs(here_or_there, logs(*["slow"] * 5), ReadOptions(workers=2))
    processes = [one[1] for one in found if not isinstance(one, AfterglowError)]
    assert len(processes) == 5 and processes.count(os.getpid()) >= 2


def test_few_bytes_wait_at_a_time() -> None:
    assert [process_pool._has_room(3, size, 2, 64, 100) for size in (3, 99, 100)] == [True, True, False]
    assert process_pool._has_room(1, 1000, 2, 64, 100) and not process_pool._has_room(64, 64, 2, 64, 100)


def test_an_error_is_that_log_s_and_a_bug_keeps_its_traceback() -> None:
    assert outcomes("a", "refused", "b") == ["a", "error refused: refused", "b"]
    with pytest.raises(ZeroDivisionError, match="bug"):
        outcomes("a", "slow", "b", "bug")


def test_a_process_that_is_killed_costs_no_log() -> None:
    names = ["slow", "slow too", *(f"fatal {number}" for number in range(4)), *(f"log-{n}" for n in range(20))]
    assert outcomes(*names) == names


def test_what_is_known_is_not_worked_on_and_large_logs_are_read_here_in_parts() -> None:
    seen = []

    def work(log: EventLog, options: ReadOptions, progress: Progress | None) -> str:
        seen.append((log.name, options.workers))
        return log.name

    given = [*logs("known", "large", size=1 << 30), *logs("server", size=0)]
    known = {"known": "k"}
    found = process_pool.map_logs(work, given, ReadOptions(workers=4), known=lambda log: known.get(log.name))
    assert list(found) == ["k", "large", "server"] and seen == [("large", 4), ("server", 4)]


def test_tables_come_whole_from_another_process(folder: Path) -> None:
    found = find_logs(paths(folder)[:4])
    for log, tables in zip(found, process_pool.map_logs(_read_elsewhere, found, ReadOptions(workers=2)), strict=True):
        assert not isinstance(tables, AfterglowError)
        own = read_log(log)
        assert {name: table.schema for name, table in tables.items()} == {
            name: table.schema for name, table in own.tables.items()
        }
        assert all(table.equals(own.tables[name]) for name, table in tables.items())


def _read_elsewhere(log: EventLog, options: ReadOptions, progress: Progress | None) -> dict[str, pa.Table]:
    if multiprocessing.parent_process() is None:
        time.sleep(0.5)  # the others are to do some
    return dict(read_log(log, options).tables)


@pytest.mark.parametrize("arguments", [["export", "--out", "OUT"], ["export", "--json", "--out", "OUT"], ["show"]])
def test_output_and_exit_code_do_not_depend_on_the_number_of_processes(
    folder: Path, tmp_path: Path, arguments: list[str]
) -> None:
    command, *options = [str(tmp_path / "out") if part == "OUT" else part for part in arguments]
    given = {}
    for workers in ("1", "3"):
        result = runner.invoke(app, [command, *paths(folder), *options, "--workers", workers])
        files = sorted((tmp_path / "out").rglob("*.parquet")) if command == "export" else []
        given[workers] = result.exit_code, result.stdout, result.stderr, [(file, file.read_bytes()) for file in files]
    assert given["1"] == given["3"]
    assert given["1"][0] == 1 and given["1"][2].count("no Spark event log") == 2
    assert len({file.parent for file, _ in given["1"][3]}) == (12 if command == "export" else 0)


def test_import_reads_side_by_side_and_again_reads_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["import", *paths(folder)[:7], "--workers", "2", "--task-runs", "none"]
    arguments += ["--tracking-uri", new_sqlite(tmp_path / "mlflow.db")]
    monkeypatch.chdir(tmp_path)
    first = runner.invoke(app, arguments)
    lines = [line.split(":")[0] for line in first.stdout.splitlines() if "runs written" in line]
    assert lines == [f"app-{number:02}" for number in (0, 1, 2, 3, 5, 6)], first.output
    assert first.exit_code == 1 and first.stderr.count("no Spark event log") == 1
    again = runner.invoke(app, arguments)
    assert again.exit_code == 1 and again.stdout.count("already imported") == 6


def test_no_process_outlives_the_first(tmp_path: Path) -> None:
    code = (
        "from tests.ingest.engines.test_process_pool import *\n"
        "if __name__ == '__main__':\n"
        "    process_pool._WORTH_PROCESSES_S = 0.0\n"
        "    for one in process_pool.map_logs(here_or_there, logs(*['slow'] * 100), ReadOptions(workers=3)):\n"
        "        print(one[1], flush=True)\n"
    )
    script = tmp_path / "many.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        seen: set[int] = set()
        while len(seen) < 3:
            seen.add(int(process.stdout.readline()))
        process.kill()
    until = time.monotonic() + 20
    while any(_runs(one) for one in seen) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(_runs(one) for one in seen)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
