"""The writer for any tracking server: MlflowClient, over REST, Databricks or a local database.

What is about one tree is in client_tree.
"""

import contextlib
import copy
import csv
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.tracking import get_tracking_uri
from mlflow.utils.workspace_context import get_request_workspace

from ....schemas import mlflow as strings
from ....schemas.runs.params_tags import APP_ID_TAG, DIGEST_TAG, FINGERPRINT_TAG, KEY_TAG, LEVEL_TAG, TRACE_TAG
from ...errors import PublishError
from .. import urls as page
from ..autologged_runs import Owner, OwnRun
from ..existing_runs import WITHDRAWN
from ..interface import Published, Root, RunRecord, State, TreeWriter
from ..retry import Patience, passing, patiently, refused, shown
from ..sql.sqlite_lock import alone
from ..trace.trace import delete_trace
from .tree import ClientTree, condition

_PAGE = 1000


class ClientWriter:
    """Writes through the tracking API to one experiment; up to `calls` calls are in flight."""

    name = "rest"

    def __init__(
        self, tracking_uri: str | None, experiment: str, calls: int = 8, patience: Patience | None = None
    ) -> None:
        self.tracking_uri = tracking_uri or get_tracking_uri()
        self.calls, self.patience = calls, patience or Patience()
        self._complete: dict[str, Published] | None = None
        self._described: set[tuple[str, str]] = set()
        with refused(f"{shown(self.tracking_uri)}: cannot be opened"), alone(self.tracking_uri):
            self.client = MlflowClient(self.tracking_uri)
            found = patiently(partial(self._experiment, experiment), self.patience)
            if found is not None and found.lifecycle_stage != "active":
                raise PublishError(
                    f"experiment {experiment!r} was deleted; restore it (mlflow experiments restore "
                    f"--experiment-id {found.experiment_id}) or name another with --experiment"
                )
            self.experiment_id: str = found.experiment_id
            self._locations: dict[str, str] = {found.experiment_id: found.artifact_location}

    def _experiment(self, name: str) -> Any:
        """The experiment, which is made where it does not exist."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return found
        workspace = get_request_workspace()
        if MLFLOW_ENABLE_WORKSPACES.get() and workspace and self._local():
            self.client.get_workspace(workspace)  # a server looks; a database takes any name
        try:
            return self.client.get_experiment(self.client.create_experiment(name))
        except MlflowException:
            found = self.client.get_experiment_by_name(name)  # another import has made it meanwhile
            if found is None:
                raise
            return found

    @classmethod
    def existing(cls, tracking_uri: str | None, experiment: str) -> "ClientWriter | None":
        """A writer to the experiment, or, where it does not exist, to any; None where there is none."""
        uri = tracking_uri or get_tracking_uri()
        with refused(f"{shown(uri)}: cannot be opened"), alone(uri):
            client = MlflowClient(uri)
            found = client.get_experiment_by_name(experiment)
            if found is None or found.lifecycle_stage != "active":
                first = client.search_experiments(max_results=1)
                if not first:
                    return None
                found = first[0]
        return cls(tracking_uri, found.name)

    def find(self, fingerprint: str) -> Published | None:
        """See Writer."""
        if self._complete is not None:
            return self._complete.get(fingerprint)
        runs = self._search(f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}'", deleted=True)
        return next((self._found(run) for run in sorted(runs, key=lambda run: run.info.lifecycle_stage)), None)

    def _found(self, run: Any) -> Published:
        state: State = "deleted" if run.info.lifecycle_stage == "deleted" else "unchanged"
        return self._published(run.data.tags.get(APP_ID_TAG, ""), run.info.run_id, state)

    def anywhere(self, condition: str, named: re.Pattern[str]) -> Iterator[Published]:
        """See Writer."""
        where = self._experiments(named)
        runs = self._search(condition, deleted=True, experiments=where) if where else iter(())
        return (self.within(run.info.experiment_id)._found(run) for run in runs)

    def _experiments(self, named: re.Pattern[str] | None = None) -> list[str]:
        with refused("cannot list experiments"):
            found = patiently(lambda: list(self._pages_of_experiments()), self.patience)
            return [one.experiment_id for one in found if named is None or named.fullmatch(one.name)]

    def _pages_of_experiments(self) -> Iterator[Any]:
        token = None
        while True:
            found = self.client.search_experiments(max_results=_PAGE, page_token=token)
            yield from found
            token = found.token
            if not token:
                return

    def remember(self) -> None:
        """See Writer."""
        runs = sorted(
            self._search(f"tags.`{LEVEL_TAG}` = 'application'", deleted=True), key=lambda run: run.info.lifecycle_stage
        )
        self._complete = {run.data.tags.get(FINGERPRINT_TAG, ""): self._found(run) for run in reversed(runs)}

    def owner(self, app_id: str, run_id: str | None) -> Owner | None:
        """See Writer."""
        run = None
        if run_id is not None:
            try:
                run = patiently(partial(self.client.get_run, run_id), self.patience)
            except MlflowException as error:
                if passing(error):  # else it is a run of another store
                    with refused(f"cannot read run {run_id}"):
                        raise
        if run is None:
            tagged = [
                r
                for r in self._of_application(app_id)
                if KEY_TAG not in r.data.tags and r.data.tags.get(APP_ID_TAG) == app_id
            ]
            known = {r.info.run_id for r in tagged}
            outermost = [r for r in tagged if r.data.tags.get(strings.PARENT_RUN_ID) not in known]
            run = outermost[0] if len(outermost) == 1 else None
        if run is None:
            return None
        owner_id, experiment_id = run.info.run_id, run.info.experiment_id
        with refused("cannot search runs"):
            under = f"tags.`{strings.PARENT_RUN_ID}` = '{owner_id}' and tags.`{strings.AUTOLOGGING}` LIKE '%'"
            search = partial(self.client.search_runs, [experiment_id], under, max_results=_PAGE)
            below = patiently(search, self.patience)
        trials = [OwnRun(r.info.run_id, r.data.params, r.data.metrics) for r in below]
        return Owner(owner_id, experiment_id, trials, self._results(owner_id) if trials else [])

    def _of_application(self, app_id: str) -> Iterator[Any]:
        """The active runs tagged with an application's id."""
        return self._search(condition(APP_ID_TAG, app_id))

    def _results(self, run_id: str) -> list[dict[str, str]]:
        """search_results.csv of an autologged search, a row per param map in order; empty where there is none."""
        with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, contextlib.suppress(MlflowException, OSError):
            download = partial(self.artifact_client().download_artifacts, run_id, "search_results.csv", folder)
            path = Path(patiently(download, self.patience))
            return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        return []

    def within(self, experiment_id: str) -> "ClientWriter":
        """See Writer."""
        other = copy.copy(self)
        other.experiment_id = experiment_id
        return other

    @contextlib.contextmanager
    def tree(
        self, root: RunRecord, identity: str, parent_run: str | None, own: Mapping[str, str], restore: bool
    ) -> Iterator[TreeWriter]:
        """See Writer."""
        calls = self.calls if not self._local() else 1  # a local database takes one writer at a time
        clients = self.client, self.artifact_client()
        tree = ClientTree(*clients, self.experiment_id, self._search, self.patience, calls, parent_run, own)
        with tree.held(root, identity, restore, partial(self._published, root.tags[APP_ID_TAG])):
            yield tree

    def location(self) -> str:
        """Where the experiment's artifacts lie; it never changes."""
        if self.experiment_id not in self._locations:
            with refused(f"cannot read experiment {self.experiment_id}"):
                found = patiently(partial(self.client.get_experiment, self.experiment_id), self.patience)
            self._locations[self.experiment_id] = found.artifact_location
        return self._locations[self.experiment_id]

    def artifact_client(self) -> MlflowClient:
        """What artifacts go through: the store itself; in a database, where they lie with its server, that server.

        Raises:
            PublishError: nothing says where the server is.
        """
        if not self._proxied():
            return self.client
        server = self._server()
        if server is None:
            raise PublishError(
                f"the artifacts of this experiment lie with a tracking server ({self.location()}): set "
                "MLFLOW_TRACKING_URI to its address, http://..., and name the database with --tracking-uri"
            )
        return MlflowClient(server)

    def _proxied(self) -> bool:
        return self._local() and self.location().startswith("mlflow-artifacts:")

    def _server(self) -> str | None:
        """The server in front of this database, where it is one that artifacts are proxied by and MLflow is told."""
        if not self._proxied():
            return None
        server = get_tracking_uri()
        return server if server.startswith("http") else None

    def _published(self, app_id: str, run_id: str, state: State) -> Published:
        return Published(self.experiment_id, run_id, 0, 0, self.url(app_id), state)

    def _search(self, condition: str, deleted: bool = False, experiments: Sequence[str] = ()) -> Iterator[Any]:
        token, view = None, ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
        where = list(experiments) or [self.experiment_id]
        while True:
            with refused("cannot search runs"):
                search = partial(self.client.search_runs, where, condition, view, _PAGE, page_token=token)
                runs = patiently(search, self.patience)
            yield from runs
            token = runs.token
            if not token:
                return

    def describe_experiment(self, description: str) -> None:
        """See Writer. Once per import of many logs is enough."""
        if (self.experiment_id, description) in self._described:
            return
        with refused("cannot describe the experiment"):
            tags = patiently(partial(self.client.get_experiment, self.experiment_id), self.patience).tags
            for name, value in (
                (strings.EXPERIMENT_KIND, strings.EXPERIMENT_KIND_TRAINING),
                (strings.NOTE, description),
            ):
                if tags.get(name) != value and (name != strings.NOTE or page.ours(tags.get(name))):
                    set_tag = partial(self.client.set_experiment_tag, self.experiment_id, name, value)
                    patiently(set_tag, self.patience)
        self._described.add((self.experiment_id, description))

    def url(self, app_id: str) -> str:
        """See Writer."""
        return f"{page.root(self._server() or self.tracking_uri)}/{page.tree_path(self.experiment_id, app_id)}"

    def server_command(self) -> str | None:
        """See Writer."""
        if not self._local() or self._server():
            return None
        workspaces = " --enable-workspaces" if MLFLOW_ENABLE_WORKSPACES.get() else ""
        return f"mlflow server --backend-store-uri {shown(self.tracking_uri)}{workspaces} --port 5000"

    def _local(self) -> bool:
        return not self.tracking_uri.startswith(("http", "databricks"))

    def roots(self, app_ids: Sequence[str] = (), experiments: Literal["this", "all"] = "this") -> list[Root]:
        """See Writer."""
        where = self._experiments() if experiments == "all" else []
        conditions = [f" and {condition(APP_ID_TAG, app_id)}" for app_id in app_ids] or [""]
        runs = (
            run
            for more in conditions
            for run in self._search(f"tags.`{LEVEL_TAG}` = 'application'{more}", True, where)
            if run.data.tags.get(KEY_TAG) != WITHDRAWN and (not app_ids or run.data.tags.get(APP_ID_TAG) in app_ids)
        )
        return [
            Root(
                run.info.experiment_id,
                run.info.run_id,
                run.data.tags.get(KEY_TAG, ""),
                run.info.run_name,
                run.data.tags,
                run.info.lifecycle_stage == "deleted",
            )
            for run in runs
        ]

    def remove(self, root: Root) -> int:
        """See Writer. The root goes last, so that an interrupted call can be repeated."""
        of_it = condition(APP_ID_TAG, root.tags[APP_ID_TAG])
        below = [
            run.info.run_id
            for run in self._search(of_it, experiments=[root.experiment_id])
            if run.data.tags.get(KEY_TAG, "").startswith(root.key + "/") and DIGEST_TAG in run.data.tags
        ]
        delete_trace(self.client, root.experiment_id, root.tags.get(TRACE_TAG), self.patience)
        with refused(f"cannot delete {root.name!r}"):
            for run_id in [*below, root.run_id]:
                patiently(partial(self.client.delete_run, run_id), self.patience)
        return len(below) + 1
