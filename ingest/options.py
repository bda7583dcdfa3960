"""Options of reading and importing, for the Python API and the command line."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..schemas.job_history import COMPARED_RUNS
from ..schemas.prices import PriceList
from ..schemas.runs.limits import MAX_JOB_RUNS, MAX_STAGE_RUNS, MAX_TASK_RUNS

if TYPE_CHECKING:  # both take long to import, which `afterglow --help` need not wait for
    from ..schemas.findings.threshold_overrides import Thresholds
    from .discover.history_server import HistoryServerOptions

Progress = Callable[[int], None]
"""Called with the number of stored bytes that were read since the last call."""
RunsProgress = Callable[[int, int], None]
"""Called with (runs written, runs in total)."""

ReportMode = Literal["auto", "all", "none"]
TaskRuns = Literal["all", "notable", "none"]

MAX_LINE_BYTES = 256 * 2**20
MAX_RATIO = 1000


def _thresholds() -> "Thresholds":
    from ..schemas.findings.threshold_overrides import Thresholds

    return Thresholds()


def _history_server() -> "HistoryServerOptions":
    from .discover.history_server import HistoryServerOptions

    return HistoryServerOptions()


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a log.

    `max_line_bytes` and `max_ratio` limit untrusted input: the length of a line, and the size of a decompressed file as
    a multiple of its stored size. `workers` threads read one large log; the result does not depend on their number.
    `history_server` is how a History Server is reached.
    """

    max_line_bytes: int = MAX_LINE_BYTES
    max_ratio: int = MAX_RATIO
    workers: int = 1
    thresholds: "Thresholds" = field(default_factory=_thresholds)
    history_server: "HistoryServerOptions" = field(default_factory=_history_server)


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Where and how a regression is reported."""

    url: str
    format: Literal["json", "slack"] = "json"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to import a log; the fields are the options of `afterglow import`.

    `dataset` is the URI of a Parquet dataset that gets the tables; without `runs` nothing is written to MLflow.
    `compared_runs` is the number of earlier runs of the job that an application is compared with, 0 for none.
    `orchestrator_urls` are pairs of an orchestrator's name and the base of its addresses.
    """

    read: ReadOptions = field(default_factory=lambda: ReadOptions())
    task_runs: TaskRuns = "all"
    max_task_runs: int = MAX_TASK_RUNS
    max_job_runs: int = MAX_JOB_RUNS
    max_stage_runs: int = MAX_STAGE_RUNS
    parent_run: str | None = None
    restore: bool = False
    report: ReportMode = "auto"
    trace: bool = False
    dataset: str | None = None
    runs: bool = True
    orchestrator_urls: tuple[tuple[str, str], ...] = ()
    compared_runs: int = COMPARED_RUNS
    webhook: WebhookOptions | None = None
    prices: PriceList | None = None


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
