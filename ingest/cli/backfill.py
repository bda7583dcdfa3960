"""`afterglow backfill LOG_DIR...`: years of logs, and what is added to them."""

import json
import signal
import threading
import time
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

import typer

from . import console as terminal
from . import options

Since = Annotated[
    str | None, typer.Option(help="Applications started then or later (ISO date or time, UTC).", show_default=False)
]
Until = Annotated[str | None, typer.Option(help="Applications started before then.", show_default=False)]
AppName = Annotated[str | None, typer.Option(help="Applications whose name fits this glob.", show_default=False)]
User = Annotated[str | None, typer.Option(help="Applications of a user who fits this glob.", show_default=False)]
MinDuration = Annotated[
    float | None, typer.Option(min=0, help="Applications that took so many seconds.", show_default=False)
]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many logs.", show_default=False)]
NewestFirst = Annotated[bool, typer.Option("--newest-first", help="Begin with the newest applications.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and how long it would take.")]
Follow = Annotated[bool, typer.Option("--follow", help="Stay, and import what appears and what grows, until SIGTERM.")]
Every = Annotated[float, typer.Option(min=0.1, help="With --follow: seconds between two looks.")]
LedgerFile = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="Where it remembers what is done. Without it, in the user's data directory.",
        show_default=False,
    ),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Take up logs that failed, those set aside too.")]
EngineName = Annotated[
    Literal["local", "spark"], typer.Option("--engine", help="local: this machine; spark: executors read the logs.")
]
Master = Annotated[
    str | None, typer.Option(help="With --engine spark: Spark's master; else its own settings.", show_default=False)
]
SparkConf = Annotated[
    list[str] | None, typer.Option(help="With --engine spark: KEY=VALUE of Spark's; repeatable.", show_default=False)
]
_TOLD = ("task_runs", "max_task_runs", "pictures", "trace")
Report = Annotated[
    str | None, typer.Option(help="Write what came of every log to this file, as JSON.", show_default=False)
]


@options.importing
def backfill(
    logs: options.Logs,
    since: Since = None,
    until: Until = None,
    app_name: AppName = None,
    user: User = None,
    min_duration: MinDuration = None,
    limit: Limit = None,
    newest_first: NewestFirst = False,
    dry_run: DryRun = False,
    follow: Follow = False,
    every: Every = 10,
    ledger_file: LedgerFile = None,
    retry_failed: RetryFailed = False,
    report: Report = None,
    importing: options.Importing = options.AS_USUAL,
    tables: options.Tables = None,
    no_runs: options.NoRuns = False,
    engine: EngineName = "local",
    master: Master = None,
    spark_conf: SparkConf = None,
    workers: options.Workers = None,
    quiet: options.Quiet = False,
) -> None:
    """Import what is new in folders of logs; what was done before is remembered and not looked at again.

    One broken log never stops it. A log that fails three times for a reason that may pass is set aside. With --engine
    spark the executors of a cluster read the logs.
    """
    from ..backfill.ledger import open_ledger
    from ..backfill.selection import Filters, run_backfill, select_logs
    from ..engines.factory import open_engine

    filters = Filters(_time("--since", since), _time("--until", until), app_name, user, min_duration)
    how = importing.how(workers, **options.dataset(tables, no_runs))
    spark = options.pairs("--spark-conf", spark_conf)
    stopped = threading.Event()
    done = _Done(quiet)
    with terminal.errors(), open_ledger(ledger_file, _store(importing, how)) as ledger:
        order: Any = "newest" if newest_first else "biggest" if engine == "spark" else "oldest"
        todo = select_logs(logs, ledger, filters, limit, order, retry_failed)
        if dry_run:
            _tell(todo, ledger.rate(), stopped)
            raise typer.Exit(0)
        before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        try:
            place = importing.experiments() if how.runs else None
            with open_engine(engine, master, spark) as does:
                while True:
                    if place is not None and len(todo.logs) > 1:
                        place.remember()
                    with terminal.progress(not quiet) as display:
                        bar = display.add_task("", total=todo.size or 1) if display else None
                        for log, one, seconds in run_backfill(todo, ledger, place, how, does, stopped.is_set):
                            done.one(log, one, seconds, display is not None)
                            if display:
                                display.update(bar, description=done.line(), advance=log.size)
                    if not follow or stopped.wait(every):
                        break
                    todo = select_logs(logs, ledger, filters, limit, order)
        finally:
            signal.signal(signal.SIGTERM, before)
    done.close(todo, report)
    raise typer.Exit(1 if done.failed else 0)


