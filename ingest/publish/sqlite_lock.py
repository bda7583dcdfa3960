"""Let one process at a time open a SQLite store."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator

from filelock import FileLock


@contextlib.contextmanager
def sqlite_lock(tracking_uri: str) -> Iterator[None]:
    """Hold a lock on a SQLite store while in the context. Do nothing for other stores.

    MLflow creates the tables of a new file with a hundred migrations and no effective lock. Two processes that open it
    at the same time leave an unusable file.
    """
    if not tracking_uri.startswith("sqlite"):
        yield
        return
    path = os.path.realpath(tracking_uri.split("///", 1)[-1].split("?")[0])
    name = hashlib.sha256(path.encode("utf-8", "replace")).hexdigest()[:32]
    user = os.getuid() if hasattr(os, "getuid") else "user"
    with FileLock(os.path.join(tempfile.gettempdir(), f"afterglow-{user}-{name}.lock")):
        yield
