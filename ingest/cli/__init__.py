"""The command line `afterglow COMMAND`. Commands import heavy modules when they run."""

import gc
import os
import sys
from typing import Annotated

import typer

from . import console
from .backfill import backfill
from .compare import compare
from .config import config
from .configured_command import ConfiguredCommand
from .export import export
from .history import history
from .hook import hook
from .import_ import import_
from .remove import remove
from .schema import schema
from .show import show
from .status import status
from .submit import submit
from .ui import ui

app = typer.Typer(
    name="afterglow",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    from ..decode import BUILT
    from ..version import version

    scanner = "native scanner in use" if BUILT else "native scanner not built, reading is slower"
    console.print_line(f"afterglow {version()} ({scanner})")
    raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Turn Spark event logs into MLflow runs: application, job, stage and task, with their times and figures."""
    console.set_log_format("text")  # a command before this one in the same process may have changed it


app.command("import", cls=ConfiguredCommand)(import_)
app.command("hook", cls=ConfiguredCommand)(hook)
app.command("submit", cls=ConfiguredCommand, context_settings={"allow_interspersed_args": False})(submit)
app.command("backfill", cls=ConfiguredCommand)(backfill)
app.command("show", cls=ConfiguredCommand)(show)
app.command("export", cls=ConfiguredCommand)(export)
app.command("compare", cls=ConfiguredCommand)(compare)
app.command("history", cls=ConfiguredCommand)(history)
app.command("ui", cls=ConfiguredCommand)(ui)
app.command("status", cls=ConfiguredCommand)(status)
app.command("remove", cls=ConfiguredCommand)(remove)
app.command("schema", cls=ConfiguredCommand)(schema)
app.command(
    "config",
    cls=ConfiguredCommand,
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
)(config)


# Python looks for cycles after every 700 new objects by default. The imports make 100,000 and hardly any cycle.
_COLLECT_AFTER_OBJECTS = 100_000
# How long a thread that returns from the scanner waits for Python's lock; Python's default is ten times as long.
_SWITCH_INTERVAL_S = 0.0005


def main() -> None:
    """The console script."""
    gc.set_threshold(_COLLECT_AFTER_OBJECTS)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads spin, and nothing multiplies matrices
    try:
        app()
    finally:
        gc.freeze()  # a last search for cycles would take longer than reading a small log
