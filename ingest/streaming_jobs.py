"""Which micro-batch of a structured streaming query a job belongs to, from the job's description."""

import re
from dataclasses import dataclass

# org.apache.spark.sql.execution.streaming.runtime.StreamExecution.getBatchDescriptionString; Spark 4.3 has no <br/>
_DESCRIPTION = re.compile(
    r"^\s*(?:(?P<name>\S[\s\S]{0,500}?)(?:<br/>|\n)\s*)?id = (?P<id>[0-9a-f-]{4,36})\b[\s\S]{0,20}?"
    r"runId = (?P<run>[0-9a-f-]{4,36})\b[\s\S]{0,20}?batch = (?P<batch>\d{1,18}|init)"
)


@dataclass(frozen=True, slots=True)
class StreamingJob:
    """A job of a micro-batch. `run_id` is that of the run of the query, `batch` is None while the query starts."""

    query_id: str
    run_id: str
    name: str | None
    batch: int | None


def streaming_job(description: str | None) -> StreamingJob | None:
    """The batch that a job with this description belongs to; None for a job of no structured streaming query."""
    if not description or "runId = " not in description:
        return None
    found = _DESCRIPTION.search(description)
    if found is None:
        return None
    batch = None if found["batch"] == "init" else int(found["batch"])
    return StreamingJob(found["id"], found["run"], (found["name"] or "").strip() or None, batch)
