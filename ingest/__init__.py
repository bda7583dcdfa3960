"""Read Spark event logs into tables, and import them into MLflow as runs.

    from afterglow.ingest import read, import_logs

    tables = read("/logs/application_1700000000000_0001")
    tables.stages.to_pandas().sort_values("duration_ms")
    import_logs(["/logs"], tracking_uri="http://localhost:5000", experiment="spark-applications")

Errors: AfterglowError is the base of InputError (a log cannot be read), AssemblyError (a log holds no application) and
PublishError (MLflow refused or cannot be reached).
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from ..schemas.runs.limits import MAX_JOB_RUNS, MAX_STAGE_RUNS, MAX_TASK_RUNS
from .errors import AfterglowError, AssemblyError, InputError, PublishError
from .options import (
    MAX_LINE_BYTES,
    MAX_RATIO,
    ReadOptions,
    available_cores,
)

if TYPE_CHECKING:
    from ..schemas.logs import EventLogTables
    from .results import Imported

__all__ = ["AfterglowError", "AssemblyError", "InputError", "PublishError", "import_logs", "read"]


def read(
    path: str,
    thresholds: Mapping[str, float] | None = None,
    *,
    workers: int | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_ratio: int = MAX_RATIO,
) -> "EventLogTables":
    """Reads the event log of one application attempt at `path`: a file, a rolling folder or a URI.

    Returns the tables that `afterglow schema` lists; each is a pyarrow.Table. `thresholds` of findings override the
    defaults, as in `{"skew.time_ratio": 4}`. `workers` threads read a large log; default: the number of cores.

    Raises:
        InputError: the log cannot be read, or there are several logs.
        AssemblyError: the log holds events, but none of a Spark application.
        ValueError: a threshold does not exist.
    """
    from .find_logs import find_log
    from .pipeline import read_log

    return read_log(find_log(path), _read_options(thresholds, workers, max_line_bytes, max_ratio))


def import_logs(
    paths: Iterable[str],
    tracking_uri: str | None = None,
    experiment: str | None = None,
    *,
    task_runs: Literal["all", "notable", "none"] = "all",
    max_task_runs: int = MAX_TASK_RUNS,
    max_job_runs: int = MAX_JOB_RUNS,
    max_stage_runs: int = MAX_STAGE_RUNS,
    parent_run: str | None = None,
    writer: Literal["auto", "sql", "rest"] = "auto",
    restore: bool = False,
    report: Literal["auto", "all", "none"] = "auto",
    trace: bool = False,
    dataset: str | None = None,
    runs: bool = True,
    thresholds: Mapping[str, float] | None = None,
    workers: int | None = 1,
    max_line_bytes: int = MAX_LINE_BYTES,
    max_ratio: int = MAX_RATIO,
) -> list["Imported"]:
    """Imports every event log at these paths into MLflow. Returns one result per log, in order.

    The options are those of `afterglow import`. With several `workers` (None: the number of cores) logs are read by
    several processes, so a script needs `if __name__ == "__main__":`. The first log that fails ends the call; what was
    imported before stays.

    Raises:
        InputError, AssemblyError: a log cannot be read, or there is none.
        PublishError: MLflow refused or cannot be reached.
        ValueError: a threshold does not exist, or neither runs nor a dataset would be written.
    """
    from .engines.local import import_logs as import_all
    from .find_logs import find_logs
    from .options import ImportOptions
    from .pipeline import reach_store

    if not runs and dataset is None:
        raise ValueError("nothing would be written: runs=False needs a dataset")
    options = ImportOptions(
        _read_options(thresholds, workers, max_line_bytes, max_ratio),
        task_runs=task_runs,
        max_task_runs=max_task_runs,
        max_job_runs=max_job_runs,
        max_stage_runs=max_stage_runs,
        parent_run=parent_run,
        restore=restore,
        report=report,
        trace=trace,
        dataset=dataset,
        runs=runs,
    )
    experiments = reach_store(tracking_uri, experiment, writer) if runs else None
    logs = find_logs(paths)
    if experiments is not None:
        experiments.open()
    results = []
    for outcome in import_all(logs, experiments, options):
        if isinstance(outcome, AfterglowError):
            raise outcome
        results.append(outcome)
    return results


def _read_options(
    thresholds: Mapping[str, float] | None, workers: int | None, max_line_bytes: int, max_ratio: int
) -> ReadOptions:
    from ..schemas.findings.threshold_overrides import thresholds as check

    return ReadOptions(max_line_bytes, max_ratio, workers or available_cores(), check((thresholds or {}).items()))
