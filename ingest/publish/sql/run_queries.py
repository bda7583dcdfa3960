"""Read and restore runs in the session's transaction, without MLflow's store, which would commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from mlflow.entities import Run
from sqlalchemy import orm

from ....schemas import mlflow as strings
from ....schemas.job_history import (
    FINDINGS_TAG,
    JOB_TAG,
    METRICS,
    REGRESSION_TAG,
    SENT_TAG,
    SINCE_TAG,
    JobRun,
)
from ....schemas.runs.params_tags import (
    APP_ID_TAG,
    ATTEMPT_TAG,
    COMPLETENESS_TAG,
    FINGERPRINT_TAG,
    ISSUES_TAG,
    LEASE_TAG,
    LEVEL_TAG,
    RUNS_TAG,
    STUDY_TAG,
)
from ...job_run import stored_job_run
from ..mlflow_internals import models, query_runs

_IDS_AT_ONCE = 500
_OF_HISTORY = (JOB_TAG, REGRESSION_TAG, SINCE_TAG, SENT_TAG, "mlflow.source.name")
_OF_TREE = (APP_ID_TAG, ATTEMPT_TAG, COMPLETENESS_TAG, FINGERPRINT_TAG, ISSUES_TAG, LEASE_TAG, RUNS_TAG, *_OF_HISTORY)
_OF_JOB_RUN = (APP_ID_TAG, ATTEMPT_TAG, COMPLETENESS_TAG, FINGERPRINT_TAG, FINDINGS_TAG, *_OF_HISTORY)


def runs_by_tag(session: orm.Session, experiment_id: int, tag: str, value: str) -> list[Run]:
    """The runs of an experiment with exactly this value of a tag, including deleted ones."""
    tagged = sa.select(models.SqlTag.run_uuid).where(models.SqlTag.key == tag, models.SqlTag.value == value)
    run = models.SqlRun
    query = query_runs(session).filter(run.experiment_id == experiment_id, run.run_uuid.in_(tagged))
    found = [run.to_mlflow_entity() for run in query.yield_per(_IDS_AT_ONCE)]
    session.expunge_all()
    return [run for run in found if run.data.tags.get(tag) == value]  # MySQL ignores case


def runs_by_id(session: orm.Session, run_ids: Sequence[str]) -> list[Run]:
    """The runs with these ids."""
    return [run.to_mlflow_entity() for run_id in run_ids if (run := session.get(models.SqlRun, run_id)) is not None]


def restore_runs(session: orm.Session, run_ids: Sequence[str]) -> None:
    """Restore deleted runs."""
    for begin in range(0, len(run_ids), _IDS_AT_ONCE):
        some = models.SqlRun.run_uuid.in_(run_ids[begin : begin + _IDS_AT_ONCE])
        session.execute(sa.update(models.SqlRun).where(some).values(lifecycle_stage="active", deleted_time=None))


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """An application run, with the tags that describe its tree."""

    run_id: str
    experiment_id: str
    deleted: bool
    tags: dict[str, str] = field(default_factory=dict)


def application_rows(session: orm.Session, experiment_id: int) -> list[ApplicationRow]:
    """The application runs of an experiment, and those in others that are under or beside a run of a training job.
    Deleted ones come first.

    MLflow's own search reads all their metrics, which takes 9 ms per run.
    """
    run, tag = models.SqlRun, models.SqlTag
    moved = run.run_uuid.in_(sa.select(tag.run_uuid).where(tag.key.in_([strings.PARENT_RUN_ID, STUDY_TAG])))
    query = (
        sa.select(run.run_uuid, run.experiment_id, run.lifecycle_stage)
        .join(tag, sa.and_(tag.run_uuid == run.run_uuid, tag.key == LEVEL_TAG))
        .where(tag.value == "application", sa.or_(run.experiment_id == experiment_id, moved))
        .order_by(run.lifecycle_stage.desc())
    )
    rows = session.execute(query)
    found = {run_id: ApplicationRow(run_id, str(where), stage == "deleted") for run_id, where, stage in rows}
    ids = query.order_by(None).with_only_columns(run.run_uuid)
    tags = sa.select(tag.run_uuid, tag.key, tag.value).where(tag.run_uuid.in_(ids), tag.key.in_(_OF_TREE))
    for run_id, key, value in session.execute(tags):
        if run_id in found:
            found[run_id].tags[key] = value or ""
    return list(found.values())


def newest_job_runs(session: orm.Session, experiment_id: int, job: str, before_ms: int, most: int) -> list[JobRun]:
    """The newest runs of a recurring job that began before a time; three queries, whatever the number of metrics."""
    run, tag, metric = models.SqlRun, models.SqlTag, models.SqlLatestMetric
    query = (
        sa.select(run.run_uuid, run.name, run.status, run.start_time)
        .join(tag, sa.and_(tag.run_uuid == run.run_uuid, tag.key == JOB_TAG, tag.value == job))
        .where(run.experiment_id == experiment_id, run.lifecycle_stage == "active", run.start_time < before_ms)
        .order_by(run.start_time.desc())
        .limit(most)
    )
    found = session.execute(query).all()
    ids = [row[0] for row in found]
    tags: dict[str, dict[str, str]] = {run_id: {} for run_id in ids}
    metrics: dict[str, dict[str, float]] = {run_id: {} for run_id in ids}
    for begin in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[begin : begin + _IDS_AT_ONCE]
        rows = sa.select(tag.run_uuid, tag.key, tag.value).where(tag.run_uuid.in_(some), tag.key.in_(_OF_JOB_RUN))
        for run_id, key, value in session.execute(rows):
            tags[run_id][key] = value or ""
        figures = sa.select(metric.run_uuid, metric.key, metric.value).where(
            metric.run_uuid.in_(some), metric.key.in_(METRICS), metric.is_nan.is_(False)
        )
        for run_id, key, value in session.execute(figures):
            metrics[run_id][key] = value
    runs = (stored_job_run(tags[at], metrics[at], name, status, start, at) for at, name, status, start in found)
    return [one for one in runs if one is not None and one.job == job]  # MySQL ignores case
