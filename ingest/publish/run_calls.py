"""Create, end and fill a run through the tracking API, in as few calls as possible."""

import math
from collections.abc import Callable, Mapping
from functools import partial

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from ...schemas import mlflow as strings
from ...schemas.runs.params_tags import ADOPTED_TAG, DIGEST_TAG, FINGERPRINT_TAG, KEY_TAG, LEASE_TAG
from ..errors import PublishError
from .error_messages import translate_errors
from .existing_runs import ABANDONED, Known, digest, renewed
from .interface import RunRecord
from .mlflow_internals import artifact_repository
from .search_conditions import condition
from .store import TrackingStore


class RunCalls:
    """Writes runs of one experiment, from any thread; each call is retried."""

    def __init__(self, store: TrackingStore) -> None:
        self._store, self._client = store, store.client
        self.artifact_uris: dict[str, str] = {}
        """The locations of the artifacts of the runs that were created."""

    def uploader(self, run_id: str, client: MlflowClient) -> Callable[[str, str | None], None]:
        """Uploads a file into a folder among the artifacts of a run. `client` is the one for artifacts."""
        location = self.artifact_uris.get(run_id)
        repository = None if location is None else artifact_repository(client, location)
        if repository is None:
            return partial(client.log_artifact, run_id)
        upload: Callable[[str, str | None], None] = repository.log_artifact
        return upload

    def create(self, record: RunRecord, parent: str | None, more: Mapping[str, str] | None = None) -> str:
        """Create a run with the status RUNNING, and return its id.

        A second attempt first looks for the run, because the server may have created it before the response was lost.
        MLflow 3.18 does not repeat such a request at all (mlflow.utils.rest_utils._RETRY_SAFE_POST_RESPONSES).
        """
        tags = {**record.tags, strings.SOURCE_TYPE: "JOB", **(more or {})}
        if parent is not None:
            tags[strings.PARENT_RUN_ID] = parent
        sent = False

        def attempt() -> str:
            nonlocal sent
            found = self._created(tags) if sent else None
            sent = True
            if found is None:
                run = self._client.create_run(self._store.experiment_id, record.start_ms, tags, record.name)
                found = str(run.info.run_id)
                self.artifact_uris[found] = run.info.artifact_uri
            return found

        with translate_errors(f"cannot create {record.name!r}"):
            return self._store.call(attempt)

    def _created(self, tags: Mapping[str, str]) -> str | None:
        """The id of the active run that was created with these tags, if there is one."""
        runs = self._client.search_runs([self._store.experiment_id], condition(KEY_TAG, tags[KEY_TAG]))
        return next((str(run.info.run_id) for run in runs if tags.items() <= run.data.tags.items()), None)

    def end(self, run_id: str, record: RunRecord, rename: bool) -> None:
        """Set the run's status and end time, and its name if requested."""
        if rename:
            self._store.call(self._client.update_run, run_id, name=record.name)
        if record.status == "RUNNING":
            self._store.call(self._client.update_run, run_id, status="RUNNING")
        else:
            self._store.call(self._client.set_terminated, run_id, record.status, record.end_ms)

    def fill(
        self,
        run_id: str,
        record: RunRecord,
        note: str | None,
        known: Known | None,
        parent: str | None,
        own: bool,
        has: Mapping[str, str],
        last: Mapping[str, str] | None = None,
    ) -> None:
        """Log metrics, params, tags and note, then the digest, and the tags `last` at the end.

        `own` means that the job created the run; existing values are kept. `has` are the tags that the run was just
        created with. They are not sent again, since a server looks up each tag.
        """
        metrics = [Metric(*metric) for metric in renewed(record, known.latest if known is not None else {})]
        if known is not None and not own:
            for name in known.stale_tags(record):
                self._store.call(self._delete_tag, run_id, name)
            # a metric cannot be deleted, but NaN is ignored when it is read
            at = record.end_ms if record.end_ms is not None else record.start_ms
            stale = known.stale_metrics(record)
            metrics += [Metric(name, math.nan, max(at, known.latest[name][0] + 1), 0) for name in stale]
        there = known.params if known is not None else {}  # MLflow does not allow changing a param
        params = [Param(name, value) for name, value in record.params.items() if name not in there]
        texts = {name: value for name, value in record.tags.items() if has.get(name) != value}
        if own:
            texts[ADOPTED_TAG] = "true"
        if known is not None and parent is not None and not own:
            texts[strings.PARENT_RUN_ID] = parent  # if a log grew, a run may have a different value
        if note is not None and (known is None or known.own_note):
            texts[strings.NOTE] = note
        texts[DIGEST_TAG] = digest(record, note)
        for name, value in (last or {}).items():
            texts.pop(name, None)  # it comes to the end
            texts[name] = value
        tags = [RunTag(name, value) for name, value in texts.items()]
        while metrics or params or tags:
            now_params, params = params[: strings.MAX_PARAMS_PER_BATCH], params[strings.MAX_PARAMS_PER_BATCH :]
            room = strings.MAX_ENTITIES_PER_BATCH - len(now_params) - strings.MAX_TAGS_PER_BATCH
            now_metrics, metrics = metrics[:room], metrics[room:]
            now_tags: list[RunTag] = []
            if not metrics and not params:  # tags are in the last calls, with the digest at the end
                now_tags, tags = tags[: strings.MAX_TAGS_PER_BATCH], tags[strings.MAX_TAGS_PER_BATCH :]
            self._store.call(self._client.log_batch, run_id, now_metrics, now_params, now_tags)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Sets all of them in one call."""
        with translate_errors("cannot set tags"):
            batch = [RunTag(name, value) for name, value in tags.items()]
            self._store.call(self._client.log_batch, run_id, tags=batch)

    def abandon(self, run_id: str) -> None:
        """Delete a run and mark it as abandoned, so that it does not count as deleted by the user."""
        try:
            self.set_tags(run_id, {KEY_TAG: ABANDONED, FINGERPRINT_TAG: "", LEASE_TAG: ""})
            self._store.call(self._client.delete_run, run_id)
        except (PublishError, MlflowException):
            if self._store.call(self._client.get_run, run_id).info.lifecycle_stage != "deleted":
                raise

    def _delete_tag(self, run_id: str, name: str) -> None:
        try:
            self._client.delete_tag(run_id, name)
        except MlflowException:
            if name in self._client.get_run(run_id).data.tags:  # else an earlier call deleted it
                raise
