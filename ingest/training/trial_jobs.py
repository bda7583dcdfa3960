"""Jobs that each run one trial, as frameworks submit them from driver threads: their order and their overlap."""

from collections.abc import Iterable, Sequence

from .evidence import Evidence, Job


def in_creation_order(jobs: Iterable[Job], evidence: Evidence) -> list[Job]:
    """The jobs by the id of the RDD that they begin with.

    A framework calls `parallelize` for one trial after the other, and a thread per trial then calls `collect`. Threads
    overtake each other in between, so the ids of jobs do not tell the order.
    """
    return sorted(jobs, key=lambda job: (_source(job, evidence), job.job_id))


def _source(job: Job, evidence: Evidence) -> int:
    sources = [rdd for rdd in job.rdds if rdd in evidence.rdds and not evidence.rdds[rdd].parents]
    return min(sources or job.rdds or (job.job_id,))


def waves(jobs: Sequence[Job]) -> list[list[Job]]:
    """Splits jobs, ordered by start, wherever every earlier job has ended."""
    found: list[list[Job]] = []
    end = -1
    for job in jobs:
        if not found or job.at > end:
            found.append([])
        found[-1].append(job)
        end = max(end, job.end_at)
    return found
