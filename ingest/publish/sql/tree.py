"""The transaction that writes one application's tree into MLflow's tables."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from ....schemas import mlflow as strings
from ....schemas.runs.params_tags import APP_ID_TAG, DIGEST_TAG, FINGERPRINT_TAG, KEY_TAG, LEASE_TAG
from ...errors import PublishError
from ..existing_runs import WITHDRAWN, Known, digest, known_run, known_runs, renewed
from ..interface import Dataset, Metric, Published, RunRecord, State
from ..lease import Watch
from ..retry import refused
from ..run_ids import derived_id
from .app_index import Seen
from .datasets import add_dataset
from .rows import Rows

_LOOK_AGAIN_S = 1.0


class SqlTree:
    """See TreeWriter."""

    def __init__(
        self,
        session: Any,
        experiment_id: int,
        artifact_location: str,
        artifacts_through: str,
        parent_run: str | None,
        own: Mapping[str, str],
        published: Callable[[str, State], Published],
        look: Callable[[], list[Any]],
        seen: Seen | None = None,
    ) -> None:
        self.settled: Published | None = None
        self.kept: int = 0  # all or nothing
        self.finished = False
        self.num_written = 0
        self._rows, self._experiment_id = Rows(session, experiment_id, artifact_location), experiment_id
        self._artifacts_through = artifacts_through
        self._parent_run, self._own, self._published = parent_run, own, published
        self._known: dict[str, Known] = {}
        self._deleted: set[str] = set()
        self._ids: dict[str, str] = dict(own)
        self._datasets: list[Dataset] = []
        self._look, self._identity, self._watch = look, "", Watch()
        self._root, self._seen = "", seen

    @property
    def session(self) -> Any:
        """The session, when nothing is on its way through it."""
        return self._rows.session

    def close(self) -> None:
        """Ends what is on its way."""
        self._rows.close()

    def take(self, root: RunRecord, identity: str, restore: bool, watch: Watch) -> bool:
        """Holds the root's row until the transaction ends: whoever comes second waits for it. True where an import
        through the tracking API holds the tree.

        Raises:
            PublishError: the database refused, because of an IntegrityError where another transaction made it first.
        """
        self._root, self._identity, self._watch = root.key, identity, watch
        locked = self.session.get_bind().dialect.name == "sqlite"
        if locked:
            self.session.execute(sa.text("BEGIN IMMEDIATE"))  # it has one lock; nothing is looked at before
        app_id = root.tags[APP_ID_TAG]
        new = self._seen is not None and not self._seen.has(self.session, app_id, root.key)
        there = [] if new else self._roots()
        if there and not locked:
            ids = [run.info.run_id for run in there]
            self.session.execute(sa.select(models.SqlRun.run_uuid).where(_among(ids)).with_for_update()).all()
            there = self._roots()  # as whoever held it before has left it
        active = [run for run in there if run.info.lifecycle_stage != "deleted"]
        if there and not active and not restore:
            self.settled = self._published(there[0].info.run_id, "deleted")
            return False
        for run in active:
            if run.data.tags.get(FINGERPRINT_TAG) == identity:
                self._ids[root.key] = run.info.run_id
                self.settled = self._published(run.info.run_id, "unchanged")
                return False
        if any(watch.alive(run.info.run_id, run.data.tags.get(LEASE_TAG)) for run in active):
            return True
        if there:
            run_id = (active or there)[0].info.run_id
            if not active:
                self._revive([run_id])
        else:
            run_id = self._derived(root.key)
            self._rows.run(root, run_id)
            self._rows.send_now()
        self._ids[root.key] = run_id
        runs = [] if new else self._runs(APP_ID_TAG, app_id)
        self._known = known_runs((run for run in runs if run.data.tags.get(KEY_TAG) != root.key), root.key)
        self._known |= known_runs((run for run in runs if run.info.run_id == run_id), root.key)
        if not there:  # made in this transaction; it has no tags yet, so it is not among the known
            self._known[root.key] = Known(run_id, root.name, None, "", False, {}, {})
        for key, run_id in self._own.items():
            run = self.session.get(models.SqlRun, run_id).to_mlflow_entity()
            self._known.setdefault(key, known_run(run))
        if restore:
            self._revive([known.run_id for known in self._known.values() if known.deleted])
        self._withdraw_doubles(runs)
        for key, known in self._known.items():
            self._ids.setdefault(key, known.run_id)
        self._deleted = {key for key, known in self._known.items() if known.deleted and not restore}
        return False

    def _withdraw_doubles(self, runs: Sequence[Any]) -> None:
        """Deletes what an import through the tracking API made twice, or gave up, and did not live to delete."""
        ours = {known.run_id for known in self._known.values()} | {*self._ids.values(), *self._own.values()}
        for run in runs:
            key, run_id = run.data.tags.get(KEY_TAG, ""), run.info.run_id
            of_tree = key in (WITHDRAWN, self._root) or key.startswith(self._root + "/")
            if of_tree and run_id not in ours and run.info.lifecycle_stage != "deleted":
                gone = {"lifecycle_stage": "deleted", "deleted_time": int(time.time() * 1000)}
                self.session.execute(sa.update(models.SqlRun).where(_among([run_id])).values(**gone))
                self._rows.forget(run_id, models.SqlTag, [KEY_TAG, FINGERPRINT_TAG, LEASE_TAG])
                self._rows.named(models.SqlTag, run_id, {KEY_TAG: WITHDRAWN})

    def _revive(self, run_ids: Sequence[str]) -> None:
        for begin in range(0, len(run_ids), 500):
            change = sa.update(models.SqlRun).where(_among(run_ids[begin : begin + 500]))
            self.session.execute(change.values(lifecycle_stage="active", deleted_time=None))

    def _roots(self) -> list[Any]:
        return self._runs(KEY_TAG, self._root)

    def _runs(self, tag: str, value: str) -> list[Any]:
        """MLflow's runs with this tag, deleted ones too."""
        tagged = sa.select(models.SqlTag.run_uuid).where(models.SqlTag.key == tag, models.SqlTag.value == value)
        query = (
            self.session.query(models.SqlRun)
            .options(*SqlAlchemyStore._get_eager_run_query_options())
            .filter(models.SqlRun.experiment_id == self._experiment_id, models.SqlRun.run_uuid.in_(tagged))
        )
        found = [run.to_mlflow_entity() for run in query.yield_per(500)]
        self.session.expunge_all()
        return [run for run in found if run.data.tags.get(tag) == value]  # MySQL takes A for a

    def _derived(self, key: str) -> str:
        return derived_id(self._experiment_id, key)

    def reserve(self, records: Sequence[RunRecord]) -> None:
        """See TreeWriter: ids are derived from the keys, nothing is written yet."""
        for record in records:
            self._ids.setdefault(record.key, self._derived(record.key))

    def run_id(self, key: str) -> str:
        """See TreeWriter."""
        return self._ids[key]

    def write(self, record: RunRecord, note: str | None = None) -> bool:
        """See TreeWriter."""
        known = self._known.get(record.key)
        if record.key in self._deleted or (known is not None and known.stands(record, note)):
            return False
        run_id = self._ids.setdefault(record.key, self._derived(record.key))
        self.num_written += 1
        if known is None:
            self._rows.run(record, run_id)
        elif record.key not in self._own:
            self._rows.end(record, known)
        tags = self._tags(record, note, known)
        params = {name: value for name, value in record.params.items() if known is None or name not in known.params}
        metrics: Iterable[Metric] = record.metrics
        if known is not None:
            self._rows.forget(run_id, models.SqlTag, tags)
            if record.key in self._own:  # the job's own figures stay; what it has said already is not said again
                metrics = [m for m in renewed(record, known.latest) if known.latest.get(m[0], (0, None))[1] != m[1]]
                self._rows.forget(run_id, models.SqlLatestMetric, [name for name, *_ in metrics])
            else:
                self._rows.forget(run_id, models.SqlTag, known.stale_tags(record))
                names = {*(name for name, *_ in metrics), *known.stale_metrics(record)} if known.latest else ()
                self._rows.forget(run_id, models.SqlMetric, names)
                self._rows.forget(run_id, models.SqlLatestMetric, names)
        self._rows.named(models.SqlTag, run_id, tags)
        self._rows.named(models.SqlParam, run_id, params)
        self._rows.metrics(run_id, metrics)
        self._rows.send_if_many()
        return True

    def _tags(self, record: RunRecord, note: str | None, known: Known | None) -> dict[str, str]:
        tags = {**record.tags, DIGEST_TAG: digest(record, note)}
        if record.key not in self._own:
            parent = self._ids[record.parent] if record.parent is not None else self._parent_run
            tags[strings.SOURCE_TYPE] = "JOB"
            if parent is not None:
                tags[strings.PARENT_RUN_ID] = parent
            if known is None or known.own_name:
                tags[strings.RUN_NAME] = record.name
        if note is not None and (known is None or known.own_note):
            tags[strings.NOTE] = note
        return tags

    def flush(self) -> None:
        """See TreeWriter."""
        self._rows.send()

    def datasets(self, datasets: Iterable[Dataset]) -> None:
        """See TreeWriter. They are written right before the commit: other applications read the same ones, and would
        wait. The same order everywhere, so that two never wait for each other."""
        self._datasets = sorted(datasets, key=lambda one: (one.name, one.digest))

    def artifacts(self, key: str, folder: str) -> None:
        """See TreeWriter. An upload whose transaction fails is overwritten by the next."""
        if key in self._deleted:
            return
        with refused("cannot upload artifacts"):
            uri = self._rows.artifact_uri(self._ids[key])
            get_artifact_repository(uri, tracking_uri=self._artifacts_through).log_artifacts(folder)

    def finish(self, tags: Mapping[str, str]) -> None:
        """See TreeWriter: the one commit."""
        tags = {**tags, LEASE_TAG: ""}
        self.flush()
        with refused("cannot commit"):
            for one in self._datasets:
                add_dataset(self.session, self._experiment_id, self._ids[self._root], one)
            self._rows.forget(self._ids[self._root], models.SqlTag, tags)
            self._rows.named(models.SqlTag, self._ids[self._root], tags)
            self.flush()
            if self._overtaken():
                return
            self.session.commit()
        self.finished = True

    def _overtaken(self) -> bool:
        """Whether an import through the tracking API began the same tree meanwhile: then this one is given up, and
        that one waited for. It in turn looks for this one's commit when it is done."""
        if self.session.get_bind().dialect.name == "sqlite":
            return False  # nobody else could write
        given_up = False
        while True:
            mine, alive = self._ids[self._root], False
            others = self._look()
            for run in others:
                if run.info.run_id != mine and run.data.tags.get(FINGERPRINT_TAG) == self._identity:
                    self.session.rollback()
                    self.settled = self._published(run.info.run_id, "unchanged")
                    return True
                alive = self._watch.alive(run.info.run_id, run.data.tags.get(LEASE_TAG)) or alive
            if not alive and given_up:
                return self._given_way(others)
            if not alive:
                if any(run.info.run_id != mine for run in others):  # begun meanwhile, and its process is dead
                    self._withdraw_doubles(self._runs(KEY_TAG, self._root))
                    self.flush()
                return False
            self.session.rollback()
            given_up = True
            time.sleep(_LOOK_AGAIN_S)

    def _given_way(self, roots: Sequence[Any]) -> bool:
        for run in roots:
            if run.data.tags.get(FINGERPRINT_TAG) == self._identity:
                self.settled = self._published(run.info.run_id, "unchanged")
                return True
        raise PublishError("an import through the tracking API took the same tree and ended half-way")


def _among(run_ids: Sequence[str]) -> Any:
    return models.SqlRun.run_uuid.in_(run_ids)
