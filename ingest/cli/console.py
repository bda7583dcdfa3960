"""Print results to stdout and everything else to stderr; turn errors into one line and an exit code.

All text that is printed goes through `printable`, since names and messages may come from an untrusted log.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import typer

from ..errors import AfterglowError

if TYPE_CHECKING:  # rich takes a tenth of a second, which --help need not wait for
    from rich.console import Console
    from rich.text import Text

    from ..results import Imported

# C0, DEL and C1; bidirectional marks, embeddings, overrides and isolates; line separators; lone surrogates
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNBOUNDED = 10_000
_SPACES = re.compile("[\t\n\v\f\r]+ *")


def printable(value: object) -> str:
    """A value as text on one line, with control characters escaped as in `\\x1b`. None is the empty text."""
    text = "" if value is None else _SPACES.sub(" ", str(value))
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)


def shortened(value: object, most: int) -> str:
    """A printable value, cut to a number of characters."""
    text = printable(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def rich_text(value: object, style: str = "") -> "Text":
    """A printable value for rich, which does not interpret markup in it."""
    from rich.text import Text

    return Text(printable(value), style)


def out() -> "Console":
    """Standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def wide_out() -> "Console":
    """Standard output for trees and tables, which are fitted to the width of the terminal."""
    from rich.console import Console

    return Console(highlight=False)


def unbounded_out() -> "Console":
    """Standard output for tables whose cells are to be copied: no cell is cut or broken, the terminal breaks lines."""
    from rich.console import Console

    return Console(highlight=False, width=_UNBOUNDED)


def err() -> "Console":
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_line(text: str, style: str = "", to_stderr: bool = False) -> None:
    """Prints one line."""
    (err() if to_stderr else out()).print(rich_text(text, style))


_log_format = "text"


def set_log_format(log_format: str) -> None:
    """What lines on stderr are: `text`, or `json`, one object per line with time, level, event and message.

    Warnings of Python, and records of loggers such as MLflow's, are such lines too. Call it before MLflow is imported.
    """
    global _log_format
    _log_format = log_format
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, _JsonRecords)]:
        root.removeHandler(handler)
    logging.captureWarnings(log_format == "json")
    if log_format == "json":
        os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")  # its handlers would write text
        root.addHandler(_JsonRecords())


class _JsonRecords(logging.Handler):
    """Prints the records of Python's loggers as JSON lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one."""
        event = "error" if record.levelno >= logging.ERROR else "note"
        text = " ".join(record.getMessage().split())
        print_event(event, text, record.levelname.lower(), logger=record.name)


def print_event(event: str, message: str, level: str = "info", **fields: object) -> None:
    """Prints a line about what happened on stderr; `fields` are only in JSON."""
    if _log_format == "json":
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        print_json({"time": now, "level": level, "event": event, "message": message, **fields}, to_stderr=True)
    else:
        print_line(message, to_stderr=True)


def print_error(error: BaseException, /, **fields: object) -> None:
    """Prints an error as one line on stderr; `fields` are only in JSON."""
    if _log_format == "json":
        print_event("error", str(error), "error", **fields)
        return
    from rich.text import Text

    err().print(Text.assemble(("error: ", "bold red"), printable(error)))


def warn(message: str) -> None:
    """Prints a note as one line on stderr."""
    if _log_format == "json":
        print_event("note", message, "warning")
        return
    from rich.text import Text

    err().print(Text.assemble(("note: ", "bold yellow"), printable(message)))


