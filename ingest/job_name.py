"""The job that an application is a run of: what stays the same from one night to the next."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .control_characters import replace_controls
from .orchestrators import OrchestratorRun

# Names that Spark and notebooks give to every application: org.apache.spark.repl.Main, pyspark/shell.py,
# SparkSubmit.mainClass, org.apache.spark.sql.hive.thriftserver, org.apache.livy, Zeppelin and Databricks.
_GENERIC = re.compile(
    r"(py)?spark[ -]?(shell|sql|app(lication)?)?|sparkr|spark shell|databricks shell|zeppelin.*|livy-session.*|"
    r"thrift jdbc.*|sparksql::.*|spark connect server|app|application|main|unnamed|<stdin>|ipykernel_launcher\.py",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?<![a-z0-9])(?=[0-9a-f]*\d)[0-9a-f]{7,64}(?![a-z0-9])", re.IGNORECASE)
# a date or a time with its separators, and any number that is not part of a word such as `s3` or `v2`
_DATE = re.compile(r"(?<![A-Za-z0-9])\d{1,20}(?:[-_/.:T ]\d{1,9})*(?:Z|[+-]\d\d:?\d\d)?(?![A-Za-z0-9])")
_SEPARATORS = "-_/.:#,="
_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class JobName:
    """A job's name, and what it was found by: the orchestrator, `name` or `plan`."""

    name: str
    found_by: str


def find_job(name: str | None, runs: Iterable[OrchestratorRun], plans: Iterable[str | None]) -> JobName | None:
    """The job of an application with this name, these orchestrators' runs and these plans of its stages.

    None if the application has no name of its own and ran no stage.
    """
    for run in runs:
        if run.job:
            return JobName(replace_controls(run.job)[:_AT_MOST], run.of.name)
    plain = plain_name(name or "")
    if plain and not _GENERIC.fullmatch(plain):
        return JobName(plain, "name")
    known = sorted({plan for plan in plans if plan})
    if not known:
        return None
    digest = hashlib.blake2b("\n".join(known).encode(), digest_size=6).hexdigest()
    return JobName(f"{plain or 'unnamed'} {digest}", "plan")


def plain_name(name: str) -> str:
    """A name without dates, numbers and ids: `etl_v2 2026-11-27 (17)` -> `etl_v2`."""
    text = " ".join(replace_controls(name).split())  # as in the tag: PostgreSQL looks for no NUL
    for pattern in (_UUID, _DATE, _HEX):
        text = pattern.sub(" ", text)
    text = re.sub(r"[(\[{]\s*[)\]}]", " ", text)
    words = (word.strip(_SEPARATORS) for word in text.split())
    return " ".join(filter(None, words))[:_AT_MOST]
