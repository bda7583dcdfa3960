"""`afterglow submit -- COMMAND...`: in front of a job's own command."""

import traceback
from typing import Annotated, Any

import typer

from . import console as terminal
from . import options

Command = Annotated[
    list[str],
    typer.Argument(
        metavar="COMMAND",
        help="The job as you would start it: spark-submit ... or python ...",
        show_default=False,
    ),
]
LogDir = Annotated[
    str | None,
    typer.Option(
        help="Where the event log goes unless the job's settings say it: a folder or a URI. Without it, a folder in "
        "the user's data directory.",
        show_default=False,
    ),
]
Annotate = Annotated[
    bool, typer.Option("--annotate", help="Switch afterglow.annotate on inside a Python job, which stays as it is.")
]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait, after the job, until Spark has finished its log.")]
StrictSubmit = Annotated[
    bool,
    typer.Option(
        "--strict", help="Where the job went well: exit with an error if its import fails or is not complete."
    ),
]


@options.importing
def submit(
    command: Command,
    log_dir: LogDir = None,
    annotate: Annotate = False,
    wait: Wait = 120,
    importing: options.Importing = options.AS_USUAL,
    parent_run: options.ParentRun = None,
    strict: StrictSubmit = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Run a Spark job as it is, import its event log, exit with the job's exit code.

    Event logging is switched on where it is not configured; what the job sets itself stays. Input, output and signals
    are the job's; what is said of the import goes to stderr.
    """
    how = importing.how(parent_run=parent_run)
    from ..errors import AfterglowError, InputError
    from ..jobs.submit import prepare_submission, run_submission, written_logs

    def note(message: str) -> None:
        if not quiet and not as_json:
            terminal.warn(message)

    with terminal.errors(), prepare_submission(command, log_dir, annotate) as job:
        for message in job.notes:
            note(message)
        try:
            ran = run_submission(job)
        except InputError as error:
            raise typer.BadParameter(str(error), param_hint="COMMAND") from None
        if not ran.annotated:
            note("nothing was annotated: no Python driver started here has imported pyspark.ml")
        failure = 0
        try:
            failure = _import(written_logs(job, ran, wait, note), how, importing, as_json, quiet)
        except AfterglowError as error:
            terminal.print_error(error)
            failure = error.exit_code
        except KeyboardInterrupt:
            terminal.print_error(RuntimeError("the import was interrupted; the next one goes on from there"))
            failure = 130
        except Exception:
            traceback.print_exc()  # our bug, and not the job's
            failure = 1
    raise typer.Exit(ran.exit_code or (failure if strict else 0))


def _import(logs: Any, how: Any, importing: options.Importing, as_json: bool, quiet: bool) -> int:
    """Imports what the job has written; 0, or the code with which --strict ends."""
    from ..errors import AfterglowError
    from ..jobs.wait_for_log import unfinished
    from ..pipeline import import_log

    batch, experiments = terminal.Batch(strict=True), None
    for found in logs:
        try:
            if isinstance(found, AfterglowError):
                raise found
            log, verdict = found
            told = unfinished(log, verdict)
            if told is not None:
                terminal.warn(told)
            if experiments is None:
                experiments = importing.experiments()
            imported = import_log(log, experiments, how)
        except AfterglowError as error:
            batch.failure(error)
        else:
            batch.success(imported.complete and verdict == "finished")
            terminal.report_import(imported, as_json, quiet, beside=True)
    return batch.exit_code
