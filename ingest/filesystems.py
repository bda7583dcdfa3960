"""The file system of a path or URI: the local one, or one that pyarrow.fs reaches (docs/decisions/0003)."""

import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import platformdirs

from ..schemas.identity import ApplicationIdentity
from ..schemas.logs import without_password
from .errors import InputError
from .storage_errors import STORAGE_ERRORS, explain, is_unreachable

_GCS = ("gs://", "gcs://")
_GCS_LIMIT = "retry_limit_seconds"  # of pyarrow.fs.GcsFileSystem, which retries for 15 minutes by default
_STORAGE_WAIT_S = 30
_PROBE_S = 3  # both clients need about twice as long until they give up
_MOST_NAME_BYTES = 180  # a file name has at most 255 bytes; a suffix and an extension have to fit


def is_local(path: str) -> bool:
    """Whether this is a path of this machine (a `file:` URI too)."""
    return "://" not in path or path.startswith("file:")


def local_path(path: str) -> str:
    """The path that a path or a `file:` URI names. In a URI `%20` is a blank, as Java, Python and browsers write it,
    unless only a file of the undecoded name exists."""
    if not path.startswith("file:"):
        return os.path.expanduser(path)
    plain = path.removeprefix("file://localhost/") if path.startswith("file://localhost/") else path
    plain = "/" + plain if plain is not path else path.removeprefix("file://").removeprefix("file:")
    decoded = unquote(plain)
    return plain if not os.path.lexists(decoded) and os.path.lexists(plain) else decoded


def file_system(uri: str) -> tuple[Any, str]:
    """A pyarrow.fs.FileSystem and the path in it. Outside `file:` URIs `%20` is not a blank. What follows a `?` are the
    file system's options.

    Raises:
        InputError: no such file system, or it cannot be opened.
    """
    import pyarrow.fs

    if is_local(uri):
        return pyarrow.fs.LocalFileSystem(), os.path.abspath(local_path(uri))
    root, path, options = _parts(uri)
    with _reporting(uri):
        system, top = _opened(root, options)
    return system, f"{top}/{path}".rstrip("/") or "/"


def reach_file_system(uri: str) -> tuple[Any, str]:
    """As `file_system`, and asks S3 or GCS for an answer. The first call for a bucket sends one small request.

    Raises:
        InputError: as `file_system`; or there is no answer, after 10 seconds at most.
    """
    found = file_system(uri)
    if not is_local(uri):
        root, _, options = _parts(uri)
        with _reporting(uri):
            _probe(root, options)
    return found


@contextmanager
def _reporting(uri: str) -> Iterator[None]:
    try:
        yield
    except (*STORAGE_ERRORS, ValueError, NotImplementedError) as error:
        raise InputError(f"{without_password(uri)}: cannot be reached: {explain(error)}") from error


def beside(uri: str, path: str) -> str:
    """The URI of another path on the file system of `uri`."""
    root, _, options = _parts(uri)
    _, top = _opened(root, options)
    return root + path.removeprefix(top).lstrip("/") + options


def _parts(uri: str) -> tuple[str, str, str]:
    """`s3://bucket/a/b?region=x` -> `s3://bucket/`, `a/b`, `?region=x`."""
    named, mark, options = uri.partition("?")
    scheme, _, rest = named.partition("://")
    place, _, path = rest.partition("/")
    return f"{scheme}://{place}/", path, mark + options


@cache
def _opened(root: str, options: str, gcs_limit_s: int = _STORAGE_WAIT_S) -> tuple[Any, str]:
    """The file system, and the beginning of its paths: a bucket's name, or nothing. It is opened once, since opening
    asks for credentials and connects."""
    import pyarrow.fs

    for hadoop in ("s3a://", "s3n://"):
        if root.startswith(hadoop):
            root = "s3://" + root.removeprefix(hadoop)
    if root.startswith(_GCS) and _GCS_LIMIT not in options:
        options += f"{'&' if options else '?'}{_GCS_LIMIT}={gcs_limit_s}"
    system, top = pyarrow.fs.FileSystem.from_uri(root + options)
    return system, top.rstrip("/")


