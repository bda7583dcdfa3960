"""What an earlier import left of a run, and whether a person changed it since.

Every run carries `afterglow.digest`: of its content, of its name and of its description as Afterglow wrote them last.
It is written after everything else of the run, so a run without it is not whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...schemas import mlflow as strings
from ...schemas.runs import DIGEST_TAG, KEY_TAG
from .interface import Metric, RunRecord
from .plan import short_hash

WITHDRAWN = "withdrawn"
"""The key of a run that was made twice, by an answer that got lost or an import that came second; it is deleted."""


@dataclass(frozen=True, slots=True)
class Known:
    """A run that is in the store already. `latest` is per metric its newest (time_ms, value)."""

    run_id: str
    name: str
    note: str | None
    digest: str
    deleted: bool
    params: Mapping[str, str]
    latest: Mapping[str, tuple[int, float]]

    @property
    def own_name(self) -> bool:
        """Whether the name is the one that was written."""
        return not self.digest or self.digest.split(".")[1] == short_hash(self.name)

    @property
    def own_note(self) -> bool:
        """Whether the description is the one that was written."""
        return not self.note or self.digest.split(".")[2:] == [short_hash(self.note)]

    def stands(self, record: RunRecord, note: str | None) -> bool:
        """Whether this is what was written last: nothing is to be done then, whatever a person changed since."""
        return self.digest == digest(record, note)


def renewed(record: RunRecord, latest: Mapping[str, tuple[int, float]]) -> list[Metric]:
    """The record's metrics. MLflow takes as a run's latest value the greatest of the newest ones, so a figure that
    changed has to be newer than the one before; points of a history have steps of their own."""
    count = Counter(name for name, *_ in record.metrics) if latest else Counter[str]()
    metrics = []
    for name, value, at, step in record.metrics:
        before = latest.get(name) if count[name] == 1 else None
        if before is not None and before[1] != value and before[0] >= at:
            at = before[0] + 1
        metrics.append((name, value, at, step))
    return metrics


def digest(record: RunRecord, note: str | None) -> str:
    """The value of `afterglow.digest` for a run with this content and description."""
    return ".".join((record.digest, short_hash(record.name), short_hash(note or "")))


def known_run(run: Any) -> Known:
    """What MLflow's run says of itself."""
    tags, latest = run.data.tags, {metric.key: (metric.timestamp, metric.value) for metric in run.data._metric_objs}
    deleted = run.info.lifecycle_stage == "deleted"
    written = tags.get(DIGEST_TAG, "")
    return Known(run.info.run_id, run.info.run_name, tags.get(strings.NOTE), written, deleted, run.data.params, latest)


def known_runs(runs: Iterable[Any], root_key: str) -> dict[str, Known]:
    """Key -> what is there, from MLflow's runs; of two with one key the one that is not deleted."""
    found: dict[str, Known] = {}
    for run in runs:
        key = run.data.tags.get(KEY_TAG, "")
        deleted = run.info.lifecycle_stage == "deleted"
        if not (key == root_key or key.startswith(root_key + "/")) or (key in found and deleted):
            continue
        found[key] = known_run(run)
    return found
