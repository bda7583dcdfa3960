"""Fingerprints: what an import or a dataset entry depends on. Equal fingerprints mean that there is nothing to do."""

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from ..schemas.job_history import COMPARED_RUNS
from ..schemas.logs import EventLog
from .find_logs import peek
from .options import ImportOptions
from .version import version

if TYPE_CHECKING:
    from ..schemas.findings.threshold_overrides import Thresholds


def import_fingerprint(log: EventLog, options: ImportOptions) -> str:
    """Of an application's runs: the log's files, the Afterglow version and every option that changes the runs."""
    most = f"{options.max_task_runs} {options.max_job_runs} {options.max_stage_runs}"
    return _fingerprint(
        log,
        f"{options.task_runs} {most} {options.parent_run} {options.report} {_identity(options.read.thresholds)}"
        + "".join(f" {name}={url}" for name, url in options.orchestrator_urls)
        + ("" if options.compared_runs == COMPARED_RUNS else f" {options.compared_runs} runs")
        + ("" if options.prices is None else f" {options.prices.identity}"),
    )


def dataset_fingerprint(log: EventLog, options: ImportOptions) -> str:
    """Of an application's tables in a dataset."""
    return _fingerprint(log, f"tables {_identity(options.read.thresholds)}")


@lru_cache(16)
def _identity(thresholds: "Thresholds") -> str:
    return thresholds.identity


def _fingerprint(log: EventLog, options: str) -> str:
    # A History Server does not say how large a log is, but when it was last updated.
    parts = [
        version(),
        options,
        *(f"{file.name.rsplit('/', 1)[-1]} {file.size or file.modified_ms}" for file in log.files),
    ]
    head = peek(log)  # logs of two clusters may have one name and one size
    if head.identity is not None:
        parts.append(head.identity.digest)
    else:  # the application is named after its log
        parts += [log.name.rstrip("/").rsplit("/", 1)[-1], head.digest]
    if log.in_progress:  # the same bytes mean something else once the log is no longer written
        parts.append("in progress")
    if any("://" in file.uri and not file.size for file in log.files):
        parts.append(log.name)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
