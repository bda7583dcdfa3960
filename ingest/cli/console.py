"""What commands print: results to stdout, everything else to stderr; errors on one line; the exit code."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from ..errors import AfterglowError

if TYPE_CHECKING:  # rich takes a tenth of a second, which --help need not wait for
    from rich.console import Console


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def out() -> "Console":
    """Standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def tree_out() -> "Console":
    """Standard output for what is laid out to the terminal's width."""
    from rich.console import Console

    return Console(highlight=False)


def err() -> "Console":
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_error(error: BaseException) -> None:
    """One line on stderr."""
    from rich.text import Text

    line = " ".join(str(error).split())
    err().print(Text.assemble(("error: ", "bold red"), line))


def warn(message: str) -> None:
    """One line on stderr that is no error."""
    from rich.text import Text

    err().print(Text.assemble(("note: ", "bold yellow"), " ".join(message.split())))


def plain(value: Any) -> Any:
    """A value as rich text: what stands in it means nothing to the terminal."""
    from rich.text import Text

    return Text("" if value is None else " ".join(str(value).split()))


def print_json(value: Any) -> None:
    """JSON on stdout, whatever the terminal is."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


@contextmanager
def errors() -> Iterator[None]:
    """Turns an expected error into one line and its exit code; anything else is our bug and keeps its traceback."""
    try:
        yield
    except AfterglowError as error:
        print_error(error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        print_error(RuntimeError("interrupted; what was written so far is taken up by the next import"))
        raise typer.Exit(130) from None


def report_import(imported: Any, as_json: bool, quiet: bool, beside: bool = False) -> None:
    """What an import of one log came to, for a person or as JSON; `beside` a job's own output, so on stderr."""
    if as_json:
        typer.echo(json.dumps(imported.as_dict(), ensure_ascii=False, default=str), err=beside)
        return
    if quiet:
        return
    if imported.published.state == "deleted":
        text = f"{imported.log}: its runs were deleted in MLflow and stay so; --restore brings them back"
    elif imported.published.state == "written":
        state = "" if imported.complete else f" (log is {imported.completeness.replace('_', ' ')})"
        issues = f", {imported.num_issues:,} issues" if imported.num_issues else ""
        runs = f"{imported.published.written:,} of {imported.published.runs:,} runs"
        text = (
            f"{imported.app_id}: {runs} written in {imported.seconds:.1f} s{issues}{state}\n  {imported.published.url}"
        )
    else:
        text = f"{imported.log}: already imported\n  {imported.published.url}"
    (err() if beside else out()).print(text, markup=False)


class Batch:
    """Counts how a batch of logs went; `exit_code` is 0, the error's own for a single log, 1 for one of several."""

    def __init__(self, strict: bool) -> None:
        self.strict, self.done, self.failed, self.incomplete, self.code = strict, 0, 0, 0, 0

    def failure(self, error: AfterglowError) -> None:
        """A log that failed; printed at once."""
        print_error(error)
        self.failed, self.code = self.failed + 1, error.exit_code

    def success(self, complete: bool) -> None:
        """A log that went through."""
        self.done, self.incomplete = self.done + 1, self.incomplete + (not complete)

    @property
    def exit_code(self) -> int:
        """See the class."""
        if self.failed:
            return 1 if self.failed + self.done > 1 else self.code
        return 1 if self.strict and self.incomplete else 0


@contextmanager
def progress(enabled: bool) -> Iterator[Any]:
    """A rich progress display on stderr; None where it is no terminal, or not wanted."""
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
    ) as display:
        yield display


class Turn:
    """The progress bar of the log whose turn it is: bytes read first, then, of an import, runs written."""

    def __init__(self, display: Any) -> None:
        self.display, self.bar = display, None

    @contextmanager
    def of(self, log: Any) -> Iterator[None]:
        """While it is this log's turn."""
        if self.display is None:
            yield
            return
        self.bar = self.display.add_task(log.name.rsplit("/", 1)[-1], total=log.size or 1)
        try:
            yield
        finally:
            self.display.remove_task(self.bar)

    def read(self, size: int) -> None:
        """More bytes were read."""
        if self.display is not None:
            self.display.advance(self.bar, size)

    def wrote(self, done: int, total: int) -> None:
        """So many runs were written."""
        if self.display is not None:
            self.display.update(self.bar, completed=done, total=total)
