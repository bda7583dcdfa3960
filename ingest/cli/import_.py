"""`afterglow import LOG...`"""

import typer

from ..options import MAX_LINE_BYTES, MAX_RATIO
from . import console, option_groups, options, progress


@option_groups.grouped
def import_(
    logs: options.Logs,
    importing: option_groups.Importing = option_groups.DEFAULTS,
    parent_run: options.ParentRun = None,
    dataset: options.Dataset = None,
    no_runs: options.NoRuns = False,
    restore: options.Restore = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = MAX_LINE_BYTES,
    max_ratio: options.MaxRatio = MAX_RATIO,
    server: option_groups.HistoryServer = option_groups.NO_SERVER,
) -> None:
    """Read event logs and write them to MLflow as nested runs.

    Importing a log again changes nothing. A log that grew, or an import that was interrupted, is completed.
    """
    from ..engines.local import import_logs
    from ..errors import AfterglowError
    from ..find_logs import find_logs

    how = importing.import_options(workers, max_line_bytes, max_ratio, parent_run, restore, dataset, no_runs, server)
    batch, last = console.Batch(strict), None
    with console.errors(batch.interrupted):
        experiments = importing.reach_store() if how.runs else None  # before a log is read
        found = find_logs(logs, how.read.history_server)
        batch.total = len(found)
        if experiments is not None:
            experiments.open()
        with progress.progress(not quiet and not as_json) as display:
            bar = progress.LogProgress(display)
            outcomes = import_logs(found, experiments, how, bar.read, bar.wrote)
            for log in found:
                with bar.show(log):
                    outcome = next(outcomes)
                if isinstance(outcome, AfterglowError):
                    batch.failure(outcome)
                else:
                    batch.success(outcome.complete, outcome.regressions)
                    console.report_import(outcome, as_json, quiet)
                    last = outcome.published
        if experiments is not None and batch.done and not as_json and not quiet:
            only = last if batch.done == 1 else None
            url = experiments.overview_url() if only is None or only.state == "deleted" else only.url
            console.print_ending(experiments.server_command(), url)
    raise typer.Exit(importing.exit_code(batch.exit_code, batch.regressions))
