"""Paths -> event logs, each file once."""

import os
from collections.abc import Iterable, Iterator

from ...schemas.logs import EventLog, LogFile
from ..filesystems import is_local
from . import history_server, layout, places


def discover(paths: Iterable[str]) -> Iterator[EventLog]:
    """The event logs at these paths, in order, each once however often it is named.

    A path is a log, a rolling or Databricks folder, a zip archive, a folder of such (searched below too), a glob, a
    URI, or a History Server's address. Files that cannot be logs by their name are passed over inside folders; whether
    a file is a log is for the reader to say.

    Raises:
        InputError: a path does not exist, cannot be listed, or is an archive that must not be opened.
    """
    seen: set[str] = set()
    for pattern in paths:
        for log in _at(pattern):
            files = {_identity(file) for file in log.files}
            if not files or not seen.issuperset(files):
                seen.update(files)
                yield log


def _at(pattern: str) -> Iterator[EventLog]:
    if pattern.startswith(("http://", "https://")):
        yield from history_server.applications(pattern)
        return
    for path in places.expand(pattern):
        for folder, files in places.walk(path):
            if len(files) == 1 and files[0].uri == path:
                yield from _single(files[0], look=True)
            else:
                yield from _folder(folder, files)


def _identity(file: LogFile) -> str:
    return (os.path.realpath(file.uri) if is_local(file.uri) else file.uri) + "!" + (file.member or "")


def _folder(folder: str, files: list[LogFile]) -> Iterator[EventLog]:
    named = [(layout.base_name(file.member or file.uri.split("?")[0]), file) for file in files]
    names = [name for name, _ in named]
    if layout.is_rolling(names):
        yield layout.rolling(folder, named)
        return
    if layout.is_databricks(names):
        log = layout.databricks(folder, named)
        yield log
        named = [(name, file) for name, file in named if file not in log.files]
    for name, file in named:
        if layout.may_be_log(name):
            yield from _single(file, look=is_local(file.uri))


def _single(file: LogFile, look: bool) -> Iterator[EventLog]:
    inside = places.in_zip(file, look) if file.member is None else None
    if inside is None:
        yield layout.single(file)
        return
    folders: dict[str, list[LogFile]] = {}
    for member in inside:
        folders.setdefault((member.member or "").rpartition("/")[0], []).append(member)
    for name in sorted(folders):
        yield from _folder(f"{file.uri}!{name}" if name else file.uri, folders[name])
