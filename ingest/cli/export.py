"""`afterglow export LOG... --out DIR`"""

from typing import Annotated

import typer

from . import console as terminal
from . import options


def export(
    logs: options.Logs,
    out: Annotated[str, typer.Option(help="Folder to write to; made where it does not exist.", show_default=False)],
    findings: options.Findings = None,
    threshold: options.Threshold = None,
    strict: options.Strict = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = 256 * 2**20,
    max_ratio: options.MaxRatio = 1000,
) -> None:
    """Write the tables of event logs as Parquet: OUT/<app_id>[_<attempt>]/<table>.parquet."""
    from ..engines.local import export_logs
    from ..errors import AfterglowError
    from ..find_logs import find_logs
    from ..options import ReadOptions

    thresholds = options.thresholds(findings, threshold)
    batch = terminal.Batch(strict)
    with terminal.errors():
        found = list(find_logs(logs))
        read = ReadOptions(max_line_bytes, max_ratio, workers or terminal.cores(), thresholds)
        with terminal.progress(not quiet and not as_json) as display:
            turn = terminal.Turn(display)
            outcomes = export_logs(found, out, read, turn.read)
            for log in found:
                with turn.of(log):
                    one = next(outcomes)
                if isinstance(one, AfterglowError):
                    batch.failure(one)
                    continue
                batch.success(one.application["log_complete"])
                if as_json:
                    terminal.print_json(
                        {
                            "log": one.log,
                            "app_id": one.application["app_id"],
                            "folder": one.folder,
                            "completeness": one.application["completeness"],
                            "rows": one.rows,
                        }
                    )
                elif not quiet:
                    state = "" if one.application["log_complete"] else f", log is {one.application['completeness']}"
                    terminal.out().print(f"{one.folder}: {one.rows['tasks']:,} tasks{state}", markup=False)
    raise typer.Exit(batch.exit_code)
