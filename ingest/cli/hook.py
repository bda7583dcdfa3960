"""`afterglow hook`"""

import traceback
from typing import Annotated

import typer

from . import console, option_groups, options

LogDir = Annotated[str | None, typer.Option(help="Folder or URI where Spark writes event logs.", show_default=False)]
AppId = Annotated[str | None, typer.Option(help="Id of the application.", show_default=False)]
Newest = Annotated[bool, typer.Option("--newest/--no-newest", help="Import the log that was modified last.")]
AppName = Annotated[
    str | None, typer.Option(help="With --newest: glob for the name of the application.", show_default=False)
]
Path = Annotated[str | None, typer.Option("--log", help="Path or URI of the log.", show_default=False)]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait until Spark has finished the log.")]
StrictHook = Annotated[
    bool,
    typer.Option("--strict/--no-strict", help="Exit with an error if the import fails or the log is not complete."),
]


@option_groups.grouped
def hook(
    log_dir: LogDir = None,
    app_id: AppId = None,
    newest: Newest = False,
    app_name: AppName = None,
    orchestrator: options.OrchestratorFields = None,
    path: Path = None,
    wait: Wait = 120,
    importing: option_groups.Importing = option_groups.DEFAULTS,
    parent_run: options.ParentRun = None,
    server: option_groups.HistoryServer = option_groups.NO_SERVER,
    strict: StrictHook = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Wait for the event log of a job that has ended, import it, and print its address.

    Without --strict, an error is printed and the exit code is 0, so that the import never fails the job.
    """
    if [app_id is not None, newest, path is not None].count(True) != 1 or (path is None and log_dir is None):
        raise typer.BadParameter(
            "name the log: --log PATH, or --log-dir DIR with --app-id ID or --newest", param_hint="hook"
        )
    if app_name is not None and not newest:
        raise typer.BadParameter("requires --newest", param_hint="--app-name")
    if orchestrator and not newest:
        raise typer.BadParameter("requires --newest", param_hint="--orchestrator")
    fields = option_groups.orchestrator_fields(orchestrator, of_head=True)
    how = importing.import_options(parent_run=parent_run, server=server)
    from ..errors import AfterglowError
    from ..jobs.import_job import import_when_finished
    from ..jobs.wait_for_log import LogQuery

    def tell(message: str) -> None:
        if not quiet and not as_json:
            console.warn(message)

    query = LogQuery(log_dir, app_id, app_name, path, how.read.history_server, fields)
    try:
        result = import_when_finished(query, wait, importing.reach_store, how, tell, console.warn)
    except AfterglowError as error:
        console.print_error(error)
        raise typer.Exit(error.exit_code if strict else 0) from None
    except Exception:
        if strict:
            raise
        traceback.print_exc()  # a bug of Afterglow, which must not fail the job
        raise typer.Exit(0) from None
    console.report_import(result.imported, as_json, quiet)
    if not as_json and not quiet and result.imported.published.state != "deleted":
        console.print_ending(None, result.imported.published.url)
    raise typer.Exit(importing.exit_code(1 if strict and not result.whole else 0, result.imported.regressions))
