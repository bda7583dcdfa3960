"""The order of the stages: discover, codecs, decode, extract, assemble, training, annotations, diagnose, derive, report
and publish."""

import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pyarrow as pa

from ..schemas.issues import ImportIssue
from ..schemas.logs import EventLog, EventLogTables
from ..schemas.report import ReportFiles
from ..schemas.runs.tree import RunTree
from . import discover, extract
from .annotations import apply_annotations, read_annotations
from .assemble import MlflowRun, assemble, complete_tables
from .diagnose import diagnose
from .errors import InputError
from .export import export_tables
from .find_logs import peek
from .fingerprint import fingerprint
from .log_parts import PartRead, in_parts, read_part, side_by_side, splittable
from .options import ImportOptions, Progress, ReadOptions
from .results import Exported, Imported, OnlyTables, Ready
from .training import recognize_training
from .version import version


def read_log(
    log: EventLog,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    parts_read: Callable[..., Iterator["PartRead"]] = side_by_side,
) -> EventLogTables:
    """Reads one application attempt's log into its tables; the parts of a large one by `parts_read`, see side_by_side.

    Raises:
        InputError: no file of it can be read, or it holds no event at all.
        AssemblyError: it holds events, but none of a Spark application.
    """
    options = options or ReadOptions()
    return diagnose(read_undiagnosed(log, options, progress, parts_read), options.thresholds)


def read_undiagnosed(
    log: EventLog,
    options: ReadOptions,
    progress: Progress | None = None,
    parts_read: Callable[..., Iterator["PartRead"]] = side_by_side,
) -> EventLogTables:
    """As `read_log`, with `findings` still empty: see diagnose."""
    with discover.fetched(log) as there, _without_collecting():
        return _read_log(there, options, progress, parts_read)


def _read_log(
    log: EventLog, options: ReadOptions, progress: Progress | None, parts_read: Callable[..., Iterator["PartRead"]]
) -> EventLogTables:
    parts = in_parts(log, options.workers, splittable)
    batches: list[Mapping[str, Any]] = []
    issues: list[ImportIssue] = []
    events = lines = 0
    for part, read in zip(parts, parts_read(read_part, parts, options, options.workers, progress), strict=True):
        batches.extend(read.batches)
        read.batches.clear()
        lines = 0 if part.start == 0 else lines
        issues.extend(replace(i, line=None if i.line is None else i.line + lines) for i in read.issues)
        lines += read.lines
        events += read.events
    if not events:
        raise InputError(_no_log(log, issues))
    rows = extract.concat(batches)
    batches.clear()  # what is assembled can then be let go
    return tables_of_rows(rows, log, issues)


def tables_of_rows(rows: dict[str, pa.Table], log: EventLog, issues: Iterable[ImportIssue] = ()) -> EventLogTables:
    """Event rows -> the tables of an application attempt, with `findings` still empty. `issues` are those of reading.

    Raises:
        AssemblyError: the rows hold no event of an application.
    """
    assembly = assemble(rows, log)
    written = read_annotations(rows["job_properties"])
    training = recognize_training(rows, assembly.tables, written.search_names, assembly.ended)
    tables = {
        **assembly.tables,
        "tunings": training.tunings,
        "trials": training.trials,
        "fits": training.fits,
        "jobs": training.jobs,
    }
    applied = apply_annotations(tables, written, assembly.ended or not log.in_progress)
    return complete_tables(
        rows,
        log,
        {**tables, **applied.tables},
        (*issues, *assembly.issues, *applied.issues),
        MlflowRun(applied.mlflow_run_id, applied.mlflow_tracking_uri),
    )


def _no_log(log: EventLog, issues: list[ImportIssue]) -> str:
    if not log.size:
        return f"{log.name}: empty; Spark writes a log's first lines when the application starts"
    if issues and issues[0].code == "file_unreadable":
        return issues[0].message
    why = f" ({issues[0].message})" if issues else ""
    return f"{log.name}: no Spark event log: no line of it is an event{why}; check the path"


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Reading makes millions of tuples and no cycles: Python's cycle collector only costs a quarter of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def export_log(
    log: EventLog, out: str, options: ReadOptions | None = None, progress: Progress | None = None
) -> Exported:
    """Reads a log and writes its tables as Parquet.

    Raises:
        InputError, AssemblyError: as `read_log`; or the folder cannot be written.
    """
    options = options or ReadOptions()
    tables = read_undiagnosed(log, options, progress)
    with ThreadPoolExecutor(1, "afterglow-diagnose") as pool:  # beside the writing, which runs without Python's lock
        diagnosed = pool.submit(diagnose, tables, options.thresholds)
        try:
            folder = export_tables(tables, out, {"findings": lambda: diagnosed.result()["findings"]})
        except OSError as error:
            raise InputError(f"{out}: the tables cannot be written: {error}") from error
    rows = {name: table.num_rows for name, table in diagnosed.result().tables.items()}
    return Exported(log.name, folder, tables.application, rows)


def tree_of(tables: EventLogTables, task_runs: str, max_task_runs: int = 2**31) -> RunTree:
    """The run tree of a log that was read, without MLflow."""
    from .derive import TaskRuns, derive

    return derive(tables, TaskRuns(cast(Any, task_runs), max_task_runs))


def open_experiments(
    tracking_uri: str | None = None,
    experiment: str | None = None,
    writer: str = "auto",
    tell: Callable[[str], None] | None = None,
) -> Any:
    """Where runs are written to; see publish.Experiments."""
    from .publish import Experiments

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
    options = options or ImportOptions()
    started = time.monotonic()
    before = imported_before(log, experiments, options)
    if before is not None:
        return before
    tables = read_for_import(log, options, read)
    return import_ready(ready(log, tables, options), experiments, options, started, wrote)


