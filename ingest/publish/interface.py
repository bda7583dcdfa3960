"""The seam between `publish` and the writers: what a writer takes, and what it must be able to do."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from ...schemas.runs.params_tags import APP_ID_TAG, ATTEMPT_TAG, COMPLETENESS_TAG, ISSUES_TAG, RUNS_TAG
from .autologged_runs import Owner

if TYPE_CHECKING:
    from .store import TrackingStore

Metric = tuple[str, float, int, int]
"""name, value, time_ms, step"""

State = Literal["written", "unchanged", "deleted"]
"""The result of an import: it wrote runs, it found them all there, or it left alone a tree that the user deleted."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as MLflow takes it: every name and value is within MLflow's limits.

    `digest` covers all of it but the description, which contains run ids.
    """

    key: str
    parent: str | None
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Metric] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A source that the application read."""

    name: str
    digest: str
    source_type: str
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """One application's tree in MLflow.

    `runs` is how many runs it has, `written` how many of them this import wrote. Completeness and issues are those of
    the log that it was written from; an import that changes nothing reads them from the application run.
    """

    experiment_id: str
    run_id: str
    runs: int
    written: int
    url: str
    state: State = "written"
    app_id: str = ""
    app_attempt: str | None = None
    completeness: str = "complete"
    num_issues: int = 0

    def with_tags(self, tags: Mapping[str, str]) -> "Published":
        """The same, with what the application run's tags say about the tree."""
        runs, issues = tags.get(RUNS_TAG, ""), tags.get(ISSUES_TAG, "")
        return replace(
            self,
            runs=int(runs) if runs.isdecimal() else self.runs,
            app_id=tags.get(APP_ID_TAG, ""),
            app_attempt=tags.get(ATTEMPT_TAG),
            completeness=tags.get(COMPLETENESS_TAG, "complete"),
            num_issues=int(issues) if issues.isdecimal() else 0,
        )


@dataclass(frozen=True, slots=True)
class Root:
    """An application run that is in the store."""

    experiment_id: str
    run_id: str
    key: str
    name: str
    tags: Mapping[str, str]
    deleted: bool


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """What a writer is to do with one application's tree.

    `fingerprint` is that of the import. `parent_run` is the id of the run that the application run goes under. `own`
    maps the keys of runs that the training job made itself to their ids: they are part of the tree, but are neither
    renamed, ended nor re-timed. `restore` brings a deleted tree back.
    """

    fingerprint: str
    parent_run: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    restore: bool = False


class TreeWriter(Protocol):
    """Writes the tree of one application, which no other process writes meanwhile.

    Leaving the context without `finish` leaves the tree unfinished; the next import finishes it.
    """

    settled: Published | None
    """Set where nothing is to be written: another import has written exactly this, or the user deleted the tree.
    `finish` may set it too."""

    @property
    def kept(self) -> int:
        """How many of the runs given to `write` stay in the store if the tree is left unfinished."""

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """Makes sure that these runs have ids. Parents come first; the root is among them."""

    def run_id(self, key: str) -> str:
        """The id of a run that was reserved, or written and flushed."""

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """Writes a whole run; False where it is in the store like this already.

        The call may return before the run is written. A name or a description (`note`) that the user changed stays.
        """

    def flush(self) -> None:
        """Waits until everything given to `write` is written."""

    def datasets(self, datasets: Iterable[Dataset]) -> None:
        """Logs the application's input datasets on the root."""

    def artifacts(self, key: str, folder: str) -> None:
        """Uploads the files of a folder as artifacts of a run that was reserved."""

    def finish(self, tags: Mapping[str, str]) -> None:
        """Sets the root's last tags, among them the import's fingerprint. No tree is complete before."""


class Writer(Protocol):
    """Writes trees to one experiment of one tracking store. Methods raise PublishError."""

    name: str

    @property
    def store(self) -> "TrackingStore":
        """The experiment and the client that reads it."""

    def load_fingerprints(self) -> None:
        """Loads which trees are complete, for a call that imports many logs."""

    def find(self, fingerprint: str) -> Published | None:
        """The tree that was written whole from exactly this log with these options, if any, by one search."""

    def owner(self, app_id: str, run_id: str | None) -> Owner | None:
        """The training job's own run; see `training_run.find_owner`."""

    def within(self, experiment_id: str) -> "Writer":
        """A writer to another experiment of the same store."""

    def tree(self, root: RunRecord, options: TreeOptions) -> AbstractContextManager[TreeWriter]:
        """Takes the lease of an application's tree, and waits for another import that holds it."""
