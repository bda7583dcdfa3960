"""`afterglow export LOG... --out DIR`"""

from typing import Annotated

import typer

from ..options import MAX_LINE_BYTES, MAX_RATIO
from . import console, option_groups, options, progress


@option_groups.grouped
def export(
    logs: options.Logs,
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder to write to.", show_default=False)],
    thresholds: options.Thresholds = None,
    threshold: options.Threshold = None,
    strict: options.Strict = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = MAX_LINE_BYTES,
    max_ratio: options.MaxRatio = MAX_RATIO,
    server: option_groups.HistoryServer = option_groups.NO_SERVER,
) -> None:
    """Write the tables of event logs as Parquet files: DIR/<app_id>[_<attempt>]/<table>.parquet.

    A second application with the same id gets a folder with a suffix.
    """
    from ..engines.local import export_logs
    from ..errors import AfterglowError
    from ..find_logs import find_logs

    read = option_groups.read_options(thresholds, threshold, workers, max_line_bytes, max_ratio, server)
    batch = console.Batch(strict)
    with console.errors():
        found = find_logs(logs, read.history_server)
        with progress.progress(not quiet and not as_json) as display:
            bar = progress.LogProgress(display)
            outcomes = export_logs(found, out, read, bar.read)
            for log in found:
                with bar.show(log):
                    outcome = next(outcomes)
                if isinstance(outcome, AfterglowError):
                    batch.failure(outcome)
                    continue
                batch.success(outcome.complete)
                if as_json:
                    console.print_json(outcome.as_dict())
                elif not quiet:
                    tasks = console.counted(outcome.rows["tasks"], "task")
                    ending = console.reservations(outcome.num_issues, outcome.completeness)
                    console.print_line(f"{outcome.folder}: {tasks}{ending}")
    raise typer.Exit(batch.exit_code)
