"""Read the runs of a recurring job from a store, with MLflow's client."""

from collections.abc import Iterator, Sequence

from mlflow.entities import Run

from ...schemas.job_history import JOB_TAG, JobRun
from ...schemas.runs.params_tags import APP_ID_TAG, LEVEL_TAG
from ..job_run import stored_job_run
from .error_messages import translate_errors
from .search_conditions import condition
from .store import TrackingStore
from .views import tree_view

_AT_ONCE = 1000
_APPLICATIONS = f"tags.`{LEVEL_TAG}` = 'application'"


def newest_job_runs(store: TrackingStore, job: str, most: int, before_ms: int | None = None) -> list[JobRun]:
    """The newest applications of a job in the store's experiment, those that began before a time. Needs one search."""
    where = f"{_APPLICATIONS} and {condition(JOB_TAG, job)}"
    where += f" and attributes.start_time < {before_ms}" if before_ms is not None else ""
    with translate_errors("cannot search runs"):
        runs = store.call(
            store.client.search_runs,
            [store.experiment_id],
            where,
            max_results=min(most, _AT_ONCE),
            order_by=["attributes.start_time DESC"],
        )
    return [found for found in (job_run(store, run) for run in runs) if found is not None and found.job == job]


def all_job_runs(store: TrackingStore, everywhere: bool = False) -> Iterator[JobRun]:
    """All applications with a job, in the store's experiment or in all."""
    where: Sequence[str] = store.experiments() if everywhere else ()
    for run in store.search(f"{_APPLICATIONS} and tags.`{JOB_TAG}` != ''", experiments=where):
        found = job_run(store, run)
        if found is not None:
            yield found


def job_run(store: TrackingStore, run: Run) -> JobRun | None:
    """An application's run as a run of its job; None if it has none, or its tree is incomplete."""
    info, tags = run.info, run.data.tags
    url = store.within(info.experiment_id).url(tree_view(tags.get(APP_ID_TAG, "")))
    return stored_job_run(tags, run.data.metrics, info.run_name, info.status, info.start_time, info.run_id, url)
