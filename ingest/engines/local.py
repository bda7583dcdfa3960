"""Many logs: what `run` does with one, side by side; an error is the log's that it befell."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

from ...schemas.logs import EventLog
from ...schemas.runs.tree import RunTree
from ..application_view import ApplicationView
from ..errors import AfterglowError
from ..options import ImportOptions, Progress, ReadOptions
from ..pipeline import export_log, import_ready, imported_before, packed, read_for_import, read_view, ready, tree_of
from ..results import Exported, Imported, Ready
from .process_pool import each

Result = TypeVar("Result")
Order = Literal["oldest", "newest", "biggest"]


class Engine(Protocol):
    """What imports many logs: this machine, or a cluster."""

    @property
    def order(self) -> Order:
        """The order of logs in which it does best."""

    def import_logs(
        self,
        logs: Sequence[EventLog],
        experiments: Any,
        options: ImportOptions,
        read: Progress | None = None,
    ) -> "Generator[Imported | AfterglowError, None, None]":
        """What came of each log, in order, or its error. Where it is closed, the logs under way are ended."""


def export_logs(
    logs: Sequence[EventLog], out: str, options: ReadOptions, progress: Progress | None = None
) -> Iterator[Exported | AfterglowError]:
    """Reads logs and writes their tables as Parquet: what came of each, in order, or the error of `export_log`."""
    return each(partial(_export, out), logs, options, progress)


def show_logs(
    logs: Sequence[EventLog], options: ReadOptions, task_runs: str
) -> Iterator[tuple[ApplicationView, RunTree] | AfterglowError]:
    """Reads logs and derives their run trees, without MLflow: of each, in order, or the error of `read_log`."""
    for one in each(read_view, logs, options):
        yield one if isinstance(one, AfterglowError) else tried(_shown, one, task_runs)


def import_logs(
    logs: Sequence[EventLog],
    experiments: Any,
    options: ImportOptions,
    read: Progress | None = None,
    wrote: Callable[[int, int], None] | None = None,
) -> Generator[Imported | AfterglowError, None, None]:
    """Reads logs side by side and writes their run trees one after the other, but for those that were written before:
    what came of each, in order, or the error of `import_log`."""
    work: Any = partial(_read, options)

    def known(log: EventLog) -> Any:
        return tried(imported_before, log, experiments, options)

    outcomes = each(work, logs, options.read, read, known, partial(_packed, options))
    for log in logs:
        started = time.monotonic()
        one: Any = next(outcomes)
        if isinstance(one, ApplicationView):
            one = ready(log, one, options)
        if isinstance(one, Ready):
            one = tried(import_ready, one, experiments, options, started, wrote)
        yield one


@dataclass(slots=True)
class Here:
    """This machine, with as many processes as `options.read.workers`."""

    order: Order = "oldest"

    def import_logs(
        self, logs: Sequence[EventLog], experiments: Any, options: ImportOptions, read: Progress | None = None
    ) -> Generator[Imported | AfterglowError, None, None]:
        """See Engine."""
        return import_logs(logs, experiments, options, read)


def _export(out: str, log: EventLog, options: ReadOptions, progress: Progress | None) -> Exported:
    return export_log(log, out, options, progress)


def _read(options: ImportOptions, log: EventLog, read: ReadOptions, progress: Progress | None) -> ApplicationView:
    return read_for_import(log, replace(options, read=read), progress)


def _packed(options: ImportOptions, log: EventLog, app: ApplicationView) -> Ready:
    return packed(log, app, options)


def _shown(app: ApplicationView, task_runs: str) -> tuple[ApplicationView, RunTree]:
    return app, tree_of(app, task_runs)


def tried(do: Callable[..., Result], *given: Any) -> Result | AfterglowError:
    """What a call gives, or the AfterglowError that it raised."""
    try:
        return do(*given)
    except AfterglowError as error:
        return error
