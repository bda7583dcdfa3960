"""Summarize a backfill: the results by state, and a JSON file with the result of every log."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import AfterglowError
from ..filesystems import write_file
from .run_backfill import LogResult
from .selection import Selection

_ALWAYS_SHOWN = ("listed", "imported", "failed")
_STATES = {"written": "imported", "unchanged": "already imported", "deleted": "deleted in MLflow"}


@dataclass(slots=True)
class Summary:
    """Counts the results of a backfill.

    `planned` is the number of logs that were selected, and `done_before` the number of those that the ledger knew as
    done when it began. Without `keep_rows` the results are only counted, since a backfill may run for months. `clock`
    is in seconds.
    """

    keep_rows: bool = True
    clock: Callable[[], float] = time.monotonic
    rows: list[dict[str, Any]] = field(default_factory=list)
    planned: int = 0
    done_before: int = 0
    finished: int = 0
    imported: int = 0
    failed: int = 0
    bytes: int = 0
    runs: int = 0
    began: float = 0.0
    regressed: int = 0
    regressions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def add(self, result: LogResult) -> Mapping[str, Any]:
        """Adds a result; returns its row."""
        log, outcome = result.log, result.outcome
        row: dict[str, Any] = {"log": log.name, "bytes": log.size, "seconds": round(result.seconds, 3)}
        if isinstance(outcome, AfterglowError):
            self.failed += 1
            row |= {"state": "failed", "error": str(outcome)}
        else:
            published = outcome.published
            self.runs += published.written
            row |= {"state": _STATES[published.state], "application": outcome.app_id}
            row |= {"completeness": outcome.completeness, "runs": published.runs}
            row |= {"run_id": published.run_id, "url": published.url}
            self.regressions.update(outcome.regressions)
            if outcome.regressions:
                self.regressed += 1
                row |= {"regression": published.regression}
        self.bytes += log.size
        self.finished += 1
        self.imported += row["state"] == "imported"
        if self.keep_rows:
            self.rows.append(row)
        return row

    def progress(self) -> str:
        """The counts so far, as one line."""
        return f"{self.finished:,} done, {self.failed:,} failed, {self._rate()}"

    def _rate(self) -> str:
        return f"{self.bytes / 1e6 / max(self.clock() - self.began, 1e-3):,.1f} MB/s"

    def counts(self, selection: Selection) -> dict[str, int]:
        """The number of logs by state; `selection` is the last one."""
        return {
            "listed": selection.listed,
            "imported": self.imported,
            "already imported": self.done_before + self.finished - self.imported - self.failed,
            "filtered, or copies": selection.filtered,
            "failed": self.failed,
            "with a regression": self.regressed,
            "failed before, unchanged": selection.failed_before,
            "quarantined": len(selection.quarantined),
        }

    def write(self, path: str, selection: Selection) -> None:
        """Writes counts, seconds and the result of every log as JSON.

        Raises:
            InputError: the file cannot be written.
        """
        write_file(path, json.dumps({**self.totals(selection), "logs": self.rows}, indent=1).encode())

    def totals(self, selection: Selection) -> dict[str, Any]:
        """Counts, seconds and the quarantined logs, as JSON-serializable values."""
        return {
            "summary": self.counts(selection),
            "seconds": self.clock() - self.began,
            "quarantined": [{"log": log, "error": error} for log, error in selection.quarantined],
        }

    def lines(self, selection: Selection) -> list[str]:
        """The summary as lines of text."""
        counts = self.counts(selection).items()
        lines = [f"{name:>24}  {number:,}" for name, number in counts if number or name in _ALWAYS_SHOWN]
        lines.append(f"{self.runs:,} runs written in {self.clock() - self.began:,.1f} s, {self._rate()}")
        return lines + [
            f"quarantined: {log}: {error}; --retry-failed imports it again" for log, error in selection.quarantined
        ]


def plan(selection: Selection, bytes_per_s: float | None) -> dict[str, Any]:
    """What a backfill would import, as JSON-serializable values. `seconds` is null where no rate was measured."""
    return {
        "logs": [{"log": one.log.name, "bytes": one.log.size} for one in selection.logs],
        "listed": selection.listed,
        "already imported": selection.done,
        "filtered, or copies": selection.filtered,
        "quarantined": [{"log": log, "error": error} for log, error in selection.quarantined],
        "bytes": selection.size,
        "seconds": selection.size / bytes_per_s if bytes_per_s else None,
    }


def plan_lines(selection: Selection, bytes_per_s: float | None) -> list[str]:
    """What a backfill would import, and how long it would take at the rate of earlier imports."""
    lines = [f"{one.log.name}  {one.log.size / 1e6:,.1f} MB" for one in selection.logs]
    estimate = (
        f"about {selection.size / bytes_per_s:,.0f} s at {bytes_per_s / 1e6:,.1f} MB/s"
        if bytes_per_s
        else "no rate measured yet"
    )
    return [
        *lines,
        f"{len(selection.logs):,} of {selection.listed:,} logs, {selection.size / 1e6:,.1f} MB, {estimate}; "
        f"{selection.done:,} done before, {selection.filtered:,} filtered, {len(selection.quarantined):,} quarantined",
    ]
