"""Find the event logs at paths: every application attempt once, and no other files."""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ..schemas import spark
from ..schemas.identity import ApplicationIdentity
from ..schemas.logs import EventLog, without_password
from . import codecs, decode, discover
from .discover.history_server import DEFAULT_OPTIONS, HistoryServerOptions, is_address
from .errors import AfterglowError, InputError
from .filesystems import is_local
from .orchestrators import find_orchestrator_runs, orchestrator_fields
from .redaction.text import redact_texts

_HEAD_BYTES = 2**20
_HEADS_AT_ONCE = 32
_SETTINGS_BYTES = 2**23  # EnvironmentUpdate is of a few hundred KB, most of them Hadoop's settings and the class path
_GIVEN_UP_S = 24 * 3600  # Spark writes on every stage and job; few sessions are idle for a day
# The line of an event, or its rest after damage; not the text of a program that mentions events.
_EVENT = re.compile(rb'[^"]{0,64}\{\s*"Event"\s*:\s*"')


_HEADS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Head:
    """What the first lines of a log say. `is_log` is False if they are not events."""

    is_log: bool
    app_id: str | None = None
    app_attempt: str | None = None
    name: str | None = None
    user: str | None = None
    start_time_ms: int | None = None
    orchestrators: Mapping[str, str] = field(default_factory=dict)
    """Fields of the orchestrators' runs, such as `airflow.dag`."""
    digest: str = ""
    """Of these lines, up to the ApplicationStart."""

    @property
    def identity(self) -> ApplicationIdentity | None:
        """The application; None if the head does not say it."""
        if self.app_id is None:
            return None
        return ApplicationIdentity(self.app_id, self.app_attempt, self.start_time_ms, self.name)


_HEADS: dict[EventLog, Head] = {}


def find_logs(paths: Iterable[str], server: HistoryServerOptions = DEFAULT_OPTIONS) -> list[EventLog]:
    """The event logs at these paths.

    Files in folders that do not begin like an event log are skipped. Of several logs of one application (a copy, an
    `.inprogress` beside the finished log) the fullest is returned; its `copies` names the others.

    Raises:
        InputError: a path does not exist or cannot be listed, or there is no event log.
    """
    paths = list(paths)
    found = list(list_logs(paths, server))
    named = {without_password(path) for path in paths}
    logs: list[EventLog] = []
    first_at: dict[ApplicationIdentity | str, int] = {}
    if len(found) == 1 and found[0].name in named:
        return found
    for log, head in zip(found, read_heads(found), strict=True):
        if not head.is_log and log.layout == "single" and log.name not in named:
            continue
        first = first_at.setdefault(head.identity or log.name, len(logs))
        if first == len(logs):
            logs.append(log)
            continue
        fuller, other = sorted((logs[first], log), key=lambda one: (one.in_progress, -one.size))
        logs[first] = replace(fuller, copies=(*logs[first].copies, *log.copies, other.name))
    if not logs:
        raise nothing_found(paths, found)
    return logs


def find_log(path: str, server: HistoryServerOptions = DEFAULT_OPTIONS) -> EventLog:
    """The one event log at a path.

    Raises:
        InputError: as `find_logs`, or there are several.
    """
    logs = find_logs([path], server)
    if len(logs) != 1:
        raise InputError(f"{without_password(path)}: holds {len(logs):,} event logs; name one of them")
    return logs[0]


def nothing_found(paths: Sequence[str], skipped: Sequence[EventLog]) -> InputError:
    """The error for paths without an event log; `skipped` are the files that were looked at."""
    places = ", ".join(without_password(path) for path in paths)
    files = [file for log in skipped for file in log.files]
    looked = f"looked at {len(files):,} file{'' if len(files) == 1 else 's'}" if files else "there are no files"
    return InputError(f"{places}: no event log found ({looked}); name the folder that spark.eventLog.dir is set to")


def list_logs(paths: Iterable[str], server: HistoryServerOptions = DEFAULT_OPTIONS) -> Iterator[EventLog]:
    """The possible logs at these paths, by their names.

    A log that its name calls in progress, but that was not written for a day, is returned as finished: a killed driver
    leaves such a name for ever. Raises as `find_logs` does.
    """
    before = (time.time() - _GIVEN_UP_S) * 1000
    for log in discover.discover(paths, server):
        written = max((file.modified_ms or 0 for file in log.files), default=0)
        yield replace(log, in_progress=False) if log.in_progress and 0 < written < before else log


def check_listed(paths: Iterable[str], orchestrators: Mapping[str, str]) -> None:
    """Check that filters by fields of orchestrators can be answered.

    Raises:
        InputError: a path is a History Server, which does not list these fields.
    """
    server = next((without_password(path) for path in paths if is_address(path)), None)
    if server is not None and orchestrators:
        raise InputError(f"{server}: a History Server does not list orchestrators; name the folder of its logs")


