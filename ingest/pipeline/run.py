"""What the commands and the Python API do with a log: import, export, show."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from ...schemas.logs import EventLog, EventLogTables
from ...schemas.runs import RunTree
from ..errors import InputError
from ..export import export_tables
from ..version import version
from .read import Progress, ReadOptions, read_log


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a log becomes runs: see `afterglow import --help`."""

    read: ReadOptions = field(default_factory=lambda: ReadOptions())
    task_runs: str = "all"
    max_task_runs: int = 2000
    parent_run: str | None = None
    restore: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing one log came to. Where it was imported before, only `log` and `published` say more than that."""

    log: str
    published: Any
    app_id: str | None = None
    app_attempt: str | None = None
    completeness: str = "complete"
    num_issues: int = 0
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every event of the application was read."""
        return self.completeness == "complete"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def export_log(
    log: EventLog, out: str, options: ReadOptions | None = None, progress: Progress | None = None
) -> tuple[EventLogTables, str]:
    """Reads a log and writes its tables as Parquet; the tables and the folder.

    Raises:
        InputError, AssemblyError: as `read_log`; or the folder cannot be written.
    """
    tables = read_log(log, options, progress)
    try:
        return tables, export_tables(tables, out)
    except OSError as error:
        raise InputError(f"{out}: the tables cannot be written: {error}") from error


def show_log(log: EventLog, options: ReadOptions, task_runs: str) -> tuple[EventLogTables, RunTree]:
    """Reads a log and derives its run tree, without MLflow.

    Raises:
        InputError, AssemblyError: as `read_log`.
    """
    from ..derive import TaskRuns, derive

    tables = read_log(log, options)
    return tables, derive(tables, TaskRuns(cast(Any, task_runs), 2**31))


def open_experiments(
    tracking_uri: str | None = None,
    experiment: str | None = None,
    writer: str = "auto",
    tell: Callable[[str], None] | None = None,
) -> Any:
    """Where runs are written to; see publish.Experiments."""
    from ..publish import Experiments

    return Experiments(tracking_uri, experiment, writer, tell)


def import_log(
    log: EventLog,
    experiments: Any,
    options: ImportOptions | None = None,
    read: Progress | None = None,
    wrote: Callable[[int, int], None] | None = None,
) -> Imported:
    """Reads one log and writes its run tree, unless exactly this was written before.

    Raises:
        InputError, AssemblyError: as `read_log`.
        PublishError: MLflow refused or could not be reached; the next import goes on from there.
    """
    from ..derive import TaskRuns, derive
    from ..publish import fingerprint, publish

    options = options or ImportOptions()
    started = time.monotonic()
    identity = fingerprint(log, version(), f"{options.task_runs} {options.max_task_runs} {options.parent_run}")
    before = experiments.find(identity)
    if before is not None and not (before.state == "deleted" and options.restore):
        return Imported(log.name, before)
    tables = read_log(log, options.read, read)
    tree = derive(tables, TaskRuns(cast(Any, options.task_runs), options.max_task_runs))
    writer = experiments.writer(_application(tables))
    published = publish(tree, tables, writer, identity, version(), options.parent_run, wrote, options.restore)
    app = tables.application
    return Imported(
        log.name,
        published,
        app["app_id"],
        app["app_attempt"],
        app["completeness"],
        app["num_issues"],
        time.monotonic() - started,
    )


def _application(tables: EventLogTables) -> dict[str, str | None]:
    """What a template of the experiment's name may hold."""
    app = tables.application
    queue = next((row["value"] for row in tables["properties"].to_pylist() if row["key"] == "spark.yarn.queue"), None)
    return {"app_name": app["name"], "user": app["user"], "queue": queue}
