"""The order of the stages: discover, codecs, decode, extract, assemble, training, annotations, diagnose, derive, report
and publish."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from ..schemas.issues import ImportIssue
from ..schemas.logs import EventLog, EventLogTables
from ..schemas.prices import PriceList
from ..schemas.report import ReportFiles
from ..schemas.runs.tree import RunTree
from . import discover
from .annotations import apply_annotations, read_annotations
from .application_view import ApplicationView
from .assemble import MlflowRun, assemble, complete_tables, with_tagged_properties
from .check_history import notify
from .diagnose import diagnose
from .errors import InputError
from .export import export_tables
from .filesystems import folder_name, write_file
from .find_logs import peek
from .fingerprint import dataset_fingerprint, import_fingerprint
from .options import ImportOptions, Progress, ReadOptions, ReportMode, RunsProgress, TaskRuns
from .prepared_import import PreparedImport, experiment_fields
from .publish_imports import publish_import
from .read_rows import ReadParts, paused_collector, read_in_threads, read_rows
from .results import DatasetOnly, Exported, Imported
from .storage_errors import explain
from .training import recognize_training

_SMALL_LOG_BYTES = 4 * 2**20
"""Of a smaller log, a thread takes longer to start than to diagnose it."""

if TYPE_CHECKING:  # publish imports mlflow when a store is opened, which reading and exporting do not need
    from .publish import Experiments


def read_log(
    log: EventLog,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    read_parts: ReadParts = read_in_threads,
) -> EventLogTables:
    """Reads one application attempt's log into its tables; `read_parts` reads the parts of a large one.

    Raises:
        InputError: no file of it can be read, or it holds no event.
        AssemblyError: it holds events, but none of a Spark application.
    """
    return read_view(log, options, progress, read_parts).tables


def read_view(
    log: EventLog,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
    read_parts: ReadParts = read_in_threads,
) -> ApplicationView:
    """As `read_log`, but returns the view of the tables from which runs and report are derived."""
    app = read_undiagnosed(log, options or ReadOptions(), progress, read_parts)
    return app.with_findings(diagnose(app))


def read_undiagnosed(
    log: EventLog,
    options: ReadOptions,
    progress: Progress | None = None,
    read_parts: ReadParts = read_in_threads,
) -> ApplicationView:
    """As `read_view`, but `findings` is still empty."""
    with discover.fetched(log, options.history_server) as local, paused_collector():
        rows, issues = read_rows(local, options, progress, read_parts)
        return ApplicationView(build_tables(rows, local, issues), options.thresholds)


def build_tables(rows: dict[str, pa.Table], log: EventLog, issues: Iterable[ImportIssue] = ()) -> EventLogTables:
    """Event rows -> the tables of an application attempt, with `findings` still empty. `issues` are those of reading.

    Raises:
        AssemblyError: the rows hold no event of an application.
    """
    if rows["connect_operation_started"].num_rows:
        rows["job_properties"] = with_tagged_properties(rows["job_properties"])
    assembly = assemble(rows, log)
    written = read_annotations(rows["job_properties"], rows["connect_operation_started"])
    ended = assembly.ended
    training = recognize_training(
        rows, assembly.tables, written.search_names, written.fits, written.model_stages, ended, assembly.operations
    )
    tables = {
        **assembly.tables,
        "tunings": training.tunings,
        "trials": training.trials,
        "fits": training.fits,
        "jobs": training.jobs,
    }
    ended = ended or not log.in_progress
    applied = apply_annotations(tables, written, training.annotated_fits, training.stage_fits, ended)
    return complete_tables(
        rows,
        log,
        {**tables, **applied.tables},
        (*issues, *assembly.issues, *applied.issues),
        MlflowRun(applied.mlflow_run_id, applied.mlflow_tracking_uri),
        assembly.window,
    )


def export_log(
    log: EventLog, out: str, options: ReadOptions | None = None, progress: Progress | None = None
) -> Exported:
    """Reads a log and writes its tables as Parquet.

    Raises:
        InputError, AssemblyError: as `read_log`; or the folder cannot be written.
    """
    options = options or ReadOptions()
    app = read_undiagnosed(log, options, progress)
    try:
        if log.size < _SMALL_LOG_BYTES:
            app = app.with_findings(diagnose(app))
            folder = export_tables(app.tables, out)
        else:
            with ThreadPoolExecutor(1, "afterglow-diagnose") as pool:  # writing Parquet releases Python's lock
                diagnosed = pool.submit(diagnose, app)
                folder = export_tables(app.tables, out, {"findings": diagnosed.result})
            app = app.with_findings(diagnosed.result())
    except OSError as error:
        raise InputError(f"{out}: cannot write the tables: {explain(error)}") from error
    rows = {name: table.num_rows for name, table in app.tables.tables.items()}
    return Exported(log.name, folder, app.application, rows)


def derive_tree(
    app: ApplicationView,
    task_runs: TaskRuns,
    options: ImportOptions | None = None,
    prices: PriceList | None = None,
) -> RunTree:
    """The run tree of an application; needs no MLflow. Without `options` every task may have a run."""
    from .derive import RunLimits, derive
    from .derive import TaskRuns as Selection

    if options is None:
        return derive(app, Selection(task_runs, 2**31), prices=prices)
    limits, urls = RunLimits(options.max_job_runs, options.max_stage_runs), dict(options.orchestrator_urls)
    return derive(app, Selection(task_runs, options.max_task_runs), limits, urls, options.prices)


def write_report(app: ApplicationView, tree: RunTree, path: str, folder: bool = False) -> str:
    """Writes the HTML report to `path`, or into the folder `path`. Returns the file's path.

    Raises:
        InputError: the file cannot be written.
    """
    from .report import draw_report

    if folder:
        path = f"{path}/{folder_name(app.application['app_id'], app.application['app_attempt'])}.html"
    return write_file(path, draw_report(tree, app))


def reach_store(
    tracking_uri: str | None = None,
    experiment: str | None = None,
    writer: str = "auto",
    tell: Callable[[str], None] | None = None,
) -> "Experiments":
    """Checks within seconds that the tracking store answers. `tell` gets a line where a slower writer has to be used.

    Raises:
        PublishError: the store cannot be reached, or the name of the experiment is not valid.
    """
    from .publish import Experiments

    return Experiments(tracking_uri, experiment, writer, tell)


def open_experiments(
    tracking_uri: str | None = None, experiment: str | None = None, writer: str = "auto"
) -> "Experiments":
    """As `reach_store`, and opens the store and the experiment.

    Raises:
        PublishError: the store cannot be reached or opened, or the experiment was deleted.
    """
    return reach_store(tracking_uri, experiment, writer).open()


def import_log(
    log: EventLog,
    experiments: "Experiments | None",
    options: ImportOptions | None = None,
    read: Progress | None = None,
    wrote: RunsProgress | None = None,
) -> Imported:
    """Reads one log and writes its run tree, unless the same log was imported before with the same options.

    `experiments` may be None only if `options.runs` is off.

    Raises:
        InputError, AssemblyError: as `read_log`.
        PublishError: MLflow refused or could not be reached; import the log again to finish.
    """
    options = options or ImportOptions()
    started = time.monotonic()
    before = find_imported(log, experiments, options)
    if before is not None:
        return before
    app = read_for_import(log, options, read)
    return publish_import(prepare_import(log, app, options), experiments, options, started, wrote)


def find_imported(log: EventLog, experiments: "Experiments | None", options: ImportOptions) -> Imported | None:
    """The result of an earlier import of the same log with the same options; None where the log has to be read.

    Raises:
        InputError: the dataset cannot be reached.
        PublishError: MLflow refused or could not be reached.
    """
    row = None if options.dataset is None else _stored_application(log, options.dataset, options)
    if options.dataset is not None and row is None:
        return None
    if not options.runs or experiments is None:
        unchanged = DatasetOnly(options.dataset or "", "unchanged")
        return Imported.from_row(log.name, unchanged, row) if row is not None else None
    before = experiments.find(import_fingerprint(log, options))
    if before is None or (before.state == "deleted" and options.restore):
        return None
    if options.trace and before.state != "deleted":
        return None  # whether the trace is there can only be said with the tree
    return replace(Imported.from_published(log.name, before), notice=notify(before, experiments, options.webhook))


def _stored_application(log: EventLog, dataset: str, options: ImportOptions) -> Mapping[str, object] | None:
    from .dataset import stored_application

    application = peek(log).identity
    return None if application is None else stored_application(dataset, application, dataset_fingerprint(log, options))


def read_for_import(
    log: EventLog,
    options: ImportOptions,
    progress: Progress | None = None,
    read_parts: ReadParts = read_in_threads,
) -> ApplicationView:
    """Reads one log and adds its tables to the dataset, if there is one.

    Raises:
        InputError, AssemblyError: as `read_log`; or the dataset cannot be written.
    """
    app = read_view(log, options.read, progress, read_parts)
    if options.dataset is not None:
        from .dataset import write_dataset

        write_dataset(app.tables, options.dataset, dataset_fingerprint(log, options))
    return app


def prepare_import(
    log: EventLog, app: ApplicationView, options: ImportOptions, detached: bool = False
) -> PreparedImport:
    """Derives the run tree if runs are requested; `detached` is for sending it to another process."""
    from .publish import packed_artifacts, write_artifacts

    tree = derive_tree(app, options.task_runs, options) if options.runs else None
    draw = ReportFiles if tree is None else partial(_draw, tree, app, options.report)
    prepared = PreparedImport(
        log, app.application, experiment_fields(app), tree, draw, partial(write_artifacts, app.tables)
    )
    return prepared.detached(packed_artifacts(app.tables) if options.runs else None) if detached else prepared


def _draw(tree: RunTree, app: ApplicationView, mode: ReportMode) -> ReportFiles:
    from .report import draw

    return draw(tree, app, mode)
