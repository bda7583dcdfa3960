"""The command line: `afterglow COMMAND`. No logic of its own; heavy modules are imported by the command that runs."""

import gc
import os
import sys

import typer

from .backfill import backfill
from .compare import compare
from .export import export
from .hook import hook
from .import_ import import_
from .remove import remove
from .schema import schema
from .show import show
from .status import status
from .submit import submit

app = typer.Typer(
    name="afterglow",
    help="Turns Spark event logs into MLflow runs: application, job, stage and task, with true times and figures.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command("import")(import_)
app.command("hook")(hook)
app.command("submit", context_settings={"allow_interspersed_args": False})(submit)
app.command("backfill")(backfill)
app.command("show")(show)
app.command("export")(export)
app.command("compare")(compare)
app.command("status")(status)
app.command("remove")(remove)
app.command("schema")(schema)


# Starting makes objects by the hundred thousand and hardly any cycle; Python would look for some after every 700.
_OBJECTS_BEFORE_COLLECTING = 100_000
# A thread that comes back from the scanner waits at most so long for Python's lock, a tenth of Python's own.
_TURN_S = 0.0005


def main() -> None:
    """The console script."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    sys.setswitchinterval(_TURN_S)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's starts threads that spin, and we multiply no matrices
    try:
        app()
    finally:
        gc.freeze()  # what is left goes with the process: looking for cycles in it would take longer than a small log
