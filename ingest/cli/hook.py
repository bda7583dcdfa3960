"""`afterglow hook`: the last line of a job's script."""

import traceback
from typing import Annotated

import typer

from . import console as terminal
from . import options

LogDir = Annotated[
    str | None, typer.Option(help="Where Spark writes event logs: a folder or a URI.", show_default=False)
]
AppId = Annotated[str | None, typer.Option(help="The application's id.", show_default=False)]
Newest = Annotated[bool, typer.Option("--newest", help="The log that was written to last.")]
AppName = Annotated[
    str | None, typer.Option(help="With --newest: only applications with this name (a glob).", show_default=False)
]
Path = Annotated[str | None, typer.Option("--log", help="The log itself.", show_default=False)]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait until Spark has finished the log.")]
StrictHook = Annotated[
    bool, typer.Option("--strict", help="Exit with an error where the import fails or the log is not complete.")
]


@options.importing
def hook(
    log_dir: LogDir = None,
    app_id: AppId = None,
    newest: Newest = False,
    app_name: AppName = None,
    path: Path = None,
    wait: Wait = 120,
    importing: options.Importing = options.AS_USUAL,
    parent_run: options.ParentRun = None,
    strict: StrictHook = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """After a job: wait for its event log, import it, print where it is.

    Without --strict a failure is printed and the exit code is 0, so that an import never fails a job.
    """
    ways = [app_id is not None, newest, path is not None]
    if sum(ways) != 1 or (path is None and log_dir is None):
        raise typer.BadParameter("say --log-dir with --app-id or --newest, or --log", param_hint="hook")
    if app_name is not None and not newest:
        raise typer.BadParameter("goes with --newest", param_hint="--app-name")
    how = importing.how(parent_run=parent_run)
    from ..errors import AfterglowError
    from ..jobs.wait_for_log import LogQuery, unfinished, wait_for_log
    from ..pipeline import import_log

    wanted = LogQuery(log_dir, app_id, app_name, path)
    try:
        log, verdict = wait_for_log(wanted, wait, lambda _: None if quiet or as_json else terminal.warn(_))
        told = unfinished(log, verdict)
        if told is not None:
            terminal.warn(told)
        imported = import_log(log, importing.experiments(), how)
    except AfterglowError as error:
        terminal.print_error(error)
        raise typer.Exit(error.exit_code if strict else 0) from None
    except Exception:
        if strict:
            raise
        traceback.print_exc()  # our bug, and not the job's
        raise typer.Exit(0) from None
    terminal.report_import(imported, as_json, quiet)
    raise typer.Exit(1 if strict and not (imported.complete and verdict == "finished") else 0)
