"""The hash by which a stage is found again in another run of the job."""

from typing import Any

import pyarrow as pa
import pytest

from afterglow.ingest.assemble.stage_signature import plans_of_stages

RDDS = [("ParallelCollectionRDD", "parallelize at /home/ann/v1.2/job.py:7"), ("LogisticRegression_0123456789ab", "fit")]


def hashes(rdds: list[tuple[str | None, str | None]], ids: list[int]) -> dict[int, str]:
    rows: dict[str, Any] = {
        "rdds": pa.Table.from_pylist(
            [{"rdd_id": i, "name": name, "callsite": site} for i, (name, site) in zip(ids, rdds, strict=True)]
        ),
        "job_stages": pa.Table.from_pylist([{"stage_id": 3, "rdd_ids": ids}]),
    }
    return plans_of_stages(rows)


@pytest.mark.parametrize(
    ("callsite", "name", "same"),
    [
        ("parallelize at /home/ann/v1.2/job.py:7", "LogisticRegression_0123456789ab", True),
        ("parallelize at /opt/releases/2026-11-22/job.py:9", "LogisticRegression_ba9876543210", True),
        ("parallelize at /home/ann/v1.2/other.py:7", "LogisticRegression_0123456789ab", False),
        ("parallelize at /home/ann/v1.2/job.py:7", "RandomForest_0123456789ab", False),
    ],
)
def test_a_stage_is_known_by_what_it_computes_and_not_by_where_and_when(callsite: str, name: str, same: bool) -> None:
    found = hashes([("ParallelCollectionRDD", callsite), (name, "fit")], [100, 101])
    assert (found[3] == hashes(list(RDDS), [4, 5])[3]) is same


def test_the_order_is_that_in_which_they_were_made() -> None:
    assert hashes(list(RDDS), [4, 5]) == hashes(list(reversed(RDDS)), [5, 4])
    assert hashes(list(RDDS), [4, 5]) != hashes(list(RDDS), [5, 4])