def _store(importing: options.Importing, how: Any) -> str:
    """What the ledger's entries are good for: the same logs elsewhere, or with other options, are to be done."""
    told = (importing.tracking_uri or "", importing.experiment or "", *(str(getattr(how, name)) for name in _TOLD))
    store = " ".join([*told, how.read.thresholds.identity])
    return store if how.tables is None else f"{'' if how.runs else 'no runs '}{store} {how.tables}"


class _Done:
    """What came of the logs so far."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.rows, self.began = quiet, list[dict[str, Any]](), time.monotonic()
        self.failed = self.bytes = self.runs = 0

    def one(self, log: Any, outcome: Any, seconds: float, terminal_is_there: bool) -> None:
        """One log more; a line of its own where there is no terminal that shows a bar."""
        failed = isinstance(outcome, Exception)
        row = {"log": log.name, "bytes": log.size, "seconds": round(seconds, 3)}
        if failed:
            self.failed += 1
            terminal.print_error(outcome)
            row |= {"state": "failed", "error": str(outcome)}
        else:
            self.runs += outcome.published.written
            state = {"written": "imported", "unchanged": "already imported"}.get(outcome.published.state, "deleted")
            row |= {"state": state, "application": outcome.app_id, "completeness": outcome.completeness}
            row |= {"runs": outcome.published.runs, "run_id": outcome.published.run_id, "url": outcome.published.url}
            if not self.quiet and not terminal_is_there:
                terminal.err().print(f"{log.name}: {state}, {seconds:.1f} s", markup=False)
        self.bytes += log.size
        self.rows.append(row)

    def line(self) -> str:
        """For the bar."""
        rate = self.bytes / 1e6 / max(time.monotonic() - self.began, 1e-3)
        return f"{len(self.rows):,} done, {self.failed:,} failed, {rate:,.1f} MB/s"

    def close(self, todo: Any, report: str | None) -> None:
        """The closing table, and the report."""
        seconds = time.monotonic() - self.began
        imported = sum(row["state"] == "imported" for row in self.rows)
        summary = {
            "listed": todo.listed,
            "imported": imported,
            "already imported": todo.done + len(self.rows) - imported - self.failed,
            "not wanted, or copies": todo.filtered,
            "failed": self.failed,
            "failed before, unchanged since": todo.failed_before,
            "set aside": len(todo.aside),
        }
        if report is not None:
            aside = [{"log": log, "error": error} for log, error in todo.aside]
            with open(report, "w", encoding="utf-8") as file:
                json.dump({"summary": summary, "seconds": seconds, "logs": self.rows, "aside": aside}, file, indent=1)
        if self.quiet:
            return
        for name, number in summary.items():
            if number or name in ("listed", "imported", "failed"):
                terminal.out().print(f"{name:>31}  {number:,}", markup=False)
        rate = f"{self.bytes / 1e6 / max(seconds, 1e-3):,.1f} MB/s"
        terminal.out().print(f"{self.runs:,} runs written in {seconds:,.1f} s, {rate}", markup=False)
        for log, error in todo.aside:
            terminal.out().print(f"set aside: {log}: {error}; --retry-failed takes it up again", markup=False)


def _tell(todo: Any, rate: float | None, stopped: Any) -> None:
    out = terminal.out()
    for log, _, _ in todo.logs:
        out.print(f"{log.name}  {log.size / 1e6:,.1f} MB", markup=False)
    took = (
        f"about {todo.size / rate:,.0f} s at the {rate / 1e6:,.1f} MB/s of before" if rate else "no rate measured yet"
    )
    out.print(
        f"{len(todo.logs):,} of {todo.listed:,} logs, {todo.size / 1e6:,.1f} MB, {took}; {todo.done:,} done before, "
        f"{todo.filtered:,} not wanted, {len(todo.aside):,} set aside",
        markup=False,
    )


def _time(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no ISO date or time, such as 2026-01-31", param_hint=option) from None
    return int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp() * 1000)
