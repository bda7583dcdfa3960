"""Run a Spark job unchanged, with event logging on, and find the logs that it wrote.

Settings go into SPARK_SUBMIT_OPTS, the system properties of the JVM that spark-submit starts. `python train.py` starts
the same JVM (org.apache.spark.launcher.SparkSubmitCommandBuilder). This is the weakest way to set a property:
spark-defaults.conf, --properties-file, --conf and the job's own code override it, in client and in cluster mode.
"""

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ...schemas.logs import EventLog
from ...schemas.spark import DEFAULT_LOG_DIR, EVENT_LOG_DIR, EVENT_LOG_ENABLED, SUBMIT_ID
from .. import discover
from ..errors import AfterglowError, InputError
from ..filesystems import data_folder
from ..find_logs import contains_setting
from ..storage_errors import explain
from .annotation_overlay import was_annotated, write_overlay
from .proc_watch import SUBMIT_ID as SUBMIT_ID_VARIABLE
from .proc_watch import JobProcesses
from .run_command import run_command
from .spark_settings import read_settings
from .wait_for_log import LogQuery, Verdict, wait_for_log

_SCAN_EVERY_S = 1.0
_APPEARS_S = 5.0  # within this time the log of a driver on this machine is visible
_CLOCK_SKEW_S = 300  # by which the clock of a store may differ from ours


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that is ready to run: its id and environment, the folders where its logs may be, whether its driver runs on
    another machine (`cluster`), and notes to print first."""

    id: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folders: tuple[str, ...]
    cluster: bool
    notes: tuple[str, ...]
    overlay: str | None


@contextmanager
def prepare_submission(
    command: Sequence[str],
    log_dir: str | None = None,
    annotate: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> Iterator[Submission]:
    """Prepares the environment of a command; temporary files are removed at the end of the context.

    Unless the job's settings name a folder for the event log, it goes to `log_dir`. Without `log_dir` it goes to the
    user's data directory, but only if the driver runs on this machine: Spark fails if the folder does not exist.

    Raises:
        InputError: the folder cannot be created.
    """
    submit_id = uuid.uuid4().hex
    found = read_settings(command, environment)
    notes = []
    given = {SUBMIT_ID: submit_id}
    configured = found.settings.get(EVENT_LOG_DIR)
    folders = [configured]
    enabled = found.settings.get(EVENT_LOG_ENABLED, "").lower()
    if enabled == "true":
        folders.append(None if configured else DEFAULT_LOG_DIR)
    elif enabled == "false":
        notes.append("the job's settings turn event logging off, so nothing will be imported")
    elif configured:
        given |= {EVENT_LOG_ENABLED: "true"}
    elif log_dir is not None or (found.kind != "other" and not found.cluster):
        folder = log_dir or str(data_folder() / "event-logs")
        given |= {EVENT_LOG_ENABLED: "true", EVENT_LOG_DIR: _create_folder(folder)}
        folders.append(folder)
    else:
        where = "runs" if found.cluster else "may run"
        notes.append(f"event logging stays off, since the driver {where} on another machine; add --log-dir URI")
    if annotate and found.cluster:
        notes.append(
            "--annotate has no effect in cluster mode, where the driver runs on another machine; call "
            "annotate.autolog() in the job"
        )
    opts = " ".join(f"-D{key}={_quoted(value)}" for key, value in given.items())
    variables = {
        # the user's own options come last, and the JVM takes the last of two
        "SPARK_SUBMIT_OPTS": f"{opts} {environment.get('SPARK_SUBMIT_OPTS', '')}".strip(),
        SUBMIT_ID_VARIABLE: submit_id,
    }
    places = tuple(dict.fromkeys(one for one in (*folders, log_dir) if one))
    with tempfile.TemporaryDirectory(prefix="afterglow-", ignore_cleanup_errors=True) as overlay:
        if annotate:
            variables |= write_overlay(Path(overlay), environment)
        yield Submission(
            submit_id,
            tuple(command),
            {**environment, **variables},
            places,
            found.cluster,
            tuple(notes),
            overlay if annotate and not found.cluster else None,
        )


@dataclass(frozen=True, slots=True)
class CompletedJob:
    """A job that has ended: its exit code, its start (UTC epoch), its processes, and whether it was annotated, if that
    was requested."""

    exit_code: int
    began_s: float
    processes: JobProcesses
    annotated: bool


def run_submission(job: Submission) -> CompletedJob:
    """Runs the job with this process's standard streams, and passes signals on.

    Raises:
        InputError: there is no such program, or it cannot be executed.
    """
    processes, began = JobProcesses(job.id), time.time()
    code = run_command(job.command, job.environment, processes.scan)
    return CompletedJob(code, began, processes, job.overlay is None or was_annotated(Path(job.overlay)))


def find_written_logs(
    job: Submission, completed: CompletedJob, wait_s: float, tell: Callable[[str], None]
) -> Iterator[tuple[EventLog, Verdict] | AfterglowError]:
    """Yields the logs of the job's applications, each awaited as by `wait_for_log`, or the reason why there is none."""
    until = time.monotonic() + wait_s
    appears = min(until, time.monotonic() + (wait_s if job.cluster else _APPEARS_S))
    told = False
    while True:
        alive = completed.processes.scan()
        found, failures = _marked_logs(job, completed)
        now = time.monotonic()
        if (found and not alive) or now >= (until if alive else appears):
            break
        if not told and (alive or job.cluster):
            tell("waiting for the job's processes to end" if alive else "waiting for the job's event log")
            told = True
        time.sleep(min(_SCAN_EVERY_S, max(until - now, 0.01)))
    if not found:
        yield InputError(_nothing_found(job, completed, failures))
    gone = not alive and not job.cluster
    for log in found:
        path = log.name.removesuffix(".inprogress")
        try:
            yield wait_for_log(LogQuery(path=path), max(until - time.monotonic(), 0), tell, lambda: gone)
        except AfterglowError as error:
            yield error


