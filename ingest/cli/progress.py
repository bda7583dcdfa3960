"""Progress bars on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .console import err, printable

if TYPE_CHECKING:  # rich takes a tenth of a second, which --help need not wait for
    from rich.progress import Progress, TaskID

    from ...schemas.logs import EventLog


@contextmanager
def progress(enabled: bool) -> "Iterator[Progress | None]":
    """Show progress on stderr. The display is None unless it is enabled and stderr is a terminal."""
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
    ) as display:
        yield display


class LogProgress:
    """The progress bar of the current log: bytes read, then, for an import, runs written."""

    def __init__(self, display: "Progress | None") -> None:
        self.display = display
        self.bar: TaskID | None = None

    @contextmanager
    def show(self, log: "EventLog") -> Iterator[None]:
        """Shows the bar of this log during the context."""
        if self.display is None:
            yield
            return
        self.bar = self.display.add_task(printable(log.name.rsplit("/", 1)[-1]), total=log.size or 1)
        try:
            yield
        finally:
            self.display.remove_task(self.bar)
            self.bar = None

    def read(self, size: int) -> None:
        """More bytes were read."""
        if self.display is not None and self.bar is not None:
            self.display.advance(self.bar, size)

    def wrote(self, done: int, total: int) -> None:
        """Runs were written."""
        if self.display is not None and self.bar is not None:
            self.display.update(self.bar, completed=done, total=total)
