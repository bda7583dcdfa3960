"""The ledger of a backfill: a SQLite file with the state of every log.

It only saves time. MLflow holds what is imported; without the ledger every log is looked up there again. Rows belong to
a tracking store, an experiment and options, so that one file serves several backfills.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...schemas.logs import EventLog
from ..errors import AfterglowError, InputError
from ..filesystems import data_folder
from ..find_logs import Head
from ..options import ImportOptions
from ..storage_errors import explain
from ..transient_errors import is_transient

State = Literal["seen", "done", "failed", "quarantined"]
"""`seen`: its head was read and did not match the filters; `quarantined`: it failed ATTEMPTS times."""

ATTEMPTS = 3
COMMIT_S = 1.0
"""Seconds between two commits while results come faster. A backfill that is killed looks up the logs of the last one in
MLflow again."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS logs (
    store TEXT NOT NULL, log TEXT NOT NULL, stamp TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    transient INTEGER NOT NULL, error TEXT, is_log INTEGER, app_id TEXT, app_attempt TEXT, name TEXT, user TEXT,
    start_ms INTEGER, runs INTEGER, bytes INTEGER NOT NULL, seconds REAL NOT NULL, at INTEGER NOT NULL,
    orchestrators TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (store, log)
)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """The row of a log. `transient` is whether its error may go away."""

    stamp: str
    state: State
    attempts: int
    transient: bool
    error: str | None
    head: Head


class Ledger:
    """Opens or creates the file. `target` names the store, the experiment and the options; see `ledger_target`.

    Recorded rows wait in memory until they are committed, so that another process never waits for them.

    Raises:
        InputError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str, target: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self._target, self._clock = path, target, clock
        self._recorded: list[tuple[object, ...]] = []
        self._committed = clock()
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30)
            self._db.execute(_SCHEMA)
            if "orchestrators" not in [row[1] for row in self._db.execute("PRAGMA table_info(logs)")]:
                self._db.execute("ALTER TABLE logs ADD COLUMN orchestrators TEXT NOT NULL DEFAULT '{}'")
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"{path}: cannot be used as a ledger: {explain(error)}; choose another file with --ledger"
            ) from error

    def entries(self) -> dict[str, Entry]:
        """The rows of this target, by the name of the log."""
        self.commit()
        rows = self._db.execute(
            "SELECT log, stamp, state, attempts, transient, error, is_log, app_id, app_attempt, name, user, start_ms, "
            "orchestrators FROM logs WHERE store = ?",
            (self._target,),
        )
        return {
            log: Entry(stamp, state, attempts, bool(transient), error, _head(is_log, fields, *head))
            for log, stamp, state, attempts, transient, error, is_log, *head, fields in rows
        }

    def record(
        self,
        log: EventLog,
        head: Head,
        state: State,
        attempts: int = 0,
        error: AfterglowError | None = None,
        runs: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Replaces the row of a log; `commit` makes it durable."""
        row = (
            self._target,
            log.name,
            stamp(log),
            state,
            attempts,
            int(error is not None and is_transient(error)),
            None if error is None else str(error),
            int(head.is_log),
            head.app_id,
            head.app_attempt,
            head.name,
            head.user,
            head.start_time_ms,
            runs,
            log.size,
            seconds,
            int(time.time()),
            json.dumps(dict(head.orchestrators)),
        )
        self._recorded.append(row)

    def commit(self) -> None:
        """Makes the recorded rows durable."""
        if self._recorded:
            values = ", ".join("?" * len(self._recorded[0]))
            self._db.executemany(f"INSERT OR REPLACE INTO logs VALUES ({values})", self._recorded)
            self._db.commit()
        self._recorded.clear()
        self._committed = self._clock()

    def commit_if_due(self) -> None:
        """Commits at most once in COMMIT_S: every commit waits for the disk, and many small logs take less each."""
        if self._clock() - self._committed >= COMMIT_S:
            self.commit()

    def rate(self) -> float | None:
        """Bytes per second of the imports so far; None if there were none."""
        self.commit()
        size, seconds = self._db.execute(
            "SELECT sum(bytes), sum(seconds) FROM logs WHERE store = ? AND seconds > 0", (self._target,)
        ).fetchone()
        return size / seconds if seconds else None

    def close(self) -> None:
        """Commits and closes the file."""
        self.commit()
        self._db.close()


@contextmanager
def open_ledger(path: str | None, target: str) -> Iterator[Ledger]:
    """Opens a ledger for the duration of the context; by default a file in the user's data directory."""
    ledger = Ledger(path or str(data_folder() / "backfill.db"), target)
    try:
        yield ledger
    finally:
        ledger.close()


def ledger_target(tracking_uri: str | None, experiment: str | None, options: ImportOptions) -> str:
    """What the rows are valid for: with another store, experiment or options the same logs are to be imported."""
    most = (options.max_task_runs, options.max_job_runs, options.max_stage_runs)
    how = (options.task_runs, *most, options.report, options.trace, options.runs, options.dataset)
    return json.dumps(
        [tracking_uri, experiment, *how, options.read.thresholds.identity, *map(list, options.orchestrator_urls)]
        + ([] if options.prices is None else [options.prices.identity])
    )


def _head(
    is_log: int | None,
    orchestrators: str,
    app_id: str | None,
    app_attempt: str | None,
    name: str | None,
    user: str | None,
    start_ms: int | None,
) -> Head:
    return Head(bool(is_log), app_id, app_attempt, name, user, start_ms, json.loads(orchestrators))


def stamp(log: EventLog) -> str:
    """The files' names, sizes and modification times; it differs if the log was changed."""
    files: Iterable[str] = (f"{file.name.rsplit('/', 1)[-1]} {file.size} {file.modified_ms}" for file in log.files)
    return "\n".join([str(log.in_progress), *files])
