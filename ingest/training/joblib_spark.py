"""joblib's Spark backend: scikit-learn's searches and other parallel calls, a job per batch of calls.

`joblibspark.backend.SparkDistributedBackend` sets one job group per backend object, which several calls may share. A
job is a batch, usually one candidate on one fold. The log has neither the number of folds nor the candidate. So every
batch is a trial, in the order in which joblib dispatched them.

A refit of an estimator that is parallel itself, such as a forest, runs through the same backend. Its jobs return parts
of a model, which differ in size; those of a search return scores, which are all of about one size.
"""

from collections.abc import Collection, Sequence

from .evidence import Evidence, Job
from .interface import Recognition, Search
from .trial_jobs import in_creation_order, waves

FRAMEWORK = "joblib-spark"
# joblibspark.backend.SparkDistributedBackend.__init__ and apply_async; over Spark Connect the group is a tag
_GROUP = "joblib-spark-job-group-"
_DESCRIPTION = "joblib spark jobs"
# How far the pickled scores of two fits differ in size, and how much larger a part of a model is.
_SCORES_DIFFER = 1.25
_PARTS_ARE_LARGER = 1.5


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """A search per job group."""
    groups: dict[str, list[Job]] = {}
    for job in evidence.jobs:
        group = _group(job)
        if group is not None and job.job_id not in claimed:
            groups.setdefault(group, []).append(job)
    sizes = _result_sizes(evidence) if groups else {}
    return Recognition([_search(group, jobs, evidence, sizes) for group, jobs in groups.items()])


def _group(job: Job) -> str | None:
    if (job.group or "").startswith(_GROUP):
        return job.group
    tag = next((tag for tag in job.tags if tag.startswith(_GROUP)), None)
    return tag or (job.group or _GROUP + "unnamed" if job.description == _DESCRIPTION else None)


def _search(group: str, jobs: Sequence[Job], evidence: Evidence, sizes: dict[int, int]) -> Search:
    search = Search(group, FRAMEWORK, "exact", found_by="job group", kind="joblib")
    fits, refit = _without_refit(jobs, sizes)
    for trial, job in enumerate(in_creation_order(fits, evidence)):
        search.fit(trial).jobs[job.job_id] = "fit"
    search.jobs.update({job.job_id: "refit" for job in refit})
    return search


def _without_refit(jobs: Sequence[Job], sizes: dict[int, int]) -> tuple[list[Job], list[Job]]:
    """The jobs of fits, and those of the refit: all began after the last fit had ended, and return more."""
    runs = waves(jobs)
    for at in range(1, len(runs)):
        before = [job for run in runs[:at] for job in run]
        after = [job for run in runs[at:] for job in run]
        known = [sizes.get(job.job_id, 0) for job in before]
        if min(known) <= 0 or max(known) > _SCORES_DIFFER * min(known):
            break
        if all(sizes.get(job.job_id, 0) > _PARTS_ARE_LARGER * max(known) for job in after):
            return before, after
    return list(jobs), []


def _result_sizes(evidence: Evidence) -> dict[int, int]:
    """Job id -> bytes that its tasks returned to the driver."""
    of_stage: dict[int, int] = {}
    if evidence.tasks is not None:
        columns = evidence.tasks.select(["stage_id", "result_size_bytes"]).to_pydict()
        for stage, size in zip(columns["stage_id"], columns["result_size_bytes"], strict=True):
            of_stage[stage] = of_stage.get(stage, 0) + (size or 0)
    return {job.job_id: sum(of_stage.get(stage, 0) for stage in job.stage_ids) for job in evidence.jobs}
