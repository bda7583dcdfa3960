"""Read one experiment of a tracking store through MLflow's public client. Both writers use it."""

import contextlib
import copy
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from mlflow import MlflowClient
from mlflow.entities import Experiment, Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import get_tracking_uri

from ..errors import PublishError
from ..transient_errors import is_transient
from . import urls
from .error_messages import translate_errors, without_password
from .experiment_tags import ExperimentTags
from .mlflow_http import server_version
from .mlflow_internals import (
    MLFLOW_ENABLE_WORKSPACES,
    get_request_workspace,
    silent_migrations,
    tracking_store,
)
from .retry import RetryPolicy, retry
from .schema_version import check_unchanged, check_version, is_database
from .search_conditions import condition
from .sqlite_lock import sqlite_lock
from .views import FIRST_MLFLOW, View

Result = TypeVar("Result")

_PAGE = 1000
_EXPERIMENTS_AT_ONCE = 100
_LISTED_S = 10.0
_VERSION_S = 15.0


class TrackingStore:
    """Reads one experiment, and describes it. `client` is MLflow's own; calls are retried by `policy`."""

    def __init__(
        self, tracking_uri: str, client: MlflowClient, experiment: Experiment, policy: RetryPolicy | None = None
    ) -> None:
        self.tracking_uri, self.client, self.policy = tracking_uri, client, policy or RetryPolicy()
        self.experiment_id: str = experiment.experiment_id
        self._locations: dict[str, str] = {experiment.experiment_id: experiment.artifact_location}
        self.experiment_tags = ExperimentTags({experiment.experiment_id: dict(experiment.tags)})
        # these lists have one element once it is known, and are shared by the stores of all experiments
        self._version: list[tuple[int, ...]] = []
        self._listed: list[tuple[float, list[str]]] = []

    @classmethod
    def open(cls, tracking_uri: str | None, experiment: str, policy: RetryPolicy | None = None) -> "TrackingStore":
        """Opens a store. An experiment that does not exist is created.

        Raises:
            PublishError: the store cannot be reached, or the experiment was deleted.
        """
        uri, policy = tracking_uri or get_tracking_uri(), policy or RetryPolicy()
        with translate_errors(f"{without_password(uri)}: cannot be opened"), sqlite_lock(uri):
            if is_database(uri):
                retry(partial(check_version, uri), policy)
            with silent_migrations():
                client = retry(partial(MlflowClient, uri), policy)
                found = retry(partial(_experiment, client, experiment, uri), policy)
        if found.lifecycle_stage != "active":
            raise PublishError(
                f"experiment {experiment!r} was deleted; restore it (mlflow experiments restore "
                f"--experiment-id {found.experiment_id}) or name another with --experiment"
            )
        return cls(uri, client, found, policy)

    @classmethod
    def open_existing(
        cls, tracking_uri: str | None, experiment: str, policy: RetryPolicy | None = None
    ) -> "TrackingStore | None":
        """Open the experiment, or any other if it does not exist. None if there is none. Creates nothing."""
        uri, policy = tracking_uri or get_tracking_uri(), policy or RetryPolicy()
        with translate_errors(f"{without_password(uri)}: cannot be opened"), sqlite_lock(uri):
            if is_database(uri):
                retry(partial(check_version, uri), policy)
            with silent_migrations():
                client = retry(partial(MlflowClient, uri), policy)
            found = retry(partial(client.get_experiment_by_name, experiment), policy)
            if found is None or found.lifecycle_stage != "active":
                first = retry(partial(client.search_experiments, max_results=1), policy)
                found = first[0] if first else None
        return None if found is None else cls(uri, client, found, policy)

    def within(self, experiment_id: str) -> "TrackingStore":
        """Another experiment of the same store."""
        other = copy.copy(self)
        other.experiment_id = experiment_id
        return other

    def call(self, function: Callable[..., Result], *args: object, **kwargs: object) -> Result:
        """Call the function, and retry it on transient errors."""
        return retry(partial(function, *args, **kwargs), self.policy)

    def pause(self, wait_s: float) -> None:
        """Wait for another process.

        Raises:
            PublishError: the user has stopped this import.
        """
        self.policy.pause(wait_s)
        if self.policy.stopped.is_set():
            raise PublishError("stopped while another import was writing the same tree")

    def check_unchanged(self) -> None:
        """Check that nobody migrates the database that this process has opened. A server looks after its own.

        Raises:
            PublishError: a migration has begun or ended since the store was opened.
        """
        if self.is_local:
            engine = tracking_store(self.client).engine
            with translate_errors("cannot read the version of the database"), engine.connect() as connection:
                check_unchanged(connection)

    def search(self, condition: str, deleted: bool = False, experiments: Sequence[str] = ()) -> Iterator[Run]:
        """The runs that match a condition, optionally with deleted ones; in this experiment unless others are given."""
        token, view = None, ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
        where = list(experiments) or [self.experiment_id]
        while True:
            with translate_errors("cannot search runs"):
                runs = self.call(self.client.search_runs, where, condition, view, _PAGE, page_token=token)
            yield from runs
            token = runs.token
            if not token:
                return

    def tagged(self, tag: str, value: str, deleted: bool = False, experiments: Sequence[str] = ()) -> list[Run]:
        """The runs with exactly this value of a tag."""
        found = self.search(condition(tag, value), deleted, experiments)
        return [run for run in found if run.data.tags.get(tag) == value]

    def tagged_anywhere(self, tag: str, value: str, deleted: bool = False) -> list[Run]:
        """The same, in all active experiments that the store lets this user search; those of this one come first."""
        return [run for some in self.tagged_everywhere(tag, value, deleted) for run in some]

    def tagged_everywhere(self, tag: str, value: str, deleted: bool = False) -> Iterator[list[Run]]:
        """The same, in one list per search, so that the caller can stop. The first list has all of this experiment."""
        for some in self.experiment_groups():
            try:
                found = self.tagged(tag, value, deleted, some)
            except PublishError as error:
                if error.__cause__ is not None and is_transient(error.__cause__):
                    raise
                found = []
                for one in some:  # one of them was deleted meanwhile, or is not this user's to read
                    with contextlib.nullcontext() if one == self.experiment_id else contextlib.suppress(PublishError):
                        found += self.tagged(tag, value, deleted, [one])
            yield sorted(found, key=lambda run: run.info.experiment_id != self.experiment_id)

    def experiment_groups(self) -> Iterator[list[str]]:
        """The ids of this experiment and of all other active ones, as many in a list as a search may have. The
        experiments are listed again after some seconds."""
        now = self.policy.clock()
        if not self._listed or now - self._listed[0][0] > _LISTED_S:
            self._listed[:] = [(now, self.experiments())]
        where = [self.experiment_id, *(one for one in self._listed[0][1] if one != self.experiment_id)]
        for begin in range(0, len(where), _EXPERIMENTS_AT_ONCE):
            yield where[begin : begin + _EXPERIMENTS_AT_ONCE]

    def experiments(self, name: re.Pattern[str] | None = None) -> list[str]:
        """The ids of the active experiments whose full name matches."""
        with translate_errors("cannot list experiments"):
            found = self.call(lambda: list(self._pages_of_experiments()))
        return [one.experiment_id for one in found if name is None or name.fullmatch(one.name)]

    def _pages_of_experiments(self) -> Iterator[Experiment]:
        token = None
        while True:
            found = self.client.search_experiments(max_results=_PAGE, page_token=token)
            yield from found
            token = found.token
            if not token:
                return

    def artifact_location(self) -> str:
        """The location of the experiment's artifacts, which never changes."""
        if self.experiment_id not in self._locations:
            with translate_errors(f"cannot read experiment {self.experiment_id}"):
                found = self.call(self.client.get_experiment, self.experiment_id)
            self._locations[self.experiment_id] = found.artifact_location
        return self._locations[self.experiment_id]

    def artifact_client(self) -> MlflowClient:
        """The client for artifacts: the store itself, or the server that proxies a database's artifacts.

        Raises:
            PublishError: the address of that server is not configured.
        """
        if not self._is_proxied():
            return self.client
        server = self._server()
        if server is None:
            raise PublishError(
                f"a tracking server holds the artifacts of this experiment ({self.artifact_location()}); set "
                "MLFLOW_TRACKING_URI to its address, http://..., and name the database with --tracking-uri"
            )
        return MlflowClient(server)

    @property
    def is_local(self) -> bool:
        """Whether this process opens the store itself, rather than a server."""
        return not self.tracking_uri.startswith(("http", "databricks"))

    def _is_proxied(self) -> bool:
        return self.is_local and self.artifact_location().startswith("mlflow-artifacts:")

    def _server(self) -> str | None:
        """The server in front of this database, if it proxies artifacts and MLFLOW_TRACKING_URI names it."""
        if not self._is_proxied():
            return None
        named = (os.environ.get("MLFLOW_TRACKING_URI", ""), str(get_tracking_uri()))
        return next((address for address in named if address.startswith("http")), None)

    def describe(self, views: Iterable[View]) -> None:
        """Set the experiment's kind, description and views. A call that needs nothing new writes nothing."""
        self.experiment_tags.describe(self, views)

    def delete_unused_views(self) -> None:
        """Delete the tags of our views if the experiment has no runs, so that it is as before the first import."""
        self.experiment_tags.delete_unused_views(self)

    def version(self) -> tuple[int, ...]:
        """The version of the server's MLflow, such as (3, 17); of a database, the installed one; () if unknown."""
        if not self._version:
            ask = partial(server_version, None if self.is_local else self.client)
            try:
                found = retry(ask, replace(self.policy, deadline_s=min(self.policy.deadline_s, _VERSION_S)))
            except Exception:  # a proxy may answer anything
                found = ()
            self._version[:] = [found]
        return self._version[0]

    @property
    def opens_views(self) -> bool:
        """Whether the page opens saved views. The long address works with every server."""
        return self.version() >= FIRST_MLFLOW

    def view_path(self, view: View) -> str:
        """The address of a view, relative to the server: short if the experiment has its tag."""
        if self.opens_views and view.tag in self.experiment_tags.of(self):
            return urls.view_path(self.experiment_id, view.key)
        return urls.long_path(self.experiment_id, view)

    def url(self, view: View) -> str:
        """The URL of a view in MLflow's UI."""
        return f"{self.page_root()}/{self.view_path(view)}"

    def page_root(self) -> str:
        """The URL of MLflow's UI."""
        return urls.root(self._server() or self.tracking_uri)

    def server_command(self) -> str | None:
        """The command that starts the UI of a local store; None if there is a server."""
        if not self.is_local or self._server():
            return None
        workspaces = " --enable-workspaces" if MLFLOW_ENABLE_WORKSPACES.get() else ""
        database = without_password(self.tracking_uri)
        return f"{_mlflow_program()} server --backend-store-uri {database}{workspaces} --port 5000"


def _mlflow_program() -> str:
    """How to call the installed mlflow from a shell: by its path, unless the name finds the one beside this Python."""
    own, found = Path(sys.executable).parent / "mlflow", shutil.which("mlflow")
    return "mlflow" if not own.exists() or (found and Path(found).resolve() == own.resolve()) else str(own)


def _experiment(client: MlflowClient, name: str, uri: str) -> Experiment:
    """The experiment, created if it does not exist."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found
    workspace = get_request_workspace()
    if MLFLOW_ENABLE_WORKSPACES.get() and workspace and not uri.startswith(("http", "databricks")):
        client.get_workspace(workspace)  # a server checks the name; a database accepts any
    try:
        return client.get_experiment(client.create_experiment(name))
    except MlflowException:
        found = client.get_experiment_by_name(name)  # another import has just created it
        if found is None:
            raise
        return found
