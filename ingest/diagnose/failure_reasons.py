"""Shorten the failure reasons of tasks and jobs for display, and recognize reasons that are the same."""

import re

from .. import arrow
from ..application_view import ApplicationView
from ..arrow import Array

_LENGTH = 200
_BY_CHANCE = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{4,}\b|0x[0-9a-f]+|@[0-9a-f]{5,}|\b[\w-]+(?:\.[\w-]+)+:\d+|\d[\d.,:]*", re.I
)
"""UUIDs, addresses in memory, hash codes, hosts with ports, numbers."""


def failure_reasons(app: ApplicationView, rows: Array) -> list[str]:
    """The failure reason of each of these tasks; empty if the log has none."""
    if not len(rows):
        return []
    return [reason or "" for reason in app.tasks["failure_reason"].take(arrow.from_numpy(rows, "int64")).to_pylist()]


def same_reason(reason: str) -> str:
    """A form of the reason that is equal for failures that differ only in numbers, ids and addresses."""
    return _BY_CHANCE.sub("#", shorten(reason))


def shorten(text: str | None) -> str:
    """The reason on one line: the last line of a Python traceback, or the message of a JVM stack trace."""
    lines = (text or "").split("\n")
    filled = [part for part in lines if part.strip() and not part.strip().startswith("SQLSTATE")]
    if "Traceback" in (text or "") and len(filled) > 1:
        lines = [part for part in filled if not re.match(r"\s+(at |File |\S)|Driver stacktrace|Caused by", part)][-1:]
    lines = [part for part in lines if not re.match(r"\s+at ", part)]
    line = " ".join(" ".join(lines).split()).rstrip(".")
    return line if len(line) <= _LENGTH else line[: _LENGTH - 1] + "…"
