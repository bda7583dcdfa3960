"""What a writer takes, and what it must be able to do."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .autologged_runs import Owner

Metric = tuple[str, float, int, int]
"""name, value, time_ms, step"""

State = Literal["written", "unchanged", "deleted"]
"""What an import did: wrote, found everything there already, or left a tree alone that a person deleted."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as MLflow takes it: every name and value is within MLflow's limits. `digest` is of all of it but the
    description, which holds run ids."""

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
    """A source the application read."""

    name: str
    digest: str
    source_type: str
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """What an import left in MLflow. `written` is how many runs it wrote."""

    experiment_id: str
    run_id: str
    runs: int
    written: int
    url: str
    state: State = "written"


@dataclass(frozen=True, slots=True)
class Root:
    """An application run in the store. `written_at` is an ISO time; `complete` is the log's fingerprint, empty while
    its tree is not whole."""

    experiment_id: str
    run_id: str
    key: str
    name: str
    tags: Mapping[str, str]
    deleted: bool


class TreeWriter(Protocol):
    """One application's tree, which nobody else writes meanwhile. Leaving the context without `finish` leaves it
    unfinished, for the next import to take up."""

    settled: Published | None
    """Set where there is nothing to do: somebody wrote exactly this meanwhile, or a person deleted the tree. `finish`
    may set it too."""

    @property
    def kept(self) -> int:
        """How many of the runs that were given to `write` stay in the store if the tree is left unfinished."""

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """Makes sure that these runs exist, parents first, the root among them."""

    def run_id(self, key: str) -> str:
        """The id of a run that was reserved, or written and flushed."""

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """Writes a run whole, unless it stands there like this already: then False. It may still be under way when
        this returns. A name or a description (`note`) that a person changed stays."""

    def flush(self) -> None:
        """Waits until all that was given to `write` is written."""

    def datasets(self, datasets: Iterable[Dataset]) -> None:
        """Logs the application's input datasets on the root."""

    def artifacts(self, key: str, folder: str) -> None:
        """Uploads a folder's files as artifacts of a run that was reserved."""

    def finish(self, tags: Mapping[str, str]) -> None:
        """Sets the root's last tags, among them that it is complete. Nothing is complete before."""


class Writer(Protocol):
    """Writes to one experiment of one tracking store. Methods raise PublishError."""

    name: str
    experiment_id: str

    def remember(self) -> None:
        """Loads at once which trees are complete, for a call that is about many logs."""

    def find(self, fingerprint: str) -> Published | None:
        """The tree that was written whole from exactly this log with these options, if any: one look."""

    def anywhere(self, condition: str, named: re.Pattern[str]) -> Iterator[Published]:
        """The trees, in experiments with such names, whose application run meets a search condition."""

    def owner(self, app_id: str, run_id: str | None) -> Owner | None:
        """The training job's own run: `run_id` if it is in this store, else the one tagged with the application's id
        that is not ours. Of several the outermost; of several outermost ones none."""

    def within(self, experiment_id: str) -> "Writer":
        """A writer to another experiment of the same store."""

    def tree(
        self, root: RunRecord, identity: str, parent_run: str | None, own: Mapping[str, str], restore: bool
    ) -> AbstractContextManager[TreeWriter]:
        """Takes hold of an application's tree, waiting while another import writes it.

        `parent_run` is the run id that the root goes under; `own` the runs of the job itself (key -> run id) that
        are part of the tree and are neither named, ended nor re-timed; `restore` brings a deleted tree back.
        """

    def describe_experiment(self, description: str) -> None:
        """Sets the experiment's kind and description."""

    def url(self, app_id: str) -> str:
        """Where a person opens an application's tree in MLflow's page."""

    def server_command(self) -> str | None:
        """The command that serves the page of a local store; None where a server does."""

    def roots(self, app_ids: Sequence[str] = (), experiments: Literal["this", "all"] = "this") -> list[Root]:
        """The application runs, also those that are incomplete; of these applications only, where any is named."""

    def remove(self, root: Root) -> int:
        """Deletes an application's tree, as MLflow deletes: it can be restored. How many runs that were."""
