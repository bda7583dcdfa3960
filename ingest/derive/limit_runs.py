"""Choose the jobs and stages that get a run, where an application has more of them than runs are wanted."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...schemas.runs.limits import MAX_JOB_RUNS, MAX_STAGE_RUNS, QUERY_JOB_RUNS, RUNS_PER_KIND
from ...schemas.runs.params_tags import JOBS_WITHOUT_RUN_TAG, STAGES_WITHOUT_RUN_TAG
from ...schemas.runs.tree import Run
from ..application_view import ApplicationView
from ..task_arrays import Row

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The most job runs and stage runs of an application."""

    jobs: int = MAX_JOB_RUNS
    stages: int = MAX_STAGE_RUNS


@dataclass(frozen=True, slots=True)
class _Candidate:
    """`matters` is whether it failed or a finding is about it; `kind` groups those that do the same."""

    number: int
    kind: str
    duration_ms: int
    matters: bool


def choose_job_runs(app: ApplicationView, parents: Mapping[int, str], queries: Iterable[str], at_most: int) -> set[int]:
    """The ids of the jobs that get a run: of each streaming query at most QUERY_JOB_RUNS, of all at most `at_most`."""
    about = {row["job_id"] for row in app.findings if row["job_id"] is not None}
    about |= {app.stages[stage]["job_id"] for stage in _stages_with_finding(app)}
    found: dict[str, list[_Candidate]] = {}
    for job in app.jobs:
        number, (start, end), parent = job["job_id"], app.job_span(job), parents[job["job_id"]]
        matters = job["status"] == "FAILED" or number in about
        candidate = _Candidate(number, f"{parent} {_kind(job)}", end - start, matters)
        found.setdefault(parent, []).append(candidate)
    of_queries = set(queries)
    left = [
        candidate
        for parent, some in found.items()
        for candidate in (_most_important(some, QUERY_JOB_RUNS) if parent in of_queries else some)
    ]
    return {candidate.number for candidate in _most_important(left, at_most)}


def choose_stage_runs(app: ApplicationView, jobs: set[int], at_most: int) -> set[int]:
    """The positions of the stages that get a run. A stage of a job without a run has none."""
    about = _stages_with_finding(app)
    candidates = []
    for stage, row in enumerate(app.stages):
        if row["job_id"] is None or row["job_id"] in jobs:
            start, end = app.span(stage)
            matters = row["status"] == "FAILED" or stage in about
            candidates.append(_Candidate(stage, _NUMBER.sub("", row["name"] or ""), end - start, matters))
    return {candidate.number for candidate in _most_important(candidates, at_most)}


def _stages_with_finding(app: ApplicationView) -> set[int]:
    identities = {f"{row['stage_id']}.{row['stage_attempt']}" for row in app.findings}
    return {stage for stage in range(len(app.stages)) if app.stage_identity(stage) in identities}


def _kind(job: Row) -> str:
    return _NUMBER.sub("", job["description"] or job["name"] or "")


def _most_important(candidates: Sequence[_Candidate], at_most: int) -> list[_Candidate]:
    """What failed or has a finding first, then the slowest RUNS_PER_KIND of each kind, then the slowest."""
    if len(candidates) <= at_most:
        return list(candidates)
    slowest = sorted(candidates, key=lambda one: (-one.duration_ms, one.number))
    seen: Counter[str] = Counter()
    ranked = []
    for one in slowest:
        seen[one.kind] += 1
        ranked.append((not one.matters, seen[one.kind] > RUNS_PER_KIND, one))
    return [one for _, _, one in sorted(ranked, key=lambda rank: rank[:2])[:at_most]]


def count_left_out(runs: Sequence[Run], jobs: Mapping[str, int], stages: Mapping[str, int], root: str) -> list[Run]:
    """The runs with the number of jobs and stages below them that have no run: key of a run -> number."""
    if not jobs and not stages:
        return list(runs)
    known = {run.key for run in runs}
    tags: dict[str, dict[str, str]] = {}
    for name, counts in ((JOBS_WITHOUT_RUN_TAG, jobs), (STAGES_WITHOUT_RUN_TAG, stages)):
        at: Counter[str] = Counter()
        for key, number in counts.items():
            at[key if key in known else root] += number
        for key, number in at.items():
            tags.setdefault(key, {})[name] = str(number)
    return [_linked(run, tags.get(run.key, {}), known, root) for run in runs]


def _linked(run: Run, tags: Mapping[str, str], known: set[str], root: str) -> Run:
    """The run with more tags. A finding about a run that was left out refers to the application."""
    findings = [one if one.run in known else replace(one, run=root) for one in run.findings]
    return replace(run, tags={**run.tags, **tags}, findings=findings)
