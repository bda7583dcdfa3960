"""Let one process at a time open a SQLite store."""

import contextlib
from collections.abc import Iterator

from ..filesystems import path_lock


@contextlib.contextmanager
def sqlite_lock(tracking_uri: str) -> Iterator[None]:
    """Hold a lock on a SQLite store while in the context. Do nothing for other stores.

    MLflow creates the tables of a new file with a hundred migrations and no effective lock. Two processes that open it
    at the same time leave an unusable file.
    """
    if not tracking_uri.startswith("sqlite"):
        yield
        return
    with path_lock(tracking_uri.split("///", 1)[-1].split("?")[0]):
        yield
