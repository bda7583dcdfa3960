"""Hyperopt's SparkTrials: a job of one task per trial.

`hyperopt.spark._SparkFMinState` sets the job group `Hyperopt_SparkTrials_<id>` unless the thread has one already, as in
a notebook; its description of the jobs then stays. A trial that raised returns its exception, so its job succeeds: the
log does not say whether a trial failed. A cancelled trial is a failed job.
"""

from collections.abc import Collection

from .evidence import Evidence, Job
from .interface import Recognition, Search
from .trial_jobs import in_creation_order

FRAMEWORK = "hyperopt"
# hyperopt.spark.SparkTrials._SparkFMinState.__init__
_GROUP = "Hyperopt_SparkTrials_"
_DESCRIPTION = "Trial evaluation jobs launched by hyperopt fmin"


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """A search per job group."""
    groups: dict[str, list[Job]] = {}
    for job in evidence.jobs:
        if job.job_id not in claimed and _is_trial(job):
            groups.setdefault(job.group or "", []).append(job)
    return Recognition([_search(group, jobs, evidence) for group, jobs in groups.items()])


def _is_trial(job: Job) -> bool:
    return (job.group or "").startswith(_GROUP) or job.description == _DESCRIPTION


def _search(group: str, jobs: list[Job], evidence: Evidence) -> Search:
    uid = group if group.startswith(_GROUP) else f"{_GROUP}{group}" if group else _GROUP + str(jobs[0].job_id)
    search = Search(uid, FRAMEWORK, "exact", found_by="job group", kind="SparkTrials")
    for trial, job in enumerate(in_creation_order(jobs, evidence)):
        search.fit(trial).jobs[job.job_id] = "fit"
    return search