@cache
def _probe(root: str, options: str) -> None:
    """Sends one small request. Any answer is good: to read a file one needs no permission for its bucket."""
    import pyarrow.fs

    system, top = _opened(root, options, _PROBE_S)
    if system.type_name == "s3":  # its own ten attempts take 100 s where nothing answers
        make, (settings,) = system.__reduce__()
        once = pyarrow.fs.AwsDefaultS3RetryStrategy(max_attempts=1)
        system = make({**settings, "connect_timeout": _PROBE_S, "request_timeout": _PROBE_S, "retry_strategy": once})
    elif not root.startswith(_GCS):
        return
    try:
        system.get_file_info(top)
    except STORAGE_ERRORS as error:
        if is_unreachable(error):
            raise


def folder_name(app_id: str, attempt: str | None) -> str:
    """`<app_id>` or `<app_id>_<attempt>` as a file name: unsafe characters become `_`, a long name is cut and ends with
    a digest."""
    name = f"{app_id}_{attempt}" if attempt else app_id
    safe = re.sub(r"[^\w.-]", "_", name).lstrip(".") or "unnamed"
    if len(safe.encode()) <= _MOST_NAME_BYTES:
        return safe
    cut = safe.encode()[: _MOST_NAME_BYTES - 33].decode(errors="ignore")
    return f"{cut}_{hashlib.blake2b(name.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def distinct_name(name: str, application: ApplicationIdentity) -> str:
    """A folder name for an application if another one of the same id has the plain `name`."""
    return f"{name}_{application.digest}"


def write_file(path: str, content: bytes) -> str:
    """Writes a local file and makes its folder if needed. Returns its path.

    Raises:
        InputError: it cannot be written.
    """
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {explain(error)}") from error
    return path


def data_folder() -> Path:
    """The folder for what Afterglow keeps on this machine; XDG_DATA_HOME sets where, on every system."""
    home = os.environ.get("XDG_DATA_HOME")
    return Path(home, "afterglow") if home else platformdirs.user_data_path("afterglow", appauthor=False)


def config_folder() -> Path:
    """The folder of the user's configuration; XDG_CONFIG_HOME sets where, on every system."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return Path(home, "afterglow") if home else platformdirs.user_config_path("afterglow", appauthor=False)


def read_toml(path: str) -> dict[str, Any]:
    """The content of a local TOML file.

    Raises:
        ValueError: it cannot be read, or is not valid TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with open(path, "rb") as opened:
            content: dict[str, Any] = tomllib.load(opened)
    except OSError as error:
        raise ValueError(f"{path}: {explain(error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not valid TOML: {error}") from error
    return content


@contextmanager
def path_lock(path: str) -> Iterator[None]:
    """Let one process of this machine at a time be in the context for this local path. The lock is kept outside it.

    Raises:
        InputError: the folder of the locks cannot be used.
    """
    from filelock import FileLock

    name = hashlib.sha256(os.path.realpath(path).encode("utf-8", "replace")).hexdigest()[:32]
    with FileLock(os.path.join(_lock_folder(), f"{name}.lock")):
        yield


def _lock_folder() -> str:
    """The user's folder of locks. Everybody may write beside it, so it must be a folder of this user alone."""
    user = os.getuid() if hasattr(os, "getuid") else None
    folder = os.path.join(tempfile.gettempdir(), f"afterglow-{'user' if user is None else user}")
    try:
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        found = os.lstat(folder)
    except OSError as error:
        raise InputError(f"{folder}: the folder of locks cannot be created: {explain(error)}") from error
    is_open = user is not None and (found.st_uid != user or found.st_mode & 0o077)
    if is_open or not stat.S_ISDIR(found.st_mode):
        raise InputError(f"{folder}: this is not a folder of this user alone; remove it, or set TMPDIR")
    return folder
