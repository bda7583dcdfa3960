"""The identity of an import: a log's files, the Afterglow version, and the options."""

import hashlib

from ..schemas.logs import EventLog


def fingerprint(log: EventLog, version: str, options: str) -> str:
    """What an import depends on: the log's files as they are now, the Afterglow that reads them, the options."""
    # A History Server does not say how large a log is, but when it was last updated.
    parts = [
        version,
        options,
        *(f"{file.name.rsplit('/', 1)[-1]} {file.size or file.modified_ms}" for file in log.files),
    ]
    if log.in_progress:  # the same bytes say something else once nobody writes any more
        parts.append("in progress")
    if any("://" in file.uri and not file.size for file in log.files):
        parts.append(log.name)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
