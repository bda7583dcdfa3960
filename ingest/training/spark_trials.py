"""Hyperopt's SparkTrials: a job of one task per trial.

`hyperopt.spark._SparkFMinState` sets the job group `Hyperopt_SparkTrials_<id>` and a description, unless the thread has
its own, as in a notebook. Then the shape of the jobs tells: each is `parallelize` with one partition, collected by a
thread of PySpark, so the log does not have the user's line. `SparkTrials.__init__` makes an RDD that no job reads, so
an id is missing before that of the first trial. A trial that raised returns its exception, so its job succeeds: the
log does not say whether a trial failed. A cancelled trial is a failed job.
"""

from collections.abc import Collection, Iterable, Mapping

from .evidence import Evidence, Job
from .interface import Recognition, Search
from .trial_jobs import in_creation_order

FRAMEWORK = "hyperopt"
# hyperopt.spark.SparkTrials._SparkFMinState.__init__
_GROUP = "Hyperopt_SparkTrials_"
_DESCRIPTION = "Trial evaluation jobs launched by hyperopt fmin"
# pyspark.util.inheritable_thread_target.wrapped, or no Python frame while another thread is in a call of PySpark
_THREAD_ACTIONS = ("wrapped at ", "collect at PythonRDD.scala:")
_PARALLELIZE = "readRDDFromFile at PythonRDD.scala:"
_FEWEST_OF_A_SHAPE = 3
_CONFIDENCE = 0.9


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """A search per job group, and one per row of jobs of the shape of trials in a group that the user has set."""
    groups: dict[str, list[Job]] = {}
    for job in evidence.jobs:
        if job.job_id not in claimed and _is_trial(job):
            groups.setdefault(job.group or "", []).append(job)
    found = [_search(group, jobs, evidence) for group, jobs in groups.items()]
    own = {job for search in found for job in search.job_ids()}
    shaped = _by_shape([job for job in evidence.jobs if job.job_id not in own and job.job_id not in claimed], evidence)
    for number, jobs in enumerate(shaped, 1):
        search = _search(f"{jobs[0].group}.{number}", jobs, evidence)
        search.source, search.found_by, search.confidence = "inferred", "shape of jobs", _CONFIDENCE
        for fit in search.fits:
            fit.source, fit.confidence = search.source, search.confidence
        found.append(search)
    return Recognition(found)


def _by_shape(jobs: Iterable[Job], evidence: Evidence) -> list[list[Job]]:
    """Rows of jobs whose RDDs have consecutive ids, after an id that no job has."""
    rows: list[list[Job]] = []
    last: Job | None = None
    planned = _planned_tasks(evidence)
    for job in in_creation_order([job for job in jobs if _has_shape(job, evidence, planned)], evidence):
        begins = min(job.rdds) > 0 and min(job.rdds) - 1 not in evidence.rdds
        same = last is not None and (last.group, last.description) == (job.group, job.description)
        if begins:
            rows.append([job])
        elif rows and same:
            rows[-1].append(job)
        last = job
    return [row for row in rows if len(row) >= _FEWEST_OF_A_SHAPE]


def _has_shape(job: Job, evidence: Evidence, planned: Mapping[int, int]) -> bool:
    if job.group is None or job.execution is not None or not job.action.startswith(_THREAD_ACTIONS):
        return False
    rdds = [evidence.rdds[rdd] for rdd in sorted(job.rdds) if rdd in evidence.rdds]
    return (
        [rdd.name for rdd in rdds] == ["ParallelCollectionRDD", "PythonRDD"]
        and rdds[0].callsite.startswith(_PARALLELIZE)
        and rdds[1].parents == (rdds[0].rdd_id,)
        and len(job.stage_ids) == 1
        and planned.get(job.stage_ids[0]) == 1
    )


def _planned_tasks(evidence: Evidence) -> dict[int, int]:
    rows = [] if evidence.stages is None else evidence.stages.select(["stage_id", "num_tasks"]).to_pylist()
    return {row["stage_id"]: row["num_tasks"] for row in rows}


def _is_trial(job: Job) -> bool:
    return (job.group or "").startswith(_GROUP) or job.description == _DESCRIPTION


def _search(group: str, jobs: list[Job], evidence: Evidence) -> Search:
    uid = group if group.startswith(_GROUP) else f"{_GROUP}{group}" if group else _GROUP + str(jobs[0].job_id)
    search = Search(uid, FRAMEWORK, "exact", found_by="job group", kind="SparkTrials")
    for trial, job in enumerate(in_creation_order(jobs, evidence)):
        search.fit(trial).jobs[job.job_id] = "fit"
    return search