def print_json(value: object, to_stderr: bool = False) -> None:
    """Prints JSON as one line."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    typer.echo(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text), err=to_stderr)


@contextmanager
def errors(interrupted: Callable[[], str] = lambda: "interrupted") -> Iterator[None]:
    """Turns an expected error into one line and its exit code. Any other error is a bug and keeps its traceback.

    `interrupted` is the message for Ctrl-C."""
    try:
        yield
    except AfterglowError as error:
        print_error(error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        print_error(RuntimeError(interrupted()))
        raise typer.Exit(130) from None


def report_import(imported: "Imported", as_json: bool, quiet: bool, to_stderr: bool = False) -> None:
    """Prints the result of importing one log."""
    if as_json:
        print_json(imported.as_dict(), to_stderr)
        return
    if quiet:
        return
    published = imported.published
    if published.state == "deleted":
        print_line(f"{imported.log}: its runs were deleted in MLflow; --restore restores them", to_stderr=to_stderr)
        return
    ending = reservations(imported.num_issues, imported.completeness)
    if published.state == "written":
        runs = f"{published.written:,} of {published.runs:,} runs"
        line = f"{imported.app_id}: {runs} written in {imported.seconds:.1f} s{ending}"
    else:
        line = f"{imported.log}: already imported{ending}"
    print_line(line, to_stderr=to_stderr)
    print_regression(imported)


def print_regression(imported: "Imported") -> None:
    """Prints on stderr what got worse with this run of a job, and what went wrong with the webhook."""
    if imported.published.regression:
        regression = imported.published.regression
        if _log_format == "json":
            print_event("regression", regression, "warning", application=imported.app_id)
        else:
            print_line(f"{imported.app_id}: regression: {regression}", "red", to_stderr=True)
    if imported.notice:
        warn(imported.notice)


def print_ending(server_command: str | None, url: str | None, to_stderr: bool = False) -> None:
    """Prints the last lines of a command that wrote runs: the command that serves them, and one address."""
    if server_command:
        print_line(f"To open the page, start the server: {server_command}", to_stderr=to_stderr)
    if url:
        print_line(url, to_stderr=to_stderr)


_COMPLETENESS = {
    "complete": "the log is complete",
    "application_not_read": "another application in the log was not read",
    "in_progress": "the log is still being written",
    "no_application_end": "the log has no ApplicationEnd event",
    "truncated": "the log is cut off",
    "compacted": "the log was compacted by Spark",
    "events_lost": "events are missing in the log",
}


def reservations(num_issues: int, completeness: str) -> str:
    """What a line about a log ends with: `, 2 issues, the log is cut off`, or nothing."""
    notes = [counted(num_issues, "issue")] if num_issues else []
    if completeness != "complete":
        notes.append(completeness_phrase(completeness))
    return "".join(f", {note}" for note in notes)


def completeness_phrase(completeness: object) -> str:
    """A state of `afterglow.completeness` as a phrase."""
    return _COMPLETENESS.get(str(completeness), f"the log is {str(completeness).replace('_', ' ')}")


def counted(number: int, noun: str) -> str:
    """`1 issue`, `2 issues`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def interrupted(done: int, total: int) -> str:
    """The message for Ctrl-C after `done` of `total` logs; `total` is 0 while the logs are being listed."""
    far = f"after {done:,} of {counted(total, 'log')}" if total else "before the first log"
    return f"interrupted {far}; run the same command again to continue"


class Batch:
    """Counts the results of `total` logs and collects kinds of regression.

    `exit_code` is 0, the error's own for one log, or 1 for one of several.
    """

    def __init__(self, strict: bool) -> None:
        self.strict, self.total, self.regressions = strict, 0, set[str]()
        self.done, self.failed, self.incomplete, self.code = 0, 0, 0, 0

    def failure(self, error: AfterglowError) -> None:
        """Prints and counts the error of a log."""
        print_error(error)
        self.failed, self.code = self.failed + 1, error.exit_code

    def success(self, complete: bool, regressions: Iterable[str] = ()) -> None:
        """Counts a log."""
        self.regressions.update(regressions)
        self.done, self.incomplete = self.done + 1, self.incomplete + (not complete)

    def interrupted(self) -> str:
        """The message for an import that Ctrl-C ended."""
        return interrupted(self.done + self.failed, self.total)

    @property
    def exit_code(self) -> int:
        """See the class."""
        if self.failed:
            return 1 if self.failed + self.done > 1 else self.code
        return 1 if self.strict and self.incomplete else 0
