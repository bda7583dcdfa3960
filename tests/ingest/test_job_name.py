"""The name of a recurring job: what stays from one night to the next."""

import pytest

from afterglow.ingest.job_name import find_job, plain_name
from afterglow.ingest.orchestrators import find_orchestrator_runs


@pytest.mark.parametrize(
    "name, plain",
    [
        ("daily sales", "daily sales"),
        ("etl_v2 2026-11-27 (17)", "etl_v2"),
        ("etl_v2 2026-11-28T01:02:03Z", "etl_v2"),
        ("load-20261127", "load"),
        ("load_2026_11_27_run_4", "load run"),
        ("s3-copy-1699999999", "s3-copy"),
        ("train 0193-18 b7e9d8f6-1234-4321-aaaa-0123456789ab", "train"),
        ("job_5f6a0a2e9c", "job"),
        ("deadbeef", "deadbeef"),  # a word without a digit
        ("Spark Pi", "Spark Pi"),
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),  # as the tag that it is looked up by
    ],
)
def test_dates_and_numbers_are_taken_out(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_orchestrator_comes_first() -> None:
    runs = find_orchestrator_runs({"spark.openlineage.parentJobName": "d.t"})
    found = find_job("etl", runs, ["a"])
    assert found is not None and (found.name, found.found_by) == ("airflow d.t", "airflow")


def test_generic_names_are_told_by_what_they_compute() -> None:
    one, two = (find_job("PySparkShell", [], plans) for plans in (["a", "b", "a", None], ["b", "c"]))
    assert one is not None and two is not None and one.found_by == "plan" and one != two
    assert find_job("PySparkShell", [], ["b", "a"]) == one
    assert find_job("2026-11-27", [], []) is None
