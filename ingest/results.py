"""What importing or exporting one log came to."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..schemas.logs import EventLog
from ..schemas.report import ReportFiles
from ..schemas.runs.tree import RunTree


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


@dataclass(frozen=True, slots=True)
class Ready:
    """A log that was read, as publishing takes it. `tree` is None where no runs are wanted."""

    log: EventLog
    application: Mapping[str, Any]
    queue: str | None
    tree: RunTree | None
    draw: Callable[[], ReportFiles]
    artifacts: Callable[[Any, str], None]
