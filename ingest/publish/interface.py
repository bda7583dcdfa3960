"""The interface between `publish` and the writers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from ...schemas.job_history import JOB_TAG, REGRESSION_TAG, SENT_TAG, SINCE_TAG, JobRun
from ...schemas.runs.params_tags import APP_ID_TAG, ATTEMPT_TAG, COMPLETENESS_TAG, ISSUES_TAG, RUNS_TAG
from .autologged_runs import Owner

if TYPE_CHECKING:
    from mlflow.entities import Run

    from .store import TrackingStore

Metric = tuple[str, float, int, int]
"""name, value, time_ms, step"""

State = Literal["written", "unchanged", "deleted"]
"""The result of an import: it wrote runs, it found them all there, or it left alone a tree that the user deleted."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run to write; every name and value is within MLflow's limits.

    `digest` covers everything except the description, which contains run ids.
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
    """A data source that the application read."""

    name: str
    digest: str
    source_type: str
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """One application's tree in MLflow.

    `runs` is the number of its runs, `written` the number that this import wrote. Completeness and issues describe the
    log. An import that changes nothing reads them from the application run. `job` is the recurring job, `regression`
    the tag of that name, `since` the application in which it began, and `sent` when the webhook was called about it.
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
    name: str = ""
    job: str = ""
    regression: str = ""
    since: str = ""
    sent: str = ""

    def with_tags(self, tags: Mapping[str, str]) -> "Published":
        """The same tree, with the values from the application run's tags."""
        runs, issues = tags.get(RUNS_TAG, ""), tags.get(ISSUES_TAG, "")
        return replace(
            self,
            runs=int(runs) if runs.isdecimal() else self.runs,
            app_id=tags.get(APP_ID_TAG, ""),
            app_attempt=tags.get(ATTEMPT_TAG),
            completeness=tags.get(COMPLETENESS_TAG, "complete"),
            num_issues=int(issues) if issues.isdecimal() else 0,
            name=tags.get("mlflow.source.name", ""),
            job=tags.get(JOB_TAG, ""),
            regression=tags.get(REGRESSION_TAG, ""),
            since=tags.get(SINCE_TAG, ""),
            sent=tags.get(SENT_TAG, ""),
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
    """How a writer writes one application's tree.

    `fingerprint` is that of the import. `parent_run` is the id of the application run's parent. `own` maps the keys of
    runs that the training job made itself to their ids: they are part of the tree, but are neither renamed, ended nor
    re-timed. `restore` brings a deleted tree back. `is_new` if a moment ago the experiment had no run of the
    application, not even a deleted one.
    """

    fingerprint: str
    parent_run: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    restore: bool = False
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class TrainingRuns:
    """The runs that the training job created itself.

    The application goes under `owner`, into its experiment. Without an owner, `linked` are the runs that it could go
    under: the application run and they get links to each other. `is_new` if there are none, and the writer's
    experiment has no run of the application at all, not even a deleted one.
    """

    owner: Owner | None = None
    linked: Sequence["Run"] = ()
    is_new: bool = False


class TreeWriter(Protocol):
    """Writes the tree of one application. No other process writes it at the same time.

    Leaving the context without `finish` leaves the tree unfinished; the next import finishes it.
    """

    settled: Published | None
    """Set where nothing is to be written: another import has written exactly this, or the user deleted the tree.
    `finish` may set it too."""
    is_new: bool
    """Whether no import began this tree before, so that its runs have no artifacts yet."""

    @property
    def kept(self) -> int:
        """The number of runs given to `write` that stay in the store if the tree is left unfinished."""

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """Ensure that these runs have ids. Parents come first and include the root."""

    def run_id(self, key: str) -> str:
        """The id of a run that was reserved, or written and flushed."""

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """Write a whole run. Return False if the store already has it unchanged.

        The call may return before the run is written. A name or description (`note`) that the user changed is kept.
        """

    def flush(self) -> None:
        """Wait until everything given to `write` is written."""

    def datasets(self, key: str, datasets: Iterable[Dataset]) -> None:
        """Log the input datasets of a run."""

    def artifacts(self, key: str, fill: Callable[[str], None]) -> None:
        """Add the files that `fill` writes into an empty folder to the artifacts of a reserved run."""

    def finish(self, tags: Mapping[str, str]) -> None:
        """Set the root's last tags, including the import's fingerprint, which marks the tree as complete."""


class TreesWriter(Protocol):
    """Writes trees to one experiment of one tracking store. Methods raise PublishError."""

    name: str

    @property
    def store(self) -> "TrackingStore":
        """The experiment and the client that reads it."""

    def tree(self, root: RunRecord, options: TreeOptions) -> AbstractContextManager[TreeWriter]:
        """Acquire the lease of an application's tree, waiting for another import that holds it."""


class Batch(TreesWriter, Protocol):
    """Writes the trees of several applications in one transaction, which ends with the context."""

    def takes(self, root: RunRecord) -> bool:
        """Whether the store has no run of this application, so that its tree can be part of the batch."""


class Writer(TreesWriter, Protocol):
    """The writer of an experiment."""

    trees_at_once: int
    """How many threads may write trees at once."""

    def load_fingerprints(self) -> None:
        """Load the fingerprints of all complete trees, for a call that imports many logs."""

    def find(self, fingerprint: str) -> Published | None:
        """The complete tree that was written from this log with these options, if any. Needs one search."""

    def earlier_runs(self, job: str, before_ms: int, most: int) -> list[JobRun]:
        """The newest runs of a recurring job in this experiment that began before a time. Needs one search."""

    def training_runs(self, root: RunRecord, run_id: str | None) -> TrainingRuns:
        """The runs of the training job itself; see `training_runs.find_training_runs`."""

    def within(self, experiment_id: str) -> "Writer":
        """A writer for another experiment of the same store."""

    def batch(self, roots: Sequence[RunRecord]) -> AbstractContextManager[Batch | None]:
        """Begin a batch for the trees with these roots. None if this writer has no transactions: it only looks once
        which of these applications the store does not have."""
