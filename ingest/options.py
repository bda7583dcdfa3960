"""How a log is read and imported: the options of the Python API and of the command line."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..schemas.findings.thresholds import Thresholds

Progress = Callable[[int], None]
"""Called with the number of stored bytes that were read since the last call."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read. Limits for untrusted input: a line's length, and how many times larger a file may get when it is
    decompressed. `workers` is the number of threads that read one large log; the result does not depend on it.
    `thresholds` are those of the findings."""

    max_line_bytes: int = 256 * 2**20
    max_ratio: int = 1000
    workers: int = 1
    thresholds: Thresholds = field(default_factory=lambda: Thresholds())


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a log becomes runs: see `afterglow import --help`."""

    read: ReadOptions = field(default_factory=lambda: ReadOptions())
    task_runs: str = "all"
    max_task_runs: int = 2000
    parent_run: str | None = None
    restore: bool = False
    pictures: str = "auto"
    trace: bool = False
    tables: str | None = None
    runs: bool = True
