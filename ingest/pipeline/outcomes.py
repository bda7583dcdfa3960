"""How a log is imported, and what came of importing or exporting one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .read import ReadOptions


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


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing one log came to. Where it was imported before, only `log` and `published` say more than that."""

    log: str
    published: Any
    app_id: str | None = None
    app_attempt: str | None = None
    completeness: str = "complete"
    num_issues: int = 0
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether every event of the application was read."""
        return self.completeness == "complete"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class OnlyTables:
    """What an import without runs left: nothing in MLflow, the tables at `url`."""

    url: str
    state: str = "written"
    run_id: None = None
    runs: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """What exporting one log came to: its folder, its row of `applications`, and how many rows each table has."""

    log: str
    folder: str
    application: Mapping[str, Any]
    rows: Mapping[str, int]
