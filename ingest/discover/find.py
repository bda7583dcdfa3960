"""Paths -> event logs, each file once."""

import os
import re
from collections.abc import Iterable, Iterator

from ...schemas.logs import EventLog, LogFile
from ..filesystems import is_local
from . import history_server, layout, storage


def discover(
    paths: Iterable[str], server: history_server.HistoryServerOptions = history_server.DEFAULT_OPTIONS
) -> Iterator[EventLog]:
    """The event logs at these paths, in order, each once however often it is named.

    A path is a log, the folder of one log (rolling, Databricks, Spark 1.0 to 1.2), a zip archive, a folder that holds
    any of these at any depth, a glob, a URI, or a History Server's address. Inside folders, files whose names no log
    has are skipped. Whether a file is a log is decided by its reader.

    Raises:
        InputError: a path does not exist, cannot be listed, or is an archive that must not be opened.
    """
    seen: set[str] = set()
    for pattern in paths:
        for log in _at(pattern, server):
            files = {_identity(file) for file in log.files}
            if not files or not seen.issuperset(files):
                seen.update(files)
                yield log


def _at(pattern: str, server: history_server.HistoryServerOptions) -> Iterator[EventLog]:
    if history_server.is_address(pattern):
        yield from history_server.applications(pattern, server)
        return
    for path in storage.expand(pattern):
        for folder, files in storage.walk(path):
            if len(files) == 1 and files[0].uri == path:
                yield from _single(files[0], look=True)
            else:
                yield from _folder(folder, files)


def _identity(file: LogFile) -> str:
    return (os.path.realpath(file.uri) if is_local(file.uri) else file.uri) + "!" + (file.member or "")


def _name(file: LogFile) -> str:
    """The file's name in its folder or archive; the number of a member whose name is there twice is left out."""
    if file.member is None:
        return layout.base_name(file.uri.split("?")[0])
    return re.sub(r"#\d+$", "", layout.base_name(file.member.rpartition("!")[2]))


def _folder_of(member: str) -> str:
    """The folder of a zip's member; a nested archive counts as one."""
    return member[: max(member.rfind("/"), member.rfind("!"), 0)]


def _folder(folder: str, files: list[LogFile]) -> Iterator[EventLog]:
    named = [(_name(file), file) for file in files]
    names = [name for name, _ in named]
    if layout.is_rolling(names):
        yield layout.rolling(folder, named)
        return
    if layout.is_spark_1(names):
        yield layout.spark_1(folder, named)
        return
    if layout.is_databricks(names):
        log = layout.databricks(folder, named)
        yield log
        named = [(name, file) for name, file in named if file not in log.files]
    for name, file in named:
        if layout.may_be_log(name):
            yield from _single(file, look=is_local(file.uri))


def _single(file: LogFile, look: bool) -> Iterator[EventLog]:
    inside = storage.in_zip(file, look) if file.member is None else None
    if inside is None:
        yield layout.single(file)
        return
    folders: dict[str, list[LogFile]] = {}
    for member in inside:
        folders.setdefault(_folder_of(member.member or ""), []).append(member)
    for name in sorted(folders):
        yield from _folder(f"{file.uri}!{name}" if name else file.uri, folders[name])
