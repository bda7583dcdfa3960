"""The history of recurring jobs, from MLflow alone or from a Parquet dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..schemas.job_history import COMPARED_RUNS, JobRun
from ..schemas.prices import PriceList
from .errors import InputError
from .job_history import history_page, history_rows, judge_all
from .job_history.render import Judged, cost_heading
from .orchestrators import fields_match


@dataclass(frozen=True, slots=True)
class HistorySource:
    """Where runs are read from: a tracking store, or the dataset at `dataset`, whose costs `prices` give."""

    tracking_uri: str | None = None
    experiment: str | None = None
    everywhere: bool = False
    dataset: str | None = None
    prices: PriceList | None = None


@dataclass(frozen=True, slots=True)
class JobSummary:
    """One recurring job: its number of runs, the newest one, and its verdict."""

    job: str
    runs: int
    last: JobRun


def read_job_runs(
    source: HistorySource, job: str | None = None, orchestrators: Mapping[str, str] | None = None
) -> list[JobRun]:
    """The runs of jobs whose name matches the glob, oldest first. `orchestrators` are globs by field.

    Raises:
        InputError: the dataset cannot be read.
        PublishError: the store cannot be reached.
    """
    found = [
        run
        for run in _runs(source, job)
        if (job is None or run.job == job or fnmatchcase(run.job, job))
        and fields_match(run.orchestrators, orchestrators or {})
    ]
    return sorted(found, key=lambda run: (run.start_ms, run.app_id))


def _runs(source: HistorySource, job: str | None) -> Iterable[JobRun]:
    if source.dataset is not None:
        from .dataset_job_runs import dataset_job_runs

        return dataset_job_runs(source.dataset, source.prices)
    from .publish import all_job_runs, newest_job_runs, open_store

    store = open_store(source.tracking_uri, source.experiment)
    if store is None:
        return []
    if job is not None and not source.everywhere and not any(sign in job for sign in "*?["):
        return newest_job_runs(store, job, _MOST)
    return all_job_runs(store, source.everywhere)


_MOST = 1000


def summarize_jobs(runs: Iterable[JobRun]) -> list[JobSummary]:
    """The jobs of these runs, the one that ran last first."""
    by_job: dict[str, list[JobRun]] = {}
    for run in runs:
        by_job.setdefault(run.job, []).append(run)
    found = [JobSummary(job, len(own), max(own, key=lambda run: run.start_ms)) for job, own in by_job.items()]
    return sorted(found, key=lambda one: -one.last.start_ms)


def job_history(runs: Sequence[JobRun], last: int, compared_runs: int = COMPARED_RUNS) -> list[Judged]:
    """The last runs of one job, oldest first, each with its verdict.

    Raises:
        InputError: there is no run, or the runs are of several jobs.
    """
    jobs = sorted({run.job for run in runs})
    if not jobs:
        raise InputError("no run of this job is there; `afterglow history` lists the jobs")
    if len(jobs) > 1:
        raise InputError(f"several jobs match: {', '.join(jobs[:10])}; name one")
    return judge_all(runs, compared_runs)[-last:]


def rows_of(history: Sequence[Judged]) -> tuple[str, list[dict[str, object]]]:
    """The title of the column of costs, and the rows of a history for the terminal."""
    return cost_heading(history), list(history_rows(history))


def page_of(job: str, history: Sequence[Judged]) -> bytes:
    """A history as an HTML file."""
    return history_page(job, history)