def read_heads(logs: Sequence[EventLog]) -> list[Head]:
    """The head of each log; remote ones are read in parallel, since most of that time is latency."""
    is_remote = any(not is_local(file.uri) for log in logs for file in log.files[:1])
    if not is_remote:
        found = _redacted(list(map(_peek, logs)))
    else:
        with ThreadPoolExecutor(_HEADS_AT_ONCE, "afterglow-heads") as pool:
            found = _redacted(list(pool.map(_peek, logs)))
    for log, head in zip(logs, found, strict=True):
        _keep(log, head)
    return found


def _redacted(found: list[Head]) -> list[Head]:
    """The heads without secrets, as the tables have them. Redacting many together costs as much as redacting one."""
    texts = redact_texts([text for head in found for text in (head.app_id, head.app_attempt, head.name, head.user)])
    four = zip(*[iter(texts)] * 4, strict=True)
    return [
        replace(head, app_id=app_id, app_attempt=attempt, name=name, user=user, orchestrators=_shown(head))
        for head, (app_id, attempt, name, user) in zip(found, four, strict=True)
    ]


def _shown(head: Head) -> Mapping[str, str]:
    fields = head.orchestrators
    texts = redact_texts(list(fields.values())) if fields else []
    return {name: text or "" for name, text in zip(fields, texts, strict=True)}


def peek(log: EventLog) -> Head:
    """The head of one log; see `read_heads`. It is read once for the same sizes and modification times."""
    head = _HEADS.get(log)
    if head is None:
        head = _redacted([_peek(log)])[0]
        _keep(log, head)
    return head


def _keep(log: EventLog, head: Head) -> None:
    if head.app_id is not None and all(file.modified_ms for file in log.files):  # else it may be readable later
        while len(_HEADS) >= _HEADS_KEPT:
            del _HEADS[next(iter(_HEADS))]
        _HEADS[log] = head


def _peek(log: EventLog) -> Head:
    """Reads the first events of a log, up to the start of its application.

    A log that cannot be opened counts as a log, so that reading it reports the error. A log on a History Server is not
    read at all: its list says what the application is, but not what its orchestrators are.
    """
    if not log.files or is_address(log.files[0].uri):
        one = log.listed
        if one is None:
            return Head(True)
        return Head(True, one.app_id, one.attempt, one.name, log.listed_user, one.start_time_ms)
    try:
        with discover.open_file(log.files[0]) as raw:
            _, chunks = codecs.open_stream(raw)
            return _head(chunks)
    except (AfterglowError, OSError, codecs.LimitExceeded):
        return Head(True)


def contains_setting(log: EventLog, text: bytes) -> bool:
    """Whether the first events of a log, which hold its settings, contain a text. False if it cannot be read (yet)."""
    try:
        with discover.open_file(log.files[0]) as raw:
            _, chunks = codecs.open_stream(raw)
            seen = b""
            for chunk in chunks:
                seen += chunk if isinstance(chunk, bytes) else b""
                if text in seen:
                    return True
                if len(seen) > _SETTINGS_BYTES:
                    return False
    except (AfterglowError, OSError, codecs.LimitExceeded, IndexError):
        return False
    return False


def _head(chunks: Iterable[bytes | codecs.Gap]) -> Head:
    decoded, seen, empty, digest = decode.Decoded(), 0, True, hashlib.blake2b(digest_size=16)
    whole = (chunk for chunk in chunks if isinstance(chunk, bytes))
    is_log = False
    for batch in decode.split_lines(whole, lambda issue: None):
        for at, line in enumerate(batch.lines):
            empty = empty and not line
            seen += len(line)
            digest.update(line + b"\n")
            if not _EVENT.match(line):
                continue
            is_log = True
            decode.decode_lines(decode.Lines(line, batch.offset, batch.number + at), decoded, lambda issue: None)
            start: Any
            for start in decoded.events[spark.APPLICATION_START]:
                first = (start.app_id, start.app_attempt_id, start.app_name, start.user, start.timestamp)
                return Head(True, *first, _orchestrators(decoded), digest.hexdigest())
        if seen > _HEAD_BYTES:
            break
    return Head(is_log or empty, digest=digest.hexdigest())


def _orchestrators(decoded: decode.Decoded) -> Mapping[str, str]:
    properties: dict[str, str] = {}
    event: Any
    for event in decoded.events[spark.ENVIRONMENT_UPDATE]:  # SparkContext posts it before ApplicationStart
        given = {**(event.system_properties or {}), **(event.spark_properties or {})}
        properties.update({key: value for key, value in given.items() if isinstance(value, str)})
    return orchestrator_fields(find_orchestrator_runs(properties))
