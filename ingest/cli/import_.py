"""`afterglow import LOG...`"""

from typing import Any

import typer

from . import console as terminal
from . import options

_MANY = 20  # logs of one call, from which on it is quicker to ask once what is there


@options.importing
def import_(
    logs: options.Logs,
    importing: options.Importing = options.AS_USUAL,
    parent_run: options.ParentRun = None,
    tables: options.Tables = None,
    no_runs: options.NoRuns = False,
    restore: options.Restore = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = 256 * 2**20,
    max_ratio: options.MaxRatio = 1000,
) -> None:
    """Read event logs and write them to MLflow as nested runs.

    Importing a log again writes nothing; a log that grew, or an import that was interrupted, is completed.
    """
    from ..engines.local import import_logs
    from ..errors import AfterglowError
    from ..find_logs import find_logs

    wanted = importing.how(
        workers,
        (max_line_bytes, max_ratio),
        parent_run=parent_run,
        restore=restore,
        **options.dataset(tables, no_runs),
    )
    batch = terminal.Batch(strict)
    with terminal.errors():
        found = list(find_logs(logs))
        experiments = importing.experiments() if wanted.runs else None
        if experiments is not None and len(found) > _MANY:
            experiments.remember()
        with terminal.progress(not quiet and not as_json) as display:
            turn = terminal.Turn(display)
            outcomes = import_logs(found, experiments, wanted, turn.read, turn.wrote)
            for log in found:
                with turn.of(log):
                    one = next(outcomes)
                if isinstance(one, AfterglowError):
                    batch.failure(one)
                else:
                    batch.success(one.complete)
                    terminal.report_import(one, as_json, quiet)
        if experiments is not None and not as_json and not quiet and batch.done:
            _closing(experiments)
    raise typer.Exit(batch.exit_code)


def _closing(experiments: Any) -> None:
    command = experiments.server_command()
    if command:
        terminal.out().print(f"To look at it: {command}\n  then open the address above", markup=False)
