"""What a backfill has done with each log, in a SQLite file of its own.

It saves time and nothing else: what is imported is in MLflow, and a lost ledger only means that every log is asked
about again. Rows are apart by tracking store and experiment, so one file serves several backfills.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...schemas.logs import EventLog
from ..errors import AfterglowError, InputError, PublishError
from ..find_logs import Head

State = Literal["seen", "done", "failed", "aside"]
"""`seen`: only its head was read, and no filter wanted it; `aside`: failed so often that it is left alone."""

ATTEMPTS = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS logs (
    store TEXT NOT NULL, log TEXT NOT NULL, stamp TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    may_pass INTEGER NOT NULL, error TEXT, is_log INTEGER, app_id TEXT, app_attempt TEXT, name TEXT, user TEXT,
    start_ms INTEGER, runs INTEGER, bytes INTEGER NOT NULL, seconds REAL NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (store, log)
)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A log's row."""

    stamp: str
    state: State
    attempts: int
    may_pass: bool
    error: str | None
    head: Head


class Ledger:
    """Opens or makes the file. `store` says which store and experiment the backfill writes to.

    Raises:
        InputError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str, store: str) -> None:
        self.path, self._store = path, store
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30)
            self._db.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{path}: cannot be used as a ledger: {error}; name another with --ledger") from error

    def entries(self) -> dict[str, Entry]:
        """Log's name -> its row."""
        rows = self._db.execute(
            "SELECT log, stamp, state, attempts, may_pass, error, is_log, app_id, app_attempt, name, user, start_ms "
            "FROM logs WHERE store = ?",
            (self._store,),
        )
        return {
            log: Entry(stamp, state, attempts, bool(passing), error, Head(bool(is_log), *head))
            for log, stamp, state, attempts, passing, error, is_log, *head in rows
        }

    def note(
        self,
        log: EventLog,
        head: Head,
        state: State,
        attempts: int = 0,
        error: AfterglowError | None = None,
        runs: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Writes a log's row; `commit` keeps it."""
        row = (
            self._store,
            log.name,
            stamp(log),
            state,
            attempts,
            int(error is not None and may_pass(error)),
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
        )
        self._db.execute(f"INSERT OR REPLACE INTO logs VALUES ({', '.join('?' * len(row))})", row)

    def commit(self) -> None:
        """Keeps what was noted."""
        self._db.commit()

    def rate(self) -> float | None:
        """Bytes per second of the imports so far; None where there were none."""
        size, seconds = self._db.execute(
            "SELECT sum(bytes), sum(seconds) FROM logs WHERE store = ? AND seconds > 0", (self._store,)
        ).fetchone()
        return size / seconds if seconds else None

    def close(self) -> None:
        """Commits and closes."""
        self._db.commit()
        self._db.close()


@contextmanager
def open_ledger(path: str | None, store: str) -> Iterator[Ledger]:
    """A ledger for as long as the context lasts; without a path in the user's data directory."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    ledger = Ledger(path or os.path.join(home, "afterglow", "backfill.db"), store)
    try:
        yield ledger
    finally:
        ledger.close()


def stamp(log: EventLog) -> str:
    """Changes when the log does: its files' names, sizes and times."""
    files: Iterable[str] = (f"{file.name.rsplit('/', 1)[-1]} {file.size} {file.modified_ms}" for file in log.files)
    return "\n".join([str(log.in_progress), *files])


def may_pass(error: AfterglowError) -> bool:
    """Whether the same log may go through another time: the store or the place was not to be reached."""
    return isinstance(error, PublishError) or isinstance(error.__cause__, OSError)
