"""Tags of annotate on the operations of Spark Connect: the properties of their jobs.

A client cannot set local properties. `annotate` sets tags `afterglow.trial=3` instead, which Spark puts on every job of
the operation, among others (org.apache.spark.sql.connect.service.ExecuteSessionTag).
"""

import re

import pyarrow as pa

from ...schemas import annotations, spark
from ...schemas.events import JOB_PROPERTIES
from .. import arrow

_KEYS = frozenset(annotations.PROPERTY_DOCS) - {annotations.EVENT}
_ANNOTATION = f"_Tag_{spark.ANNOTATION_PREFIX}"
_SESSION_TAG = re.compile(r"SparkConnect_(?:SessionTag|Execute)_User_.*?_Tag_(afterglow\.[a-z.]{1,40})=(.*)", re.DOTALL)


def with_tagged_properties(job_properties: pa.Table) -> pa.Table:
    """The event rows `job_properties`, with a row for each property that annotate set as a tag.

    Tags that hold events are left out of the value of spark.job.tags. They are long, and belong to the operation.
    """
    rows: list[tuple[object, ...]] = []
    for job, key, value in zip(*(job_properties[name].to_pylist() for name in ("job_id", "key", "value")), strict=True):
        if key != spark.JOB_TAGS or _ANNOTATION not in (value or ""):
            rows.append((job, key, value))
            continue
        tags = [(tag, _SESSION_TAG.fullmatch(tag)) for tag in value.split(",")]
        rows.append((job, key, ",".join(tag for tag, found in tags if not found or found[1] != annotations.EVENT)))
        rows.extend((job, found[1], found[2]) for _, found in tags if found and found[1] in _KEYS)
    return arrow.from_rows(JOB_PROPERTIES.table, rows)