def _marked_logs(job: Submission, completed: CompletedJob) -> tuple[list[EventLog], list[str]]:
    """The logs whose settings hold the submission's id, and the errors of places that cannot be listed."""
    text = f'"{SUBMIT_ID}":"{job.id}"'.encode()
    since_ms = (completed.began_s - _CLOCK_SKEW_S) * 1000
    found: dict[str, EventLog] = {}
    failures = []
    places = [
        unquote(one) if one.startswith("file:") else one for one in (*job.folders, *sorted(completed.processes.folders))
    ]
    for place in dict.fromkeys((*places, *sorted(completed.processes.logs))):
        name = place if os.path.exists(place) or place not in completed.processes.logs else f"{place}.inprogress"
        try:
            for log in discover.discover([name]):
                new = any((file.modified_ms or since_ms) >= since_ms for file in log.files)
                if new and os.path.realpath(log.name) not in found and contains_setting(log, text):
                    found[os.path.realpath(log.name)] = log
        except InputError as error:
            failures.append(str(error))
    return sorted(found.values(), key=lambda log: log.name), failures


def _nothing_found(job: Submission, completed: CompletedJob, failures: Sequence[str]) -> str:
    folders = ", ".join(dict.fromkeys((*job.folders, *sorted(completed.processes.folders)))) or "no folder is known"
    reason = f" ({', '.join(failures)})" if failures else ""
    return (
        f"{' '.join(job.command[:2])}: found no event log of this job in {folders}{reason}; "
        "if the job sets spark.eventLog.dir itself, pass the same folder with --log-dir"
    )


def _create_folder(folder: str) -> str:
    """The URI of the folder, as Spark takes it; creates it if it is on this machine."""
    if "://" in folder and not folder.startswith("file:"):
        return folder
    path = Path(folder.removeprefix("file://").removeprefix("file:")).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(
            f"{path}: cannot create the folder for event logs: {explain(error)}; choose another with --log-dir"
        ) from error
    return path.as_uri()


def _quoted(value: str) -> str:
    # org.apache.spark.launcher.CommandBuilderUtils.parseOptionString
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if any(c in value for c in " \t\"'\\") else value
