"""The writer for any tracking server: MlflowClient, over REST, Databricks or a local database."""

import contextlib
import copy
import csv
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import get_tracking_uri

from ...schemas import mlflow as strings
from ...schemas.runs import APP_ID_TAG, COMPLETE_TAG, KEY_TAG
from ..errors import PublishError
from . import page
from .adopt import Owner, OwnRun
from .interface import Dataset, Published, RunRecord

_PAGE = 1000


class ClientWriter:
    """Writes through the tracking API, one experiment, one call after the other."""

    name = "client"

    def __init__(self, tracking_uri: str | None, experiment: str) -> None:
        self.tracking_uri = tracking_uri or get_tracking_uri()
        with _refused(f"{_shown(self.tracking_uri)}: cannot be opened"):
            self.client = MlflowClient(self.tracking_uri)
            found = self.client.get_experiment_by_name(experiment)
            if found is not None and found.lifecycle_stage != "active":
                raise PublishError(
                    f"experiment {experiment!r} was deleted; restore it (mlflow experiments restore "
                    f"--experiment-id {found.experiment_id}) or name another with --experiment"
                )
            self.experiment_id: str = found.experiment_id if found else self.client.create_experiment(experiment)

    def find(self, fingerprint: str) -> Published | None:
        """See Writer."""
        runs = self._search(f"tags.`{COMPLETE_TAG}` = '{fingerprint}'")
        for run in runs:
            return Published(self.experiment_id, run.info.run_id, 0, 0, self.url(run.data.tags.get(APP_ID_TAG, "")))
        return None

    def owner(self, app_id: str, run_id: str | None) -> Owner | None:
        """See Writer."""
        run = None
        if run_id is not None:
            with contextlib.suppress(MlflowException):  # of another store
                run = self.client.get_run(run_id)
        if run is None:
            tagged = [
                r for r in self._search(f"tags.`{APP_ID_TAG}` = '{_literal(app_id)}'") if KEY_TAG not in r.data.tags
            ]
            known = {r.info.run_id for r in tagged}
            outermost = [r for r in tagged if r.data.tags.get(strings.PARENT_RUN_ID) not in known]
            run = outermost[0] if len(outermost) == 1 else None
        if run is None:
            return None
        owner_id, experiment_id = run.info.run_id, run.info.experiment_id
        with _refused("cannot search runs"):
            below = self.client.search_runs(
                [experiment_id],
                f"tags.`{strings.PARENT_RUN_ID}` = '{owner_id}' and tags.`{strings.AUTOLOGGING}` LIKE '%'",
                max_results=_PAGE,
            )
        trials = [OwnRun(r.info.run_id, r.data.params, r.data.metrics) for r in below]
        return Owner(owner_id, experiment_id, trials, self._results(owner_id) if trials else [])

    def _results(self, run_id: str) -> list[dict[str, str]]:
        """search_results.csv of an autologged search, a row per param map in order; empty where there is none."""
        with tempfile.TemporaryDirectory(prefix="afterglow-") as folder, contextlib.suppress(MlflowException, OSError):
            path = Path(self.client.download_artifacts(run_id, "search_results.csv", folder))
            return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        return []

    def within(self, experiment_id: str) -> "ClientWriter":
        """See Writer."""
        other = copy.copy(self)
        other.experiment_id = experiment_id
        return other

    def existing(self, app_id: str, root_key: str) -> dict[str, str]:
        """See Writer."""
        runs = self._search(f"tags.`{APP_ID_TAG}` = '{_literal(app_id)}'")
        keys = ((run.data.tags.get(KEY_TAG, ""), run.info.run_id) for run in runs)
        return {key: run_id for key, run_id in keys if key == root_key or key.startswith(root_key + "/")}

    def _search(self, condition: str) -> Iterator[Any]:
        token = None
        while True:
            with _refused("cannot search runs"):
                runs = self.client.search_runs(
                    [self.experiment_id], condition, ViewType.ACTIVE_ONLY, max_results=_PAGE, page_token=token
                )
            yield from runs
            token = runs.token
            if not token:
                return

    def create(self, records: Sequence[RunRecord], known: Mapping[str, str], parent_run: str | None) -> dict[str, str]:
        """See Writer."""
        ids = dict(known)
        for record in records:
            if record.key in ids:
                continue
            parent = ids[record.parent] if record.parent is not None else parent_run
            tags = {**record.tags, strings.SOURCE_TYPE: "JOB"}
            if parent is not None:
                tags[strings.PARENT_RUN_ID] = parent
            with _refused(f"cannot create {record.name!r}"):
                run = self.client.create_run(self.experiment_id, record.start_ms, tags, record.name)
            ids[record.key] = run.info.run_id
        return ids

    def fill(self, record: RunRecord, run_id: str) -> None:
        """See Writer."""
        metrics = [Metric(name, value, time_ms, step) for name, value, time_ms, step in record.metrics]
        params = [Param(name, value) for name, value in record.params.items()]
        tags = [RunTag(name, value) for name, value in record.tags.items()]
        with _refused(f"cannot write {record.name!r}"):
            while metrics or params or tags:
                now_params, params = params[: strings.MAX_PARAMS_PER_BATCH], params[strings.MAX_PARAMS_PER_BATCH :]
                now_tags, tags = tags[: strings.MAX_TAGS_PER_BATCH], tags[strings.MAX_TAGS_PER_BATCH :]
                room = strings.MAX_ENTITIES_PER_BATCH - len(now_params) - len(now_tags)
                now_metrics, metrics = metrics[:room], metrics[room:]
                self.client.log_batch(run_id, now_metrics, now_params, now_tags)

    def finish(self, record: RunRecord, run_id: str) -> None:
        """See Writer."""
        with _refused(f"cannot end {record.name!r}"):
            if record.status == "RUNNING":
                self.client.update_run(run_id, status="RUNNING")
            else:
                self.client.set_terminated(run_id, record.status, record.end_ms)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """See Writer."""
        with _refused("cannot set tags"):
            self.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def datasets(self, run_id: str, datasets: Iterable[Dataset]) -> None:
        """See Writer."""
        context = [InputTag(strings.DATASET_CONTEXT, "training")]
        inputs = [DatasetInput(MlflowDataset(d.name, d.digest, d.source_type, d.source), context) for d in datasets]
        if inputs:
            with _refused("cannot log input datasets"):
                self.client.log_inputs(run_id, inputs)

    def artifacts(self, run_id: str, folder: str) -> None:
        """See Writer."""
        with _refused("cannot upload artifacts"):
            self.client.log_artifacts(run_id, folder)

    def describe_experiment(self, description: str) -> None:
        """See Writer."""
        with _refused("cannot describe the experiment"):
            tags = self.client.get_experiment(self.experiment_id).tags
            for name, value in (
                (strings.EXPERIMENT_KIND, strings.EXPERIMENT_KIND_TRAINING),
                (strings.NOTE, description),
            ):
                if tags.get(name) != value and (name != strings.NOTE or _ours(tags.get(name))):
                    self.client.set_experiment_tag(self.experiment_id, name, value)

    def url(self, app_id: str) -> str:
        """See Writer."""
        return f"{page_root(self.tracking_uri)}/{page.tree_path(self.experiment_id, app_id)}"

    def server_command(self) -> str | None:
        """See Writer."""
        local = not self.tracking_uri.startswith(("http", "databricks"))
        return f"mlflow server --backend-store-uri {self.tracking_uri} --port 5000" if local else None


def page_root(tracking_uri: str) -> str:
    """Where MLflow's page is: the server itself, or for a database the address that `mlflow ui` will have."""
    return tracking_uri.rstrip("/") if tracking_uri.startswith("http") else "http://127.0.0.1:5000"


def _literal(text: str) -> str:
    """A value inside a search filter's quotes; the filter language has no escape for a quote."""
    return text.replace("'", "")


def _ours(note: str | None) -> bool:
    """A description that a person wrote stays."""
    return not note or "Afterglow" in note


def _shown(uri: str) -> str:
    """A tracking URI without the password it may carry."""
    head, at, tail = uri.rpartition("@")
    return f"{head.split('://', 1)[0]}://***@{tail}" if at and "://" in head else uri


@contextlib.contextmanager
def _refused(what: str) -> Iterator[None]:
    try:
        yield
    except (MlflowException, OSError) as error:
        raise PublishError(f"{what}: {str(error).splitlines()[0] if str(error) else type(error).__name__}") from error
