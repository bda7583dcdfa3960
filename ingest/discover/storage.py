"""Lists and opens files: local paths and everything that pyarrow.fs reaches (docs/decisions/0003).

`s3://bucket/key`, `gs://`, `abfs://` and `hdfs://` go through pyarrow's own file systems, which come with it.
"""

import glob
import os
from collections.abc import Iterator
from typing import BinaryIO

from ...schemas.logs import LogFile, without_password
from ..errors import InputError
from ..filesystems import beside, is_local, local_path, reach_file_system
from ..storage_errors import STORAGE_ERRORS, explain
from ..zip_archives import MAGIC, entries, open_entry


def expand(path: str) -> list[str]:
    """A glob's matches, in order. The path itself if it is not a glob, or if a file has exactly this name.

    Raises:
        InputError: a glob that matches nothing.
    """
    if not is_local(path):
        return _expand_remote(path)
    path = local_path(path)
    if os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    found = sorted(glob.glob(path, recursive=True))
    if not found:
        raise InputError(f"{path}: no file matches; check the pattern, and quote it if the shell should not expand it")
    return found


def walk(path: str) -> Iterator[tuple[str, list[LogFile]]]:
    """(folder, its files) for a folder and all below it, in order; a file alone is (its path, [file]).

    Raises:
        InputError: the path does not exist or cannot be listed.
    """
    if not is_local(path):
        yield from _walk_remote(path)
        return
    if os.path.isfile(path):
        yield path, [_local_file(path)]
        return
    if not os.path.isdir(path):
        raise InputError(f"{path}: no such file or folder; check the path")

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be listed: {explain(error)}") from error

    for folder, below, names in os.walk(path, onerror=fail, followlinks=True):
        below.sort()
        files = [os.path.join(folder, name) for name in sorted(names)]
        yield folder, [_local_file(file) for file in files if os.path.isfile(file)]


def _local_file(path: str) -> LogFile:
    status = os.stat(path)
    return LogFile(path, status.st_size, int(status.st_mtime * 1000))


def open_file(file: LogFile, max_ratio: int = 1000) -> BinaryIO:
    """Opens a file for reading. It is seekable unless it is a zip's member. Of a member, no more than `max_ratio` times
    its stored size can be read.

    Raises:
        InputError: it cannot be opened.
    """
    try:
        raw = _open(file.uri)
        return raw if file.member is None else open_entry(raw, file.member, max_ratio, (file.uri, file.modified_ms))
    except STORAGE_ERRORS as error:
        raise InputError(f"{file.name}: cannot be opened: {explain(error)}") from error


def _open(uri: str) -> BinaryIO:
    if is_local(uri):
        return open(local_path(uri), "rb", buffering=0)
    system, path = reach_file_system(uri)
    opened: BinaryIO = system.open_input_file(path)
    return opened


def in_zip(file: LogFile, look: bool) -> list[LogFile] | None:
    """The files inside a zip archive; None where the file is none. With `look` the file is opened to tell; else only
    its name counts, as on object stores, where opening costs a request.

    Raises:
        InputError: it is an archive, but a broken or dangerous one.
    """
    if not look and not file.uri.split("?")[0].lower().endswith(".zip"):
        return None
    try:
        with _open(file.uri) as raw:
            if not raw.read(4).startswith(MAGIC):
                return None
            inside = entries(raw, (file.uri, file.modified_ms))
            return [LogFile(file.uri, size, file.modified_ms, name) for name, size in inside]
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from error
    except OSError:
        return None  # reading it reports what is wrong


def _walk_remote(uri: str) -> Iterator[tuple[str, list[LogFile]]]:
    import pyarrow.fs

    system, path = reach_file_system(uri)
    try:
        info = system.get_file_info(path)
        if info.type == pyarrow.fs.FileType.NotFound:
            raise InputError(f"{without_password(uri)}: no such file or folder; check the path")
        found = [info] if info.is_file else system.get_file_info(pyarrow.fs.FileSelector(path, recursive=True))
    except STORAGE_ERRORS as error:
        raise InputError(f"{without_password(uri)}: cannot be listed: {explain(error)}") from error
    folders: dict[str, list[LogFile]] = {}
    for entry in sorted(found, key=lambda e: e.path):
        if entry.is_file:
            modified = int(entry.mtime_ns / 1e6) if entry.mtime_ns else None
            folder = beside(uri, entry.path.rsplit("/", 1)[0]).partition("?")[0]
            folders.setdefault(folder, []).append(LogFile(beside(uri, entry.path), entry.size or 0, modified))
    yield from folders.items()


def _expand_remote(uri: str) -> list[str]:
    import fnmatch

    path, _, query = uri.partition("?")
    if not glob.has_magic(path):
        return [uri]
    fixed = path[: min(path.find(c) for c in "*[" if c in path)].rsplit("/", 1)[0]
    tail = "?" + query if query else ""
    depth = path.count("/")
    names = {
        "/".join(file.uri.split("?")[0].split("/")[: depth + 1])
        for _, files in _walk_remote(fixed + tail)
        for file in files
    }
    found = sorted(name + tail for name in names if fnmatch.fnmatchcase(name, path))
    if not found:
        raise InputError(f"{without_password(uri)}: no object matches; check the pattern")
    return found
