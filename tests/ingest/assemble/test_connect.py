"""Sessions and operations of Spark Connect, and the names of their jobs and stages."""

import pyarrow as pa

from afterglow.ingest import arrow
from afterglow.ingest.assemble.connect import name_jobs_and_stages, operations_of_jobs
from afterglow.schemas import spark
from afterglow.schemas.connect import ConnectOperation, Statement
from afterglow.schemas.tables import JOBS, STAGES

TAG = "SparkConnect_OperationTag_User_ann_Session_5f1c_Operation_0a1b2c3d-0000"


def test_a_job_belongs_to_the_operation_of_its_property_else_of_its_tag() -> None:
    rows = [
        (0, spark.JOB_TAGS, f"mine,{TAG}"),
        (1, spark.CONNECT_OPERATION_ID, "7e8f"),
        (1, spark.JOB_TAGS, TAG),
        (2, spark.JOB_TAGS, "mine"),
    ]
    table = pa.table({name: [row[at] for row in rows] for at, name in enumerate(("job_id", "key", "value"))})
    assert operations_of_jobs(table) == {0: "0a1b2c3d-0000", 1: "7e8f"}


def test_jobs_and_stages_are_named_by_the_request_and_other_call_sites_stay() -> None:
    jobs = arrow.from_rows(
        JOBS, ([{"job_id": n, "stage_ids": [n, 7], "name": f"x {n}"}.get(c.name) for c in JOBS] for n in (0, 1))
    )
    text = 'Spark Connect - session_id: "5f1c"'
    named = {0: text, 1: text, 7: "collect at A.scala:1"}
    stages = arrow.from_rows(
        STAGES, ([{"stage_id": n, "name": name}.get(c.name) for c in STAGES] for n, name in named.items())
    )
    fit = ConnectOperation("a", "s", "ann", Statement("fit", "org.x.KMeans"), 0, 9, "FINISHED", (0,))
    found_jobs, found_stages = name_jobs_and_stages(jobs, stages, [fit])
    assert found_jobs["name"].to_pylist() == ["fit KMeans", "x 1"]
    assert found_stages["name"].to_pylist() == ["fit KMeans", text, "collect at A.scala:1"]
