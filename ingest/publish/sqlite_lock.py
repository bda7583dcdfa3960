"""One process at a time opens a SQLite store."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator

from filelock import FileLock


@contextlib.contextmanager
def sqlite_lock(tracking_uri: str) -> Iterator[None]:
    """Holds a lock on a SQLite store while the context lasts; does nothing for any other store.

    MLflow creates the tables of a new file by a hundred migrations, without a lock that holds: two processes that open
    it at the same time leave a file that nobody can open.
    """
    if not tracking_uri.startswith("sqlite"):
        yield
        return
    path = os.path.realpath(tracking_uri.split("///", 1)[-1].split("?")[0])
    name = hashlib.sha256(path.encode("utf-8", "replace")).hexdigest()[:32]
    user = os.getuid() if hasattr(os, "getuid") else "user"
    with FileLock(os.path.join(tempfile.gettempdir(), f"afterglow-{user}-{name}.lock")):
        yield
