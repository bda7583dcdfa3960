"""MLflow's MlflowSparkStudy: an Optuna study in one job, whose tasks run its trials.

`mlflow.pyspark.optuna.study.MlflowSparkStudy.optimize` spreads `n_trials` over `n_jobs` tasks. Where every task has one
trial, a trial has the figures of its task. The trials and their params are runs of MLflow already.
"""

import re
from collections.abc import Collection

from ...schemas.spark import RANGE_NODE
from .evidence import Evidence, Job, SqlExecution
from .interface import Recognition, Search, TaskKey

FRAMEWORK = "optuna"
# mlflow.pyspark.optuna.study: the function of mapInPandas, and the job group optuna_trial_<study>_<experiment id>
_FUNCTION = "run_task_on_executor_pd("
_RANGE = re.compile(r"^\*?(?:\(\d+\) )?Range \(0, (\d+), step=1\b")
_GROUP = re.compile(r"^optuna_trial_(.*)_([^_]+)$", re.DOTALL)


def recognize(evidence: Evidence, claimed: Collection[int]) -> Recognition:
    """A search per study. The job group outlives the study, so the plan decides."""
    searches: list[Search] = []
    for job in evidence.jobs:
        execution = evidence.executions.get(-1 if job.execution is None else job.execution)
        if execution is None or job.job_id in claimed or not _runs_trials(execution):
            continue
        searches.append(_search(job, evidence, len(searches) + 1))
    return Recognition(searches)


def _runs_trials(execution: SqlExecution) -> bool:
    return any(_FUNCTION in node.text for node in execution.python_nodes)


def _search(job: Job, evidence: Evidence, number: int) -> Search:
    group = _GROUP.match(job.group or "")
    study = group[1] if group else "study"
    search = Search(f"optuna_{study}.{number}" if number > 1 else f"optuna_{study}", FRAMEWORK, "exact")
    search.found_by, search.kind = "pandas function", "MlflowSparkStudy"
    search.jobs[job.job_id] = "fit"
    tasks = task_keys(job, evidence)
    search.num_trials = _num_trials(job, evidence)
    search.parallelism = len(tasks) or None  # n_jobs: the study makes as many partitions
    if len(tasks) == search.num_trials:
        for trial, key in enumerate(tasks):
            search.fit(trial).tasks.append(key)
    return search


def _num_trials(job: Job, evidence: Evidence) -> int | None:
    """How many trials the study spreads over its tasks: the rows of the Range that the plan begins with."""
    execution = evidence.executions[job.execution] if job.execution is not None else None
    texts = [node.text for node in execution.python_nodes if node.name == RANGE_NODE] if execution else []
    match = _RANGE.match(texts[0]) if len(texts) == 1 else None
    return int(match[1]) if match else None


def task_keys(job: Job, evidence: Evidence) -> list[TaskKey]:
    """The successful tasks of a job by partition."""
    if evidence.tasks is None:
        return []
    names = ["stage_id", "stage_attempt", "task_id", "index", "status"]
    rows = [row for row in evidence.tasks.select(names).to_pylist() if row["stage_id"] in job.stage_ids]
    done = [row for row in rows if row["status"] == "SUCCESS"]
    return [
        TaskKey(row["stage_id"], row["stage_attempt"], row["task_id"])
        for row in sorted(done, key=lambda row: (row["index"], row["task_id"]))
    ]
