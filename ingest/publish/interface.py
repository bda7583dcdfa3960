"""What a writer takes, and what it must be able to do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .adopt import Owner

Metric = tuple[str, float, int, int]
"""name, value, time_ms, step"""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as MLflow takes it: every name and value is within MLflow's limits."""

    key: str
    parent: str | None
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Metric] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A source the application read."""

    name: str
    digest: str
    source_type: str
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """What an import left in MLflow. `written` is 0 where everything was there already."""

    experiment_id: str
    run_id: str
    runs: int
    written: int
    url: str


class Writer(Protocol):
    """Writes to one experiment of one tracking store. Methods raise PublishError."""

    name: str
    experiment_id: str

    def find(self, fingerprint: str) -> Published | None:
        """The tree that was written whole from exactly this log with these options, if any: one look."""

    def owner(self, app_id: str, run_id: str | None) -> Owner | None:
        """The training job's own run: `run_id` if it is in this store, else the one tagged with the application's id
        that is not ours. Of several the outermost; of several outermost ones none."""

    def within(self, experiment_id: str) -> "Writer":
        """A writer to another experiment of the same store."""

    def existing(self, app_id: str, root_key: str) -> dict[str, str]:
        """afterglow.key -> run id of what an import of this application attempt has written so far."""

    def create(self, records: Sequence[RunRecord], known: Mapping[str, str], parent_run: str | None) -> dict[str, str]:
        """Creates the runs that `known` lacks, parents first, all RUNNING; key -> run id of all of them.

        `parent_run` is the run id that the root goes under.
        """

    def fill(self, record: RunRecord, run_id: str) -> None:
        """Writes a run's params, metrics and tags; writing the same again changes nothing."""

    def finish(self, record: RunRecord, run_id: str) -> None:
        """Sets a run's name, status and end."""

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Sets a few tags of one run."""

    def datasets(self, run_id: str, datasets: Iterable[Dataset]) -> None:
        """Logs the application's input datasets."""

    def artifacts(self, run_id: str, folder: str) -> None:
        """Uploads a folder's files as the run's artifacts."""

    def describe_experiment(self, description: str) -> None:
        """Sets the experiment's kind and description."""

    def url(self, app_id: str) -> str:
        """Where a person opens an application's tree in MLflow's page."""

    def server_command(self) -> str | None:
        """The command that serves the page of a local store; None where a server does."""
