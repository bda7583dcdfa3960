"""The results of importing and exporting one log."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..schemas.job_history import kinds_of

if TYPE_CHECKING:
    from .publish import Published


@dataclass(frozen=True, slots=True)
class DatasetOnly:
    """Stands for `Published` where no runs were requested; `url` is the dataset."""

    url: str
    state: str = "written"
    run_id: None = None
    runs: int = 0
    written: int = 0
    regression: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of importing one log. `published` says where the runs are; `seconds` is 0 if they were there."""

    log: str
    published: "Published | DatasetOnly"
    app_id: str | None = None
    app_attempt: str | None = None
    completeness: str = "complete"
    num_issues: int = 0
    seconds: float = 0.0
    notice: str | None = None
    """What went wrong after the import, such as a webhook that was not called."""

    @classmethod
    def from_published(cls, log: str, published: "Published") -> "Imported":
        """The result of an import that changes nothing, from the application's run."""
        completeness, issues = published.completeness, published.num_issues
        return cls(log, published, published.app_id, published.app_attempt, completeness, issues)

    @classmethod
    def from_row(
        cls, log: str, published: "Published | DatasetOnly", row: Mapping[str, Any], seconds: float = 0.0
    ) -> "Imported":
        """The result with the figures of the application's row of `applications`."""
        return cls(log, published, row["app_id"], row["app_attempt"], row["completeness"], row["num_issues"], seconds)

    @property
    def complete(self) -> bool:
        """Whether every event of the log was read."""
        return self.completeness == "complete"

    @property
    def regressions(self) -> tuple[str, ...]:
        """The kinds of regression against the earlier runs of its job."""
        return kinds_of(self.published.regression)

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON-serializable values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of exporting one log: its folder, its row of `applications`, the number of rows of each table."""

    log: str
    folder: str
    application: Mapping[str, Any]
    rows: Mapping[str, int]

    @property
    def completeness(self) -> str:
        """See the column `applications.completeness`."""
        return str(self.application["completeness"])

    @property
    def complete(self) -> bool:
        """Whether every event of the log was read."""
        return self.completeness == "complete"

    @property
    def num_issues(self) -> int:
        """See the column `applications.num_issues`."""
        return int(self.application["num_issues"])

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON-serializable values."""
        return {
            "log": self.log,
            "app_id": self.application["app_id"],
            "folder": self.folder,
            "completeness": self.completeness,
            "num_issues": self.num_issues,
            "rows": dict(self.rows),
        }
