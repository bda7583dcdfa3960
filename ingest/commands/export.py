"""`afterglow export LOG... --out DIR`"""

from functools import partial
from typing import Annotated

import typer

from . import options, terminal


def export(
    logs: options.Logs,
    out: Annotated[str, typer.Option(help="Folder to write to; made where it does not exist.", show_default=False)],
    strict: options.Strict = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = 256 * 2**20,
    max_ratio: options.MaxRatio = 1000,
) -> None:
    """Write the tables of event logs as Parquet: OUT/<app_id>[_<attempt>]/<table>.parquet."""
    from .. import pipeline
    from ..errors import AfterglowError

    batch = terminal.Batch(strict)
    with terminal.errors():
        found = list(pipeline.find_logs(logs))
        read = pipeline.ReadOptions(max_line_bytes, max_ratio, workers or terminal.cores())
        with terminal.progress(not quiet and not as_json) as display:
            for log in found:
                bar = display.add_task(log.name.rsplit("/", 1)[-1], total=log.size or 1)
                try:
                    tables, folder = pipeline.export_log(log, out, read, partial(display.advance, bar))
                except AfterglowError as error:
                    batch.failure(error)
                else:
                    application = tables.application
                    batch.success(application["log_complete"])
                    if as_json:
                        rows = {name: table.num_rows for name, table in tables.tables.items()}
                        terminal.print_json(
                            {
                                "log": log.name,
                                "app_id": application["app_id"],
                                "folder": folder,
                                "completeness": application["completeness"],
                                "rows": rows,
                            }
                        )
                    elif not quiet:
                        tasks = tables["tasks"].num_rows
                        state = "" if application["log_complete"] else f", log is {application['completeness']}"
                        terminal.out().print(f"{folder}: {tasks:,} tasks{state}", markup=False)
                finally:
                    display.remove_task(bar)
    raise typer.Exit(batch.exit_code)
