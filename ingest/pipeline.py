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
from . import decode, discover, extract
from .annotations import apply_annotations, read_annotations
from .application_view import ApplicationView
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

_LARGE_LOG_BYTES = 64 * 2**20


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
    return read_view(log, options, progress, parts_read).tables


def read_view(
    log: EventLog,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    parts_read: Callable[..., Iterator["PartRead"]] = side_by_side,
) -> ApplicationView:
    """As `read_log`: the view of the tables, from which runs and report are made."""
    app = read_undiagnosed(log, options or ReadOptions(), progress, parts_read)
    return app.with_findings(diagnose(app))


def read_undiagnosed(
    log: EventLog,
    options: ReadOptions,
    progress: Progress | None = None,
    parts_read: Callable[..., Iterator["PartRead"]] = side_by_side,
) -> ApplicationView:
    """As `read_view`, with `findings` still empty."""
    with discover.fetched(log) as there, _without_collecting():
        return ApplicationView(_read_log(there, options, progress, parts_read), options.thresholds)


def _read_log(
    log: EventLog, options: ReadOptions, progress: Progress | None, parts_read: Callable[..., Iterator["PartRead"]]
) -> EventLogTables:
    parts = in_parts(log, options.workers, splittable)
    batches: list[Mapping[str, Any]] = []
    issues: list[ImportIssue] = []
    log_starts: dict[int, extract.LogStart] = {}
    events = lines = 0
    for part, read in zip(parts, parts_read(read_part, parts, options, options.workers, progress), strict=True):
        starts = {len(batches) + index: offset for index, offset in read.log_starts.items()}
        log_starts |= {index: extract.LogStart(part.file.name, offset) for index, offset in starts.items()}
        batches.extend(read.batches)
        read.batches.clear()
        lines = 0 if part.start == 0 else lines
        issues.extend(replace(i, line=None if i.line is None else i.line + lines) for i in read.issues)
        lines += read.lines
        events += read.events
    if not events:
        raise InputError(_no_log(log, issues))
    kept, others = extract.first_application(batches, log_starts)
    issues += [*others, *_scanner_missing(log)]
    rows = extract.concat(kept)
    del kept
    batches.clear()  # what is assembled can then be let go
    return tables_of_rows(rows, log, issues)


def tables_of_rows(rows: dict[str, pa.Table], log: EventLog, issues: Iterable[ImportIssue] = ()) -> EventLogTables:
    """Event rows -> the tables of an application attempt, with `findings` still empty. `issues` are those of reading.

    Raises:
        AssemblyError: the rows hold no event of an application.
    """
    assembly = assemble(rows, log)
    written = read_annotations(rows["job_properties"])
    training = recognize_training(rows, assembly.tables, written.search_names, assembly.ended, assembly.operations)
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


def _scanner_missing(log: EventLog) -> list[ImportIssue]:
    """A note on a large log where the native scanner was not built."""
    if decode.BUILT or log.size < _LARGE_LOG_BYTES:
        return []
    message = "the native scanner was not built: install a C compiler and reinstall spark-afterglow to read faster"
    return [ImportIssue("native_scanner_missing", message)]


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
    app = read_undiagnosed(log, options, progress)
    with ThreadPoolExecutor(1, "afterglow-diagnose") as pool:  # beside the writing, which runs without Python's lock
        diagnosed = pool.submit(diagnose, app)
        try:
            folder = export_tables(app.tables, out, {"findings": diagnosed.result})
        except OSError as error:
            raise InputError(f"{out}: the tables cannot be written: {error}") from error
    rows = {name: table.num_rows for name, table in app.with_findings(diagnosed.result()).tables.tables.items()}
    return Exported(log.name, folder, app.application, rows)


def tree_of(app: ApplicationView, task_runs: str, max_task_runs: int = 2**31) -> RunTree:
    """The run tree of a log that was read, without MLflow."""
    from .derive import TaskRuns, derive

    return derive(app, TaskRuns(cast(Any, task_runs), max_task_runs))


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
    app = read_for_import(log, options, read)
    return import_ready(ready(log, app, options), experiments, options, started, wrote)


def read_for_import(log: EventLog, options: ImportOptions, progress: Progress | None = None) -> ApplicationView:
    """Reads one log, and adds its tables to the dataset where one is wanted.

    Raises:
        InputError, AssemblyError: as `read_log`; or the dataset cannot be written.
    """
    app = read_view(log, options.read, progress)
    add_to_dataset(log, app.tables, options)
    return app


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


def ready(log: EventLog, app: ApplicationView, options: ImportOptions) -> Ready:
    """Derives the run tree, where runs are wanted; pictures and artifacts are made when they are asked for."""
    from .publish import write_artifacts

    tree = tree_of(app, options.task_runs, options.max_task_runs) if options.runs else None
    draw = ReportFiles if tree is None else partial(_draw, tree, app, options.pictures)
    queue = app.properties.get("spark.yarn.queue")
    return Ready(log, app.application, queue, tree, draw, partial(write_artifacts, app.tables))


def packed(log: EventLog, app: ApplicationView, options: ImportOptions) -> Ready:
    """The same, to be sent to another process: nothing is left to be made, and no tables are in it."""
    from .publish import packed_artifacts

    one = ready(log, app, options)
    if one.tree is None:
        return replace(one, artifacts=_no_artifacts)
    tree = replace(one.tree, tasks={key: list(runs) for key, runs in one.tree.tasks.items()})
    return replace(one, tree=tree, draw=partial(_drawn, one.draw()), artifacts=packed_artifacts(app.tables))


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


def write_report(app: ApplicationView, tree: RunTree, path: str, folder: bool = False) -> str:
    """Writes the report of a log that was read, one HTML file, to `path`, or into the folder at `path`; where it is.

    Raises:
        InputError: it cannot be written there.
    """
    from .report import draw_report

    if folder:
        row = app.application
        name = "_".join(filter(None, (row["app_id"], row["app_attempt"])))
        path = os.path.join(path, name.replace(os.sep, "_") + ".html")
    return write_file(path, draw_report(tree, app))


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


def _draw(tree: RunTree, app: ApplicationView, policy: str) -> ReportFiles:
    from .report import draw

    return draw(tree, app, cast(Any, policy))


def _identity(log: EventLog, options: ImportOptions) -> str:
    return fingerprint(
        log,
        version(),
        f"{options.task_runs} {options.max_task_runs} {options.parent_run} {options.pictures} "
        f"{options.read.thresholds.identity}",
    )


def _identity_of_tables(log: EventLog, options: ImportOptions) -> str:
    return fingerprint(log, version(), f"tables {options.read.thresholds.identity}")
