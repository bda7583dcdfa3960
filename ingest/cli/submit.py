"""`afterglow submit -- COMMAND...`"""

import traceback
from typing import Annotated

import typer

from . import console, option_groups, options

Command = Annotated[
    list[str],
    typer.Argument(
        metavar="COMMAND", help="The command that starts the job: spark-submit ... or python ...", show_default=False
    ),
]
LogDir = Annotated[
    str | None,
    typer.Option(
        help="Folder or URI for the event log, unless the job's settings name one. Default: a folder in the "
        "user's data directory.",
        show_default=False,
    ),
]
Annotate = Annotated[
    bool,
    typer.Option(
        "--annotate/--no-annotate", help="Turn afterglow.annotate on in a Python job, without changing the job."
    ),
]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait, after the job, until Spark has finished its log.")]
StrictSubmit = Annotated[
    bool,
    typer.Option(
        "--strict/--no-strict",
        help="If the job succeeds, exit with an error if its import fails or its log is not complete.",
    ),
]


@option_groups.grouped
def submit(
    command: Command,
    log_dir: LogDir = None,
    annotate: Annotate = False,
    wait: Wait = 120,
    importing: option_groups.Importing = option_groups.DEFAULTS,
    parent_run: options.ParentRun = None,
    strict: StrictSubmit = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run a Spark job, import its event log, and exit with the job's exit code.

    The job runs unchanged; event logging is turned on if it is off. Messages about the import go to stderr.
    """
    how = importing.import_options(parent_run=parent_run)
    from ..errors import AfterglowError, InputError
    from ..jobs.import_job import import_written_logs
    from ..jobs.submit import find_written_logs, prepare_submission, run_submission

    def tell(message: str) -> None:
        if not quiet and not as_json:
            console.warn(message)

    batch, failure = console.Batch(strict=True), 0
    with console.errors(), prepare_submission(command, log_dir, annotate) as job:
        for message in job.notes:
            tell(message)
        try:
            completed = run_submission(job)
        except InputError as error:
            raise typer.BadParameter(str(error), param_hint="COMMAND") from None
        if not completed.annotated:
            tell("nothing was annotated, since no Python driver on this machine imported pyspark.ml")
        try:
            logs = find_written_logs(job, completed, wait, tell)
            for result in import_written_logs(logs, importing.open_experiments, how, console.warn):
                if isinstance(result, AfterglowError):
                    batch.failure(result)
                else:
                    batch.success(result.whole, result.imported.regressions)
                    console.report_import(result.imported, as_json, quiet, to_stderr=True)
                    if not as_json and not quiet and result.imported.published.state != "deleted":
                        console.print_ending(None, result.imported.published.url, to_stderr=True)
            failure = batch.exit_code
        except KeyboardInterrupt:
            console.print_error(RuntimeError("the import was interrupted; import the log again to continue"))
            failure = 130
        except Exception:
            traceback.print_exc()  # a bug of Afterglow, which must not fail the job
            failure = 1
    code = completed.exit_code or (failure if strict else 0)
    raise typer.Exit(importing.exit_code(code, batch.regressions))
