"""Paths -> event logs, each once."""

import os
from collections.abc import Iterable, Iterator

from ...schemas.logs import EventLog, LogFile
from . import layout, places


def discover(paths: Iterable[str]) -> Iterator[EventLog]:
    """The event logs at these paths, in order, each file once however often it is named.

    A path is a log, a rolling or Databricks folder, a folder of such (searched below too), a glob or a URI. Files that
    cannot be logs by their name are passed over inside folders; whether a file is a log is for the reader to say.

    Raises:
        InputError: a path does not exist or cannot be listed.
    """
    seen: set[str] = set()
    for pattern in paths:
        for path in places.expand(pattern):
            for log in _logs(path):
                files = tuple(_identity(file) for file in log.files)
                if not seen.issuperset(files) or not files:
                    seen.update(files)
                    yield log


def _identity(file: LogFile) -> str:
    return (os.path.realpath(file.uri) if places.is_local(file.uri) else file.uri) + "!" + (file.member or "")


def _logs(path: str) -> Iterator[EventLog]:
    for folder, files in places.walk(path):
        if [file.uri for file in files] == [folder] or (len(files) == 1 and files[0].uri == path):
            yield layout.single(files[0])
            continue
        named = [(layout.base_name(file.uri.split("?")[0]), file) for file in files]
        names = [name for name, _ in named]
        if layout.is_rolling(names):
            yield layout.rolling(folder, named)
        elif layout.is_databricks(names):
            yield layout.databricks(folder, named)
        else:
            for name, file in named:
                if layout.may_be_log(name):
                    yield layout.single(file)