def read_for_import(log: EventLog, options: ImportOptions, progress: Progress | None = None) -> EventLogTables:
    """Reads one log, and adds its tables to the dataset where one is wanted.

    Raises:
        InputError, AssemblyError: as `read_log`; or the dataset cannot be written.
    """
    tables = read_log(log, options.read, progress)
    add_to_dataset(log, tables, options)
    return tables


def add_to_dataset(log: EventLog, tables: EventLogTables, options: ImportOptions) -> None:
    """Writes the tables of a log that was read to `options.tables`, where there is such a place.

    Raises:
        InputError: they cannot be written there.
    """
    if options.tables is not None:
        from .dataset import write_dataset

        write_dataset(tables, options.tables, _identity_of_tables(log, options))


def _in_dataset(log: EventLog, options: ImportOptions) -> bool:
    """Whether the dataset has the tables of exactly this log; asked by what its first lines say."""
    from .dataset import identity_of

    head = peek(log)
    if options.tables is None or head.app_id is None:
        return False
    place = (head.app_id, head.app_attempt, head.start_time_ms)
    return identity_of(options.tables, *place) == _identity_of_tables(log, options)


def imported_before(log: EventLog, experiments: Any, options: ImportOptions) -> Imported | None:
    """The runs that exactly this log was written to before; None where it has to be read.

    Raises:
        InputError: the place of the dataset cannot be reached.
        PublishError: MLflow refused or could not be reached.
    """
    if options.tables is not None and not _in_dataset(log, options):
        return None
    if not options.runs:
        return Imported(log.name, OnlyTables(options.tables or "", "unchanged"))
    before = experiments.find(_identity(log, options))
    if before is None or (before.state == "deleted" and options.restore):
        return None
    if options.trace and before.state != "deleted":
        return None  # the runs stand; whether their trace does, only the tree says
    return Imported(log.name, before)


def ready(log: EventLog, tables: EventLogTables, options: ImportOptions) -> Ready:
    """Derives the run tree, where runs are wanted; pictures and artifacts are made when they are asked for."""
    from .publish import write_artifacts

    tree = tree_of(tables, options.task_runs, options.max_task_runs) if options.runs else None
    draw = ReportFiles if tree is None else partial(_draw, tree, tables, options.pictures)
    return Ready(log, tables.application, _queue(tables), tree, draw, partial(write_artifacts, tables))


def packed(log: EventLog, tables: EventLogTables, options: ImportOptions) -> Ready:
    """The same, to be sent to another process: nothing is left to be made, and no tables are in it."""
    from .publish import packed_artifacts

    one = ready(log, tables, options)
    if one.tree is None:
        return replace(one, artifacts=_no_artifacts)
    tree = replace(one.tree, tasks={key: list(runs) for key, runs in one.tree.tasks.items()})
    return replace(one, tree=tree, draw=partial(_drawn, one.draw()), artifacts=packed_artifacts(tables))


def _no_artifacts(issues: Any, folder: str) -> None:
    """Of a log without runs."""


def _drawn(pictures: ReportFiles) -> ReportFiles:
    return pictures


def import_ready(
    one: Ready,
    experiments: Any,
    options: ImportOptions,
    started: float,
    wrote: Callable[[int, int], None] | None = None,
) -> Imported:
    """Writes the run tree of a log that was read; `started` is when its import began, by time.monotonic().

    Raises:
        PublishError: MLflow refused or could not be reached; the next import goes on from there.
    """
    from .publish import publish, write_trace

    app, log, tree = one.application, one.log, one.tree
    published: Any = OnlyTables(options.tables or "")
    if tree is not None:
        # what a template of the experiment's name may hold
        writer = experiments.writer({"app_name": app["name"], "user": app["user"], "queue": one.queue})
        published = publish(
            tree,
            app["mlflow_run_id"],
            one.artifacts,
            writer,
            _identity(log, options),
            version(),
            options.parent_run,
            wrote,
            options.restore,
            one.draw,
        )
        if options.trace:
            write_trace(tree, published, writer)
    return Imported(
        log.name,
        published,
        app["app_id"],
        app["app_attempt"],
        app["completeness"],
        app["num_issues"],
        time.monotonic() - started,
    )


def write_report(tables: EventLogTables, path: str, folder: bool = False) -> str:
    """Writes the report of a log that was read, one HTML file, to `path`, or into the folder at `path`; where it is.

    Raises:
        InputError: it cannot be written there.
    """
    from .report import draw_report

    if folder:
        app = tables.application
        path = os.path.join(
            path, "_".join(filter(None, (app["app_id"], app["app_attempt"]))).replace(os.sep, "_") + ".html"
        )
    return write_file(path, draw_report(tree_of(tables, "none"), tables))


def write_file(path: str, content: bytes) -> str:
    """Writes a file, whose folder is made where it does not exist; its path.

    Raises:
        InputError: it cannot be written there.
    """
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from error
    return path


def _draw(tree: RunTree, tables: EventLogTables, wanted: str) -> ReportFiles:
    from .report import draw

    return draw(tree, tables, cast(Any, wanted))


def _identity(log: EventLog, options: ImportOptions) -> str:
    return fingerprint(
        log,
        version(),
        f"{options.task_runs} {options.max_task_runs} {options.parent_run} {options.pictures} "
        f"{options.read.thresholds.identity}",
    )


def _identity_of_tables(log: EventLog, options: ImportOptions) -> str:
    return fingerprint(log, version(), f"tables {options.read.thresholds.identity}")


def _queue(tables: EventLogTables) -> str | None:
    rows = tables["properties"].to_pylist()
    return next((row["value"] for row in rows if row["key"] == "spark.yarn.queue"), None)
