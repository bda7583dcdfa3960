"""Import the logs of a job that has just ended, for `submit` and `hook`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.logs import EventLog
from ..errors import AfterglowError
from ..options import ImportOptions
from ..pipeline import import_log
from ..results import Imported
from .wait_for_log import LogQuery, Verdict, unfinished, wait_for_log

if TYPE_CHECKING:
    from ..publish import Experiments

OpenExperiments = Callable[[], "Experiments"]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class JobImport:
    """The result of a job's log; `whole` is whether the log is finished and complete."""

    imported: Imported
    whole: bool


def import_when_finished(
    query: LogQuery, wait_s: float, reach_store: OpenExperiments, options: ImportOptions, tell: Tell, warn: Tell
) -> JobImport:
    """Waits for a log and imports it. `tell` gets progress, `warn` a note if the log is not finished.

    `reach_store` is called first, so that nothing is waited for if the store does not answer.

    Raises:
        AfterglowError: there is no such log, or its import fails.
    """
    experiments = reach_store()
    log, verdict = wait_for_log(query, wait_s, tell)
    return _import(log, verdict, experiments.open(), options, warn)


def import_written_logs(
    logs: Iterable[tuple[EventLog, Verdict] | AfterglowError],
    open_experiments: OpenExperiments,
    options: ImportOptions,
    warn: Tell,
) -> Iterator[JobImport | AfterglowError]:
    """Imports the logs that `find_written_logs` yields; yields the results in order, or the error of a log."""
    experiments: Experiments | None = None
    for found in logs:
        try:
            if isinstance(found, AfterglowError):
                raise found
            experiments = experiments or open_experiments()
            yield _import(*found, experiments, options, warn)
        except AfterglowError as error:
            yield error


def _import(
    log: EventLog, verdict: Verdict, experiments: "Experiments", options: ImportOptions, warn: Tell
) -> JobImport:
    note = unfinished(log, verdict)
    if note is not None:
        warn(note)
    imported = import_log(log, experiments, options)
    return JobImport(imported, imported.complete and verdict == "finished")
