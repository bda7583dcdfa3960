"""Let one process at a time open a SQLite store."""

import contextlib

from ..filesystems import path_lock


def sqlite_lock(tracking_uri: str) -> contextlib.AbstractContextManager[None]:
    """Hold a lock on a SQLite store while in the context. Do nothing for other stores.

    MLflow creates the tables of a new file with a hundred migrations and no effective lock. Two processes that open it
    at the same time leave an unusable file.
    """
    if not tracking_uri.startswith("sqlite"):
        return contextlib.nullcontext()
    return path_lock(tracking_uri.split("///", 1)[-1].split("?")[0])
