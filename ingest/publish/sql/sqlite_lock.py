"""One process at a time opens a local database."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def alone(tracking_uri: str) -> Iterator[None]:
    """Holds a lock on a SQLite store for as long as the context lasts; nothing for any other store.

    MLflow makes the tables of a new file by a hundred migrations and without a lock that holds: two processes that open
    it at the same time leave a file that no one can open any more.
    """
    if not tracking_uri.startswith("sqlite") or fcntl is None:
        yield
        return
    path = os.path.realpath(tracking_uri.split("///", 1)[-1].split("?")[0])
    name = hashlib.sha256(path.encode("utf-8", "replace")).hexdigest()[:24]
    with open(os.path.join(tempfile.gettempdir(), f"afterglow-{os.getuid()}-{name}.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
