"""Import, export or show many logs on this machine, in parallel. One log's error never stops the others."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ...schemas.logs import EventLog
from ...schemas.prices import PriceList
from ...schemas.runs.tree import RunTree
from ..application_view import ApplicationView
from ..errors import AfterglowError
from ..options import ImportOptions, Progress, ReadOptions, RunsProgress, TaskRuns
from ..pipeline import (
    derive_tree,
    export_log,
    find_imported,
    prepare_import,
    read_for_import,
    read_view,
)
from ..prepared_import import PreparedImport
from ..publish_imports import Waiting, publish_in_order
from ..results import Exported, Imported
from .interface import Order, catching, look_up_together
from .process_pool import map_logs

if TYPE_CHECKING:
    from ..publish import Experiments


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """This machine, with `options.read.workers` processes."""

    order: Order = "oldest"

    def import_logs(
        self,
        logs: Sequence[EventLog],
        experiments: "Experiments | None",
        options: ImportOptions,
        read: Progress | None = None,
    ) -> Generator[Imported | AfterglowError, None, None]:
        """See Engine."""
        return import_logs(logs, experiments, options, read)


def export_logs(
    logs: Sequence[EventLog], out: str, options: ReadOptions, progress: Progress | None = None
) -> Iterator[Exported | AfterglowError]:
    """Writes the tables of each log as Parquet; yields the results in order, or the error of `export_log`."""
    return map_logs(partial(_export, out), logs, options, progress)


def show_logs(
    logs: Sequence[EventLog], options: ReadOptions, task_runs: TaskRuns, prices: PriceList | None = None
) -> Iterator[tuple[ApplicationView, RunTree] | AfterglowError]:
    """Reads each log and derives its run tree; yields them in order, or the error of `read_log`."""
    for outcome in map_logs(read_view, logs, options):
        yield outcome if isinstance(outcome, AfterglowError) else catching(_with_tree, outcome, task_runs, prices)


def import_logs(
    logs: Sequence[EventLog],
    experiments: "Experiments | None",
    options: ImportOptions,
    read: Progress | None = None,
    wrote: RunsProgress | None = None,
) -> Generator[Imported | AfterglowError, None, None]:
    """Reads logs in parallel and writes their run trees in order; yields the results in that order, or the error of
    `import_log`. Of many logs, the small ones are written together, so that several results come at once."""

    def known(log: EventLog) -> Imported | AfterglowError | None:
        return catching(find_imported, log, experiments, options)

    together = look_up_together(experiments, logs)
    outcomes = map_logs(partial(_read, options), logs, options.read, read, known, partial(_detach, options))

    def prepared() -> Iterator[Waiting | Imported | AfterglowError]:
        for log in logs:
            started = time.monotonic()
            outcome: Imported | ApplicationView | PreparedImport | AfterglowError = next(outcomes)
            if isinstance(outcome, ApplicationView):
                outcome = prepare_import(log, outcome, options)
            yield Waiting(outcome, started) if isinstance(outcome, PreparedImport) else outcome

    yield from publish_in_order(prepared(), experiments, options, together, wrote)


def _export(out: str, log: EventLog, options: ReadOptions, progress: Progress | None) -> Exported:
    return export_log(log, out, options, progress)


def _read(options: ImportOptions, log: EventLog, read: ReadOptions, progress: Progress | None) -> ApplicationView:
    return read_for_import(log, replace(options, read=read), progress)


def _detach(options: ImportOptions, log: EventLog, app: ApplicationView) -> PreparedImport:
    return prepare_import(log, app, options, detached=True)


def _with_tree(app: ApplicationView, task_runs: TaskRuns, prices: PriceList | None) -> tuple[ApplicationView, RunTree]:
    return app, derive_tree(app, task_runs, prices=prices)
