"""The estimator of every job, inside a search or not: from its stack, or from the file that made its RDDs."""

import re
from collections.abc import Mapping

from ...schemas import spark
from .estimators import uid_in
from .evidence import Evidence
from .interface import EstimatorName

# CallSite.shortForm: `map at LogisticRegression.scala:523`
_FILE = re.compile(r" at (\w+)\.scala:\d+$")


# Estimators that call the fit of another, which a cut stack does not show.
_CALL_FIT = ("OneVsRest",)


def evaluators_of_queries(evidence: Evidence) -> Mapping[int, str]:
    """Job id -> evaluator, for jobs that the pool threads of an evaluation's query ran, without a stack of their own.

    Their newest RDD was first read by a job whose stack shows the evaluator. The RDDs of a model that carries its
    training data, such as that of ALS, are older.
    """
    first: dict[int, str | None] = {}
    found: dict[int, str] = {}
    for job in evidence.jobs:
        if job.stack.shows_ml:
            for rdd in job.rdds:
                first.setdefault(rdd, job.stack.evaluator)
        elif spark.is_pool_thread(job.action):
            evaluator = first.get(max((rdd for rdd in job.rdds if rdd in first), default=-1))
            if evaluator is not None:
                found[job.job_id] = evaluator
    return found


def name_estimators(evidence: Evidence) -> Mapping[int, EstimatorName]:
    """Job id -> estimator class and uid for the jobs that an estimator's `fit` ran; either may be None.

    A stack that was cut at Spark's depth may show only a tree that a boosting trains: then the file in which the newest
    of the job's RDDs were made says more, as long as a stack elsewhere in the log that shows the fit has it as an
    estimator's.
    """
    known = {job.stack.estimator for job in evidence.jobs if job.stack.whole or job.stack.fit} - {None}
    files = {
        rdd.rdd_id: match[1]
        for rdd in evidence.rdds.values()
        if (match := _FILE.search(rdd.callsite)) and match[1] in known
    }
    evaluating = evaluators_of_queries(evidence)
    named: dict[int, EstimatorName] = {}
    for job in evidence.jobs:
        estimator = job.stack.estimator
        if job.job_id in evaluating:
            continue
        if job.stack.evaluator is None and (estimator is None or not job.stack.whole):
            newest = max((rdd_id for rdd_id in job.rdds if rdd_id in files), default=None)
            made_by = estimator if newest is None else files[newest]
            # a feature stage made RDDs that a later stage of its pipeline reads: they say nothing of who reads them
            estimator = estimator if job.stack.fit and made_by not in _CALL_FIT else made_by
        names = (evidence.rdds[rdd_id].name for rdd_id in sorted(job.rdds, reverse=True) if rdd_id in evidence.rdds)
        uid = uid_in(names) if estimator else None
        if estimator or uid:
            named[job.job_id] = EstimatorName(estimator, uid)
    return named
