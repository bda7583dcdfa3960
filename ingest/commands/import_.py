"""`afterglow import LOG...`"""

from typing import Any

import typer

from . import options, terminal

_MANY = 20  # logs of one call, from which on it is quicker to ask once what is there


def import_(
    logs: options.Logs,
    tracking_uri: options.TrackingUri = None,
    experiment: options.Experiment = None,
    parent_run: options.ParentRun = None,
    task_runs: options.TaskRuns = "all",
    max_task_runs: options.MaxTaskRuns = 2000,
    pictures: options.Pictures = "auto",
    trace: options.Trace = False,
    findings: options.Findings = None,
    threshold: options.Threshold = None,
    writer: options.Writer = "auto",
    tables: options.Tables = None,
    no_runs: options.NoRuns = False,
    restore: options.Restore = False,
    strict: options.Strict = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    workers: options.Workers = None,
    max_line_bytes: options.MaxLineBytes = 256 * 2**20,
    max_ratio: options.MaxRatio = 1000,
) -> None:
    """Read event logs and write them to MLflow as nested runs.

    Importing a log again writes nothing; a log that grew, or an import that was interrupted, is completed.
    """
    from .. import pipeline
    from ..errors import AfterglowError

    options.one_of("--writer", writer, options.WRITERS)
    options.one_of("--task-runs", task_runs, options.TASK_RUNS)
    options.one_of("--pictures", pictures, options.PICTURES)
    thresholds = options.thresholds(findings, threshold)
    batch = terminal.Batch(strict)
    with terminal.errors():
        found = list(pipeline.find_logs(logs))
        wanted = pipeline.ImportOptions(
            pipeline.ReadOptions(max_line_bytes, max_ratio, workers or terminal.cores(), thresholds),
            task_runs,
            max_task_runs,
            parent_run,
            restore,
            pictures,
            trace,
            **options.dataset(tables, no_runs),
        )
        experiments = (
            pipeline.open_experiments(tracking_uri, experiment, writer, terminal.warn) if wanted.runs else None
        )
        if experiments is not None and len(found) > _MANY:
            experiments.remember()
        with terminal.progress(not quiet and not as_json) as display:
            turn = terminal.Turn(display)
            outcomes = pipeline.import_logs(found, experiments, wanted, turn.read, turn.wrote)
            for log in found:
                with turn.of(log):
                    one = next(outcomes)
                if isinstance(one, AfterglowError):
                    batch.failure(one)
                else:
                    batch.success(one.complete)
                    terminal.report_import(one, as_json, quiet)
        if experiments is not None and not as_json and not quiet and batch.done:
            _closing(experiments)
    raise typer.Exit(batch.exit_code)


def _closing(experiments: Any) -> None:
    command = experiments.server_command()
    if command:
        terminal.out().print(f"To look at it: {command}\n  then open the address above", markup=False)
