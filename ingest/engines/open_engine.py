"""Open an engine by its name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .interface import Engine, EngineName
from .local import LocalEngine


@contextmanager
def open_engine(
    name: EngineName, master: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Engine]:
    """Opens an engine for the duration of the context; `master` and `settings` are Spark's.

    Raises:
        InputError: Spark is missing or does not start, or its executors lack this version of Afterglow.
    """
    if name != "spark":
        yield LocalEngine()
        return
    from .spark_engine import open_spark  # needs pyspark

    with open_spark(master, settings or {}) as engine:
        yield engine
