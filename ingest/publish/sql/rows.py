"""Make the same rows as SqlAlchemyStore, and send them in one transaction."""

import sys
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ....schemas import mlflow as strings
from ..error_messages import translate_errors
from ..existing_runs import Known
from ..interface import Metric, RunRecord
from ..mlflow_internals import SqlAlchemyStore, append_to_uri_path, models
from .bulk_insert import Row, insertion, skips_checks

_ROWS_AT_ONCE = 40_000
_BATCHES_ON_THEIR_WAY = 2
_LARGEST = sys.float_info.max
TABLES: tuple[sa.Table, ...] = tuple(
    model.__table__
    for model in (models.SqlRun, models.SqlTag, models.SqlParam, models.SqlMetric, models.SqlLatestMetric)
)
_TEXTS = ("key", "value", "run_uuid")
_METRICS = ("key", "value", "timestamp", "step", "is_nan", "run_uuid")
FILLED: Mapping[str, tuple[str, ...]] = {
    "runs": (
        *("run_uuid", "name", "artifact_uri", "experiment_id", "source_type", "source_name", "entry_point_name"),
        *("user_id", "status", "start_time", "end_time", "deleted_time", "source_version", "lifecycle_stage"),
    ),
    "tags": _TEXTS,
    "params": _TEXTS,
    "metrics": _METRICS,
    "latest_metrics": _METRICS,
}
"""The columns that are filled, in the order of a row. An MLflow version that requires more is not supported."""


class Rows:
    """The rows of one transaction. A thread sends them in batches while the next ones are made."""

    def __init__(self, session: orm.Session, experiment_id: int, artifact_location: str) -> None:
        self._session, self._experiment_id, self._location = session, experiment_id, artifact_location
        self._rows: dict[sa.Table, list[Row]] = {table: [] for table in TABLES}
        self._made: set[str] = set()
        self._sender = ThreadPoolExecutor(1, "afterglow-rows")
        self._sent: deque[Future[None]] = deque()

    @property
    def session(self) -> orm.Session:
        """The session, after waiting for pending batches."""
        self._wait()
        return self._session

    def _wait(self, until: int = 0) -> None:
        """Wait until at most `until` batches are pending."""
        while len(self._sent) > until:
            with translate_errors("cannot write runs"):
                self._sent.popleft().result()

    def close(self) -> None:
        """Wait for pending batches. Errors are ignored, since the transaction is not committed."""
        self._sender.shutdown()

    def artifact_uri(self, run_id: str) -> str:
        """The location of a run's artifacts."""
        before, after = self._around_run_id
        return f"{before}{run_id}{after}"

    @cached_property
    def _around_run_id(self) -> tuple[str, str]:
        """The location of a run's artifacts before and after the run's id."""
        run_id = uuid.uuid4().hex
        uri = str(append_to_uri_path(self._location, run_id, SqlAlchemyStore.ARTIFACTS_FOLDER_NAME))
        before, _, after = uri.rpartition(run_id)
        return before, after

    def run(self, record: RunRecord, run_id: str) -> None:
        """Add a run, in the state that SqlAlchemyStore.create_run and update_run_info leave."""
        user, location = record.tags.get(strings.USER, "unknown"), self.artifact_uri(run_id)
        row = (run_id, record.name, location, self._experiment_id, "UNKNOWN", "", "", user, record.status)
        self._rows[models.SqlRun.__table__].append((*row, record.start_ms, record.end_ms, None, "", "active"))
        self._made.add(run_id)

    def texts(self, model: Any, run_id: str, values: Mapping[str, str]) -> None:
        """Add tags or params of a run; `model` is the MLflow class of their table."""
        self._rows[model.__table__] += [(key, value, run_id) for key, value in values.items()]

    def metrics(self, run_id: str, metrics: Iterable[Metric]) -> None:
        """Add metrics of a run without duplicates, and the latest value of each."""
        rows: list[Row] = []
        latest: dict[str, tuple[tuple[int, int, float], Row]] = {}
        for name, number, at, step in dict.fromkeys(metrics):
            is_nan = number != number
            value = 0.0 if is_nan else max(-_LARGEST, min(number, _LARGEST))  # like sanitize_metric_value
            row = (name, value, at, step, is_nan, run_id)
            rows.append(row)
            order = step, at, value
            if name not in latest or order > latest[name][0]:
                latest[name] = order, row
        self._rows[models.SqlMetric.__table__] += rows
        self._rows[models.SqlLatestMetric.__table__] += [row for _, row in latest.values()]

    def end(self, record: RunRecord, known: Known) -> None:
        """Immediately update the status, end and name of a run that is in the store."""
        values: dict[str, Any] = {"status": record.status, "end_time": record.end_ms}
        if known.own_name:
            values["name"] = record.name
        self.session.execute(sa.update(models.SqlRun).where(models.SqlRun.run_uuid == known.run_id).values(**values))

    def delete(self, run_id: str, model: Any, names: Iterable[str]) -> None:
        """Immediately delete tags or metrics of a run by name."""
        wanted = sorted(set(names))
        for begin in range(0, len(wanted), 500):
            some = model.key.in_(wanted[begin : begin + 500])
            self.session.execute(sa.delete(model).where(model.run_uuid == run_id, some))

    def send_if_many(self) -> None:
        """Send the rows that are ready, if there are enough for a statement per table."""
        if sum(map(len, self._rows.values())) >= _ROWS_AT_ONCE:
            self.send()

    def send(self) -> None:
        """Send the rows that are ready without waiting for the database.

        Raises:
            PublishError: the database refused these rows, or those sent before them.
        """
        dialect, rows = self._session.get_bind().dialect, self._rows
        self._rows = {table: [] for table in TABLES}
        # runs first: the other tables refer to them
        batch = [
            insertion(dialect, table, FILLED[table.name], some, self._all_made(table, some))
            for table, some in rows.items()
            if some
        ]
        self._wait(_BATCHES_ON_THEIR_WAY - 1)
        self._sent.append(self._sender.submit(self._send, batch))

    def _all_made(self, table: sa.Table, rows: Sequence[Row]) -> bool:
        """Whether the user lets the check of the rows' runs be skipped, and all were created in this transaction."""
        return skips_checks() and table is not models.SqlRun.__table__ and all(row[-1] in self._made for row in rows)

    def _send(self, batch: Sequence[Callable[[sa.Connection], None]]) -> None:
        connection = self._session.connection()
        for one in batch:
            one(connection)

    def send_now(self) -> None:
        """Sends the rows that are ready and waits until the database has them; raises as `send` does."""
        self.send()
        self._wait()
