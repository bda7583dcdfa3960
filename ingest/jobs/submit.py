"""A job run as it is, with its event log made sure of, and the logs it has written found again.

Settings are given through SPARK_SUBMIT_OPTS: system properties of the JVM that spark-submit starts, which is what
`python train.py` starts too (org.apache.spark.launcher.SparkSubmitCommandBuilder). No other way to set anything is as
weak: spark-defaults.conf, --properties-file, --conf and the job's own code all win, in client and in cluster mode.
So what the user has set stays without our having to know it.
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
from ..find_logs import carries
from .overlay import annotated, inside
from .proc_watch import SUBMIT_ID as SUBMIT_ID_VARIABLE
from .proc_watch import Watched
from .run_command import run_child
from .spark_settings import settings
from .wait_for_log import LogQuery, Verdict, wait_for_log

_LOOK_EVERY_S = 1.0
_APPEARS_S = 5.0  # within which a log is there that a driver of this machine has written
_CLOCKS_S = 300  # by which a store's clock may differ from ours


@dataclass(frozen=True, slots=True)
class Submission:
    """A job about to be run: its id, its environment, where its logs may be, whether its driver is known to run
    elsewhere, and what is to be said before it runs."""

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
    """What has to be there for the command to run; what is temporary goes at the end.

    Event logging goes to `log_dir`, unless it is configured. Without `log_dir`, to a folder in the user's data
    directory where the driver is known to run here: a folder that a driver does not find would end its job.

    Raises:
        InputError: the folder cannot be made.
    """
    submit_id = uuid.uuid4().hex
    seen = settings(command, environment)
    notes = []
    given = {SUBMIT_ID: submit_id}
    theirs = seen.settings.get(EVENT_LOG_DIR)
    folders = [theirs]
    enabled = seen.settings.get(EVENT_LOG_ENABLED, "").lower()
    if enabled == "true":
        folders.append(None if theirs else DEFAULT_LOG_DIR)
    elif enabled == "false":
        notes.append("the job's settings switch event logging off, and stay so: nothing will be imported")
    elif theirs:
        given |= {EVENT_LOG_ENABLED: "true"}
    elif log_dir is not None or (seen.kind != "other" and not seen.cluster):
        folder = log_dir or _default_folder()
        given |= {EVENT_LOG_ENABLED: "true", EVENT_LOG_DIR: _made(folder)}
        folders.append(folder)
    else:
        where = "the driver runs on another machine" if seen.cluster else f"{command[0]} may start a driver elsewhere"
        notes.append(f"event logging is left as it is, as {where}; --log-dir URI, which both reach, switches it on")
    if annotate and seen.cluster:
        notes.append(
            "--annotate does nothing in cluster mode, as the driver is not started here; the job itself has to call "
            "annotate.autolog()"
        )
    opts = " ".join(f"-D{key}={_quoted(value)}" for key, value in given.items())
    ours = {
        # the user's own options last: of two, the JVM takes the last
        "SPARK_SUBMIT_OPTS": f"{opts} {environment.get('SPARK_SUBMIT_OPTS', '')}".strip(),
        SUBMIT_ID_VARIABLE: submit_id,
    }
    places = tuple(dict.fromkeys(one for one in (*folders, log_dir) if one))
    with tempfile.TemporaryDirectory(prefix="afterglow-", ignore_cleanup_errors=True) as overlay:
        if annotate:
            ours |= inside(Path(overlay), environment)
        everything = {**environment, **ours}
        yield Submission(
            submit_id,
            tuple(command),
            everything,
            places,
            seen.cluster,
            tuple(notes),
            overlay if annotate and not seen.cluster else None,
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """A job that was run: its exit code, when it began, what was seen of it meanwhile, whether it was annotated."""

    exit_code: int
    began_s: float
    watched: Watched
    annotated: bool


def run_submission(job: Submission) -> Ran:
    """Runs it, with our own standard streams and signals passed on.

    Raises:
        InputError: there is no such program, or it may not be run.
    """
    watched, began = Watched(job.id), time.time()
    code = run_child(job.command, job.environment, watched.look)
    return Ran(code, began, watched, job.overlay is None or annotated(Path(job.overlay)))


def written_logs(
    job: Submission, ran: Ran, wait_s: float, tell: Callable[[str], None]
) -> Iterator[tuple[EventLog, Verdict] | AfterglowError]:
    """The logs of the applications that the job started, each awaited as by `wait_for_log`, or why there is none."""
    until = time.monotonic() + wait_s
    appears = min(until, time.monotonic() + (wait_s if job.cluster else _APPEARS_S))
    told = False
    while True:
        alive = ran.watched.look()
        found, failures = _marked(job, ran)
        now = time.monotonic()
        if (found and not alive) or now >= (until if alive else appears):
            break
        if not told and (alive or job.cluster):
            tell("waiting until all that the job has started is over" if alive else "waiting for the job's event log")
            told = True
        time.sleep(min(_LOOK_EVERY_S, max(until - now, 0.01)))
    if not found:
        yield InputError(_none(job, ran, failures))
    gone = alive is False and not job.cluster
    for log in found:
        path = log.name.removesuffix(".inprogress")
        try:
            yield wait_for_log(LogQuery(path=path), max(until - time.monotonic(), 0), tell, lambda: gone)
        except AfterglowError as error:
            yield error


def _marked(job: Submission, ran: Ran) -> tuple[list[EventLog], list[str]]:
    """The logs that carry the submission's id, and which places could not be looked at."""
    text = f'"{SUBMIT_ID}":"{job.id}"'.encode()
    since_ms = (ran.began_s - _CLOCKS_S) * 1000
    found: dict[str, EventLog] = {}
    failures = []
    told = [unquote(one) if one.startswith("file:") else one for one in (*job.folders, *sorted(ran.watched.folders))]
    for place in dict.fromkeys((*told, *sorted(ran.watched.logs))):
        name = place if os.path.exists(place) or place not in ran.watched.logs else f"{place}.inprogress"
        try:
            for log in discover.discover([name]):
                new = any((file.modified_ms or since_ms) >= since_ms for file in log.files)
                if new and os.path.realpath(log.name) not in found and carries(log, text):
                    found[os.path.realpath(log.name)] = log
        except InputError as error:
            failures.append(str(error))
    return sorted(found.values(), key=lambda log: log.name), failures


def _none(job: Submission, ran: Ran, failures: Sequence[str]) -> str:
    looked = ", ".join(dict.fromkeys((*job.folders, *sorted(ran.watched.folders)))) or "no folder is known"
    why = f" ({'; '.join(failures)})" if failures else ""
    return (
        f"{' '.join(job.command[:2])}: none of the event logs is this job's, looked in: {looked}{why}; did it start "
        "Spark? If it says itself where its log goes, say the same with --log-dir"
    )


def _default_folder() -> str:
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(home, "afterglow", "event-logs")


def _made(folder: str) -> str:
    """The folder as Spark wants it, a URI; made where it is one of this machine."""
    if "://" in folder and not folder.startswith("file:"):
        return folder
    path = Path(folder.removeprefix("file://").removeprefix("file:")).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise InputError(
            f"{path}: the folder for event logs cannot be made: {error.strerror}; see --log-dir"
        ) from error
    return path.as_uri()


def _quoted(value: str) -> str:
    # org.apache.spark.launcher.CommandBuilderUtils.parseOptionString
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if any(c in value for c in " \t\"'\\") else value
