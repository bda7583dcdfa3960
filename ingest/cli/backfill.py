"""`afterglow backfill LOG_DIR...`"""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import console, option_groups, options, progress

if TYPE_CHECKING:
    from ..engines.interface import Order

Since = Annotated[
    str | None, typer.Option(help="Start time at or after this ISO date or time (UTC).", show_default=False)
]
Until = Annotated[str | None, typer.Option(help="Start time before this ISO date or time (UTC).", show_default=False)]
AppName = Annotated[str | None, typer.Option(help="Glob for the name of the application.", show_default=False)]
User = Annotated[str | None, typer.Option(help="Glob for the user of the application.", show_default=False)]
MinDuration = Annotated[float | None, typer.Option(min=0, help="Minimum duration in seconds.", show_default=False)]
Limit = Annotated[int | None, typer.Option(min=1, help="Import at most N logs.", metavar="N", show_default=False)]
NewestFirst = Annotated[
    bool, typer.Option("--newest-first/--no-newest-first", help="Import the newest applications first.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run/--no-dry-run", help="Print what would be imported and how long it would take.")
]
Follow = Annotated[bool, typer.Option("--follow/--no-follow", help="Keep running and import new logs until SIGTERM.")]
Every = Annotated[float, typer.Option(min=0.1, help="With --follow: seconds between two scans.")]
LedgerFile = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="File that records which logs are done. Default: a file in the user's data directory.",
        show_default=False,
    ),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed/--no-retry-failed", help="Import failed and quarantined logs again.")
]
EngineName = Literal["local", "spark"]
Engine = Annotated[
    EngineName,
    options.one_of(
        EngineName, "Read logs on this machine (local) or on the executors of a cluster (spark).", "--engine"
    ),
]
Master = Annotated[
    str | None,
    typer.Option(help="With --engine spark: Spark's master. Default: Spark's own settings.", show_default=False),
]
SparkConf = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE", help="With --engine spark: set a Spark property. Repeatable.", show_default=False
    ),
]
Heartbeat = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Write the time to this file after every scan and log, for a liveness check.",
        show_default=False,
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(min=1, max=65535, metavar="PORT", help="Serve metrics for Prometheus.", show_default=False),
]
LineFormat = Literal["text", "json"]
LogFormat = Annotated[LineFormat, options.one_of(LineFormat, "Lines on stderr: text, or one JSON object per line.")]
SummaryFile = Annotated[
    str | None,
    typer.Option("--summary", metavar="FILE", help="Write the result of every log as JSON.", show_default=False),
]


@option_groups.grouped
def backfill(
    logs: options.Logs,
    since: Since = None,
    until: Until = None,
    app_name: AppName = None,
    user: User = None,
    orchestrator: options.OrchestratorFields = None,
    min_duration: MinDuration = None,
    limit: Limit = None,
    newest_first: NewestFirst = False,
    dry_run: DryRun = False,
    follow: Follow = False,
    every: Every = 10,
    ledger_file: LedgerFile = None,
    retry_failed: RetryFailed = False,
    summary_file: SummaryFile = None,
    heartbeat: Heartbeat = None,
    metrics_port: MetricsPort = None,
    log_format: LogFormat = "text",
    importing: option_groups.Importing = option_groups.DEFAULTS,
    dataset: options.Dataset = None,
    no_runs: options.NoRuns = False,
    engine_name: Engine = "local",
    master: Master = None,
    spark_conf: SparkConf = None,
    workers: options.Workers = None,
    server: option_groups.HistoryServer = option_groups.NO_SERVER,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Import all new logs in folders. Logs that were imported before are skipped.

    An error in one log does not stop the others. A log is quarantined after three failures that may be transient, if
    other logs were imported in between.
    """
    from ..backfill.ledger import ledger_target, open_ledger
    from ..backfill.monitor import Monitor
    from ..backfill.run_backfill import LogResult, run_backfill, stop_on_sigterm
    from ..backfill.run_backfill import follow as follow_logs
    from ..backfill.selection import Filters, Selection, select_logs
    from ..backfill.summary import Summary, plan, plan_lines
    from ..engines.open_engine import open_engine

    fields = option_groups.orchestrator_fields(orchestrator, of_head=True)
    filters = Filters(_time("--since", since), _time("--until", until), app_name, user, min_duration, fields)
    how = importing.import_options(workers, dataset=dataset, no_runs=no_runs, server=server)
    settings = option_groups.pairs("--spark-conf", spark_conf)
    target = ledger_target(importing.tracking_uri, importing.experiment, how)
    order: Order = "newest" if newest_first else "biggest" if engine_name == "spark" else "oldest"
    summary = Summary(keep_rows=summary_file is not None)
    console.set_log_format(log_format)

    def show(result: LogResult, has_bar: bool) -> None:
        row = summary.add(result)
        if isinstance(result.outcome, Exception):
            console.print_error(result.outcome, **row)
        elif not quiet and not has_bar and not as_json:
            console.print_event("log", f"{result.log.name}: {row['state']}, {result.seconds:.1f} s", **row)
        if not isinstance(result.outcome, Exception) and not quiet and not as_json:
            console.print_regression(result.outcome)
        if as_json:
            console.print_json(row)

    def interrupted() -> str:
        return console.interrupted(summary.finished, summary.planned)

    with console.errors(interrupted), open_ledger(ledger_file, target) as ledger:

        def select(retry: bool = False) -> Selection:
            return select_logs(
                logs, ledger, filters, limit, order, retry, allow_empty=follow, server=how.read.history_server
            )

        experiments = importing.reach_store() if how.runs and not dry_run else None  # before a log is read
        last = first = select(retry_failed)
        if dry_run:
            if as_json:
                console.print_json(plan(first, ledger.rate()))
            else:
                for line in plan_lines(first, ledger.rate()):
                    console.print_line(line)
            raise typer.Exit(0)
        summary.done_before = first.done
        monitor = Monitor(heartbeat, metrics_port)
        with stop_on_sigterm() as stopped, open_engine(engine_name, master, settings) as engine:
            if experiments is not None:
                experiments.open()
            for last in follow_logs(select, first, every if follow else None, stopped, console.print_error):
                summary.planned += len(last.logs)
                monitor.scanned(last)
                waiting = len(last.logs)
                with progress.progress(not quiet and not as_json) as display:
                    bar = display.add_task("", total=last.size or 1) if display else None
                    for result in run_backfill(last, ledger, experiments, how, engine, stopped.is_set):
                        show(result, display is not None)
                        waiting -= 1
                        monitor.done(result, waiting)
                        if display and bar is not None:
                            display.update(bar, description=summary.progress(), advance=result.log.size)
            if follow and not quiet:
                console.print_event("stop", "stopped", **summary.totals(last))
        if summary_file is not None:
            summary.write(summary_file, last)
    if as_json:
        console.print_json(summary.totals(last))
    elif not quiet:
        for line in summary.lines(last):
            console.print_line(line)
    # a log that failed in a long follow may have been imported since, and a stop is no failure
    raise typer.Exit(importing.exit_code(1 if summary.failed and not follow else 0, summary.regressions))


def _time(option: str, text: str | None) -> int | None:
    from ..backfill.selection import parse_time

    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
