"""What a backfill runs on: this machine, or a Spark cluster."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .local import Engine, Here


@contextmanager
def open_engine(name: str, master: str | None = None, settings: Mapping[str, str] | None = None) -> Iterator[Engine]:
    """`local` or `spark`, for as long as the context lasts; `master` and `settings` are Spark's.

    Raises:
        InputError: Spark is missing or does not start, or its executors have no Afterglow of this version.
    """
    if name != "spark":
        yield Here()
        return
    from .spark_engine import on_spark

    with on_spark(master, settings or {}) as there:
        yield there
