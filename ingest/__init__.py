"""Afterglow: Spark event logs to tables, and to MLflow runs.

from afterglow.ingest import read, import_logs

tables = read("/logs/application_1700000000000_0001")
tables.stages.to_pandas().sort_values("duration_ms")
import_logs(["/logs"], tracking_uri="http://localhost:5000", experiment="spark-applications")
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from .errors import AfterglowError, AssemblyError, InputError, PublishError

if TYPE_CHECKING:
    from ..schemas.findings.thresholds import Thresholds
    from ..schemas.logs import EventLogTables
    from .results import Imported

__all__ = ["AfterglowError", "AssemblyError", "InputError", "PublishError", "import_logs", "read"]


def read(path: str, thresholds: Mapping[str, float] | None = None) -> "EventLogTables":
    """The tables of the one application attempt whose log is at `path`: a file, a rolling folder or a URI.

    Each table is a pyarrow.Table as declared in afterglow.schemas.tables (`afterglow schema`). `thresholds` are those
    of the findings that are wanted otherwise than declared, as in `{"skew.time_ratio": 4}`.

    Raises:
        InputError: nothing there can be read, or there are several logs (`afterglow export` takes many).
        AssemblyError: it holds events, but none of a Spark application.
        ValueError: there is no such threshold.
    """
    from .find_logs import find_logs
    from .options import ReadOptions
    from .pipeline import read_log

    logs = list(find_logs([path]))
    if len(logs) != 1:
        raise InputError(f"{path}: holds {len(logs):,} event logs, read() takes one; name one of them")
    return read_log(logs[0], ReadOptions(thresholds=_thresholds(thresholds)))


def import_logs(
    paths: Iterable[str],
    tracking_uri: str | None = None,
    experiment: str | None = None,
    *,
    task_runs: str = "all",
    max_task_runs: int = 2000,
    parent_run: str | None = None,
    writer: str = "auto",
    restore: bool = False,
    pictures: str = "auto",
    trace: bool = False,
    thresholds: Mapping[str, float] | None = None,
) -> list["Imported"]:
    """Imports every event log at these paths into MLflow; one result per log, in order.

    The options are those of `afterglow import`. A log that fails stops the call; what was imported stays.

    Raises:
        InputError, AssemblyError: a log cannot be read.
        PublishError: MLflow refused or could not be reached.
        ValueError: there is no such threshold.
    """
    from .find_logs import find_logs
    from .options import ImportOptions, ReadOptions
    from .pipeline import import_log, open_experiments

    options = ImportOptions(
        ReadOptions(thresholds=_thresholds(thresholds)),
        task_runs=task_runs,
        max_task_runs=max_task_runs,
        parent_run=parent_run,
        restore=restore,
        pictures=pictures,
        trace=trace,
    )
    logs = list(find_logs(paths))
    experiments = open_experiments(tracking_uri, experiment, writer)
    return [import_log(log, experiments, options) for log in logs]


def _thresholds(given: Mapping[str, float] | None) -> "Thresholds":
    from ..schemas.findings.thresholds import thresholds

    return thresholds((given or {}).items())
