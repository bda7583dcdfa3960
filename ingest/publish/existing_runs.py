"""Read the runs of an earlier import, and detect what the user changed since.

Every run has the tag `afterglow.digest`: digests of its content, name and description as Afterglow last wrote them. The
tag is written last, so a run without it is incomplete.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mlflow.entities import Run

from ...schemas import mlflow as strings
from ...schemas.job_history import SENT_TAG
from ...schemas.runs.metrics import RUN_METRICS
from ...schemas.runs.params_tags import (
    ADOPTED_TAG,
    DIGEST_TAG,
    FINGERPRINT_TAG,
    KEY_TAG,
    LEASE_TAG,
    LEVEL_TAG,
    RUNS_TAG,
    STUDY_TAG,
    TRACE_TAG,
    VERSION_TAG,
    WRITTEN_TAG,
)
from .interface import Metric, RunRecord
from .mlflow_internals import latest_metrics
from .records import text_digest

ABANDONED = "abandoned"
"""The key of a deleted run that was created twice, because an answer got lost or another import came first."""

_DECLARED = frozenset(metric.name for metric in RUN_METRICS)
_TRAINING = ("tuning", "trial", "fit")
_OF_WRITING = {
    ADOPTED_TAG,
    FINGERPRINT_TAG,
    DIGEST_TAG,
    KEY_TAG,
    RUNS_TAG,
    STUDY_TAG,
    TRACE_TAG,
    VERSION_TAG,
    LEASE_TAG,
    WRITTEN_TAG,
    SENT_TAG,
}


@dataclass(frozen=True, slots=True)
class Known:
    """A run that is already in the store. `latest` maps a metric to its newest (time_ms, value)."""

    run_id: str
    name: str
    note: str | None
    digest: str
    deleted: bool
    params: Mapping[str, str]
    latest: Mapping[str, tuple[int, float]]
    tags: frozenset[str] = frozenset()
    """Names of the tags that only Afterglow writes, and that come from the log."""
    level: str = ""
    adopted: bool = False
    """Whether the training job created it."""

    def stale_tags(self, record: RunRecord) -> list[str]:
        """Tags from an earlier import that this import no longer has, because the log grew or is read in less
        detail."""
        return sorted(self.tags - record.tags.keys())

    def stale_metrics(self, record: RunRecord) -> list[str]:
        """The same for declared metrics only, since any other may be the user's."""
        now = {name for name, *_ in record.metrics}
        return [
            name for name, (_, value) in self.latest.items() if name in _DECLARED and name not in now and value == value
        ]

    @property
    def own_name(self) -> bool:
        """Whether the name is the one that Afterglow wrote."""
        return not self.digest or self.digest.split(".")[1] == text_digest(self.name)

    @property
    def own_note(self) -> bool:
        """Whether the description is the one that Afterglow wrote."""
        return not self.note or self.digest.split(".")[2:] == [text_digest(self.note)]

    def is_current(self, record: RunRecord, note: str | None) -> bool:
        """Whether this equals the last write. If so, nothing is written, even if the user changed the run since."""
        return self.digest == digest(record, note)


def renewed(record: RunRecord, latest: Mapping[str, tuple[int, float]]) -> list[Metric]:
    """The record's metrics that the run does not have, with timestamps that make MLflow show the new values.

    MLflow shows the greatest of a metric's newest values, so a changed value needs a later timestamp. Points of a
    history differ in their steps.
    """
    count = Counter(name for name, *_ in record.metrics) if latest else Counter[str]()
    metrics = []
    for name, value, at, step in record.metrics:
        before = latest.get(name) if count[name] == 1 else None
        if before is not None and before[0] >= at:
            if before[1] == value:  # MLflow 2.9 refuses a metric that it has
                continue
            at = before[0] + 1
        metrics.append((name, value, at, step))
    return metrics


def digest(record: RunRecord, note: str | None) -> str:
    """The value of `afterglow.digest` for a run with this content and description."""
    return ".".join((record.digest, text_digest(record.name), text_digest(note or "")))


def known_run(run: Run) -> Known:
    """Convert an MLflow run."""
    tags, latest = run.data.tags, latest_metrics(run)
    deleted = run.info.lifecycle_stage == "deleted"
    written = tags.get(DIGEST_TAG, "")
    ours = frozenset(name for name in tags if name.startswith("afterglow.") and name not in _OF_WRITING)
    note, params = tags.get(strings.NOTE), run.data.params
    level, adopted = tags.get(LEVEL_TAG, ""), ADOPTED_TAG in tags
    return Known(run.info.run_id, run.info.run_name, note, written, deleted, params, latest, ours, level, adopted)


def replaced_runs(known: Mapping[str, Known], keys: Collection[str]) -> list[str]:
    """The ids of runs of searches and fits that the tree with these keys no longer has.

    When a log grows, fits may turn out to be the trials of a loop. What they were before must not stay beside it.
    """
    return [
        run.run_id
        for key, run in known.items()
        if run.level in _TRAINING and key not in keys and not run.deleted and not run.adopted
    ]


def known_runs(runs: Iterable[Run], root_key: str) -> dict[str, Known]:
    """Key -> run, for MLflow's runs of one tree. If two runs have the same key, the active one is used."""
    found: dict[str, Known] = {}
    for run in runs:
        key = run.data.tags.get(KEY_TAG, "")
        deleted = run.info.lifecycle_stage == "deleted"
        if not (key == root_key or key.startswith(root_key + "/")) or (key in found and deleted):
            continue
        found[key] = known_run(run)
    return found
