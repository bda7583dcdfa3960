"""Which logs a call is about: each application attempt once, and no file that is no log."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from ..schemas import spark
from ..schemas.logs import EventLog, without_password
from . import codecs, decode, discover
from .errors import AfterglowError
from .filesystems import is_local
from .redaction.text import redact_texts

_HEAD_BYTES = 2**20
_HEADS_AT_ONCE = 32
_SETTINGS_BYTES = 2**23  # EnvironmentUpdate is of a few hundred KB, most of them Hadoop's settings and the class path
_GIVEN_UP_S = 24 * 3600  # Spark writes on every stage and job; a session that nobody uses for so long is rare
# An event's line, or what damage before it left of one; not a program's text that speaks of events.
_EVENT = re.compile(rb'[^"]{0,64}\{\s*"Event"\s*:\s*"')


@dataclass(frozen=True, slots=True)
class Head:
    """What the first lines of a log say. `is_log` is False where they are no events."""

    is_log: bool
    app_id: str | None = None
    app_attempt: str | None = None
    name: str | None = None
    user: str | None = None
    start_time_ms: int | None = None


def find_logs(paths: Iterable[str]) -> list[EventLog]:
    """The event logs at these paths.

    Files inside folders that do not begin like a log are passed over. Where one application attempt lies in several
    places (a copy, an `.inprogress` beside the finished log), the fullest is taken and names the others.

    Raises:
        InputError: a path does not exist or cannot be listed.
    """
    paths = list(paths)
    found = list(listed(paths))
    named = {without_password(path) for path in paths}
    if len(found) < 2:
        return found if found and found[0].name in named else [log for log in found if peek(log).is_log]
    logs: list[EventLog] = []
    at: dict[tuple[str, str | None], int] = {}
    for log, head in zip(found, heads(found), strict=True):
        if not head.is_log and log.layout == "single" and log.name not in named:
            continue
        first = at.setdefault((head.app_id or log.name, head.app_attempt), len(logs))
        if first == len(logs):
            logs.append(log)
            continue
        fuller, other = sorted((logs[first], log), key=lambda one: (one.in_progress, -one.size))
        logs[first] = replace(fuller, copies=(*logs[first].copies, *log.copies, other.name))
    return logs


def listed(paths: Iterable[str]) -> Iterator[EventLog]:
    """The logs at these paths, by their names. One that is still being written by its name, but was not for a day, is
    not in progress: a killed driver leaves it so for ever. Raises as `find_logs` does."""
    before = (time.time() - _GIVEN_UP_S) * 1000
    for log in discover.discover(paths):
        written = max((file.modified_ms or 0 for file in log.files), default=0)
        yield replace(log, in_progress=False) if log.in_progress and 0 < written < before else log


def heads(logs: Sequence[EventLog]) -> list[Head]:
    """Each log's head. Far away most of the time is waiting for answers, so many are asked at once."""
    far = any(not is_local(file.uri) for log in logs for file in log.files[:1])
    if not far:
        return _redacted(list(map(_peek, logs)))
    with ThreadPoolExecutor(_HEADS_AT_ONCE, "afterglow-heads") as pool:
        return _redacted(list(pool.map(_peek, logs)))


def _redacted(found: list[Head]) -> list[Head]:
    """The heads without secrets, as the tables have them. All at once, since redacting costs the same for many."""
    texts = redact_texts([text for head in found for text in (head.app_id, head.app_attempt, head.name, head.user)])
    four = zip(*[iter(texts)] * 4, strict=True)
    return [
        replace(head, app_id=app_id, app_attempt=attempt, name=name, user=user)
        for head, (app_id, attempt, name, user) in zip(found, four, strict=True)
    ]


def peek(log: EventLog) -> Head:
    """The head of one log, see `heads`."""
    return _redacted([_peek(log)])[0]


def _peek(log: EventLog) -> Head:
    """Reads as little of a log as says which application it is. A log that cannot be opened counts as one: the reader
    will say what is wrong with it. Of a log on a History Server nothing is read."""
    if not log.files or log.files[0].uri.startswith("http"):
        return Head(True)
    try:
        with discover.open_file(log.files[0]) as raw:
            _, chunks = codecs.open_stream(raw)
            return _head(chunks)
    except (AfterglowError, OSError, codecs.LimitExceeded):
        return Head(True)


def carries(log: EventLog, text: bytes) -> bool:
    """Whether a text stands in a log's first events: its settings are there. False where it cannot be read (yet)."""
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
    decoded, seen, empty = decode.Decoded(), 0, True
    whole = (chunk for chunk in chunks if isinstance(chunk, bytes))
    is_log = False
    for batch in decode.split_lines(whole, lambda issue: None):
        for at, line in enumerate(batch.lines):
            empty = empty and not line
            seen += len(line)
            if not _EVENT.match(line):
                continue
            is_log = True
            decode.decode_lines(decode.Lines(line, batch.offset, batch.number + at), decoded, lambda issue: None)
            start: Any
            for start in decoded.events[spark.APPLICATION_START]:
                return Head(True, start.app_id, start.app_attempt_id, start.app_name, start.user, start.timestamp)
        if seen > _HEAD_BYTES:
            break
    return Head(is_log or empty)
