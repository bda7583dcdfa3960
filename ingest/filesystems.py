"""Which file system a path or URI is on: this machine's, or one that pyarrow.fs reaches (docs/decisions/0003)."""

import os
import re
from typing import Any

from .errors import InputError


def is_local(path: str) -> bool:
    """Whether this is a path of this machine (a `file:` URI too)."""
    return "://" not in path or path.startswith("file:")


def local_path(path: str) -> str:
    """A local path without its `file:`."""
    return path.removeprefix("file://").removeprefix("file:") if path.startswith("file:") else os.path.expanduser(path)


def file_system(uri: str) -> tuple[Any, str]:
    """A pyarrow.fs.FileSystem and the path there.

    Raises:
        InputError: no such file system, or it cannot be reached.
    """
    import pyarrow.fs

    if is_local(uri):
        return pyarrow.fs.LocalFileSystem(), os.path.abspath(local_path(uri))
    if uri.startswith(("s3a://", "s3n://")):  # Hadoop's names of it
        uri = "s3" + uri[3:]
    try:
        return pyarrow.fs.FileSystem.from_uri(uri)  # type: ignore[no-any-return]
    except (OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{uri}: cannot be reached: {error}") from error


def folder_name(app_id: str, attempt: str | None) -> str:
    """`<app_id>` or `<app_id>_<attempt>`, with what no file name should hold replaced by `_`."""
    return re.sub(r"[^\w.-]", "_", f"{app_id}_{attempt}" if attempt else app_id).lstrip(".") or "unnamed"
