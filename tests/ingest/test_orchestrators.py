"""Orchestrators: their properties in a log, the tags and the address of their run, and filters by them."""

import re
from pathlib import Path

import pytest

from afterglow.ingest.find_logs import find_log, peek
from afterglow.ingest.options import ImportOptions
from afterglow.ingest.orchestrators import find_orchestrator_runs, parse_fields, parse_urls
from afterglow.ingest.pipeline import derive_tree, read_view
from afterglow.ingest.publish.description import describe
from afterglow.schemas.orchestrators import ORCHESTRATORS
from tests.ingest.orchestrator_logs import LOGS, PARENT_RUN, write_orchestrator_log

URLS = {"airflow": "https://airflow.example.com", "kubernetes": "https://dashboard.example.com"}
EXPECTED = {
    "airflow": "https://airflow.example.com/dags/sales.daily/runs/scheduled__2024-11-11T00%3A00%3A00%2B00%3A00"
    "/tasks/train_model",
    "databricks": "https://dbc-1234.cloud.databricks.com/jobs/618/runs/90210?o=8721196619973675",
    "glue": "https://console.aws.amazon.com/gluestudio/home#/job/load%20orders/run/jr_0f3a",
    "emr": "https://console.aws.amazon.com/emr/home#/clusterDetails/j-1AB2CD3EF4GH5",
    "kubernetes": "https://dashboard.example.com/#/pod/ml/sales-etl-1700-driver?namespace=ml",
    "yarn": "http://rm.example.com:8088/cluster/app/application_1555004656427_0144",
}


@pytest.mark.parametrize("name", [one.name for one in ORCHESTRATORS])
def test_run_is_one_click_away(tmp_path: Path, name: str) -> None:
    app = read_view(find_log(str(write_orchestrator_log(tmp_path, name))))
    tree = derive_tree(app, "none", ImportOptions(orchestrator_urls=tuple(URLS.items())))
    root = tree.application
    assert root.tags["afterglow.orchestrator"] == name
    assert root.tags[f"afterglow.{name}.url"] == EXPECTED[name]
    text = describe(root, tree.children(), None, lambda key: f"#{key}")
    assert re.findall(r"Started by [\w ]+, \[[^\]]+\]\((.*?)\)\.", text) == [EXPECTED[name]]


def test_every_orchestrator_has_a_log() -> None:
    assert list(LOGS) == [one.name for one in ORCHESTRATORS]


@pytest.mark.parametrize("name", list(LOGS))
def test_head_has_the_fields_to_filter_by(tmp_path: Path, name: str) -> None:
    head = peek(find_log(str(write_orchestrator_log(tmp_path, name))))
    assert {field.partition(".")[0] for field in head.orchestrators} == {name}


def test_jobs_of_several_runs_name_none(tmp_path: Path) -> None:
    path = write_orchestrator_log(tmp_path, "databricks")
    start = next(line for line in path.read_text().splitlines() if "SparkListenerJobStart" in line)
    other = start.replace('"Job ID": 0', '"Job ID": 1').replace("90210", "90211")
    path.write_text(path.read_text().replace(start, f"{start}\n{other}"))
    (run,) = find_orchestrator_runs(read_view(find_log(str(path))).properties)
    assert run.values["job"] == "618" and "run" not in run.values


@pytest.mark.parametrize(
    "properties, values",
    [
        ({"parentJobName": "dag.task"}, {"dag": "dag", "task": "task"}),
        ({"parentJobName": "dag.a.task", "rootParentJobName": "dag.a"}, {"dag": "dag.a", "task": "task"}),
        ({"parentJobName": "dbt-run", "rootParentJobName": "dbt"}, None),  # no task of a DAG
        (
            {"parentJobName": "d.t", "parentRunId": "ad3b6baa-8d88-3b38-8dbe-f06232249a84"},  # version 3 has no time
            {"dag": "d", "task": "t", "task_run": "ad3b6baa-8d88-3b38-8dbe-f06232249a84"},
        ),
        (
            {"parentJobName": "d.t", "parentRunId": PARENT_RUN.replace("2800", "2801", 1)},  # not a schedule's time
            {"dag": "d", "task": "t", "task_run": PARENT_RUN.replace("2800", "2801", 1)},
        ),
        ({"parentJobName": "*********(redacted)"}, None),
    ],
)
def test_parents_of_openlineage(properties: dict[str, str], values: dict[str, str] | None) -> None:
    found = find_orchestrator_runs({f"spark.openlineage.{key}": value for key, value in properties.items()})
    assert [dict(run.values) for run in found] == ([] if values is None else [values])


def test_text_of_a_log_cannot_leave_the_address() -> None:
    (run,) = find_orchestrator_runs({"spark.glue.JOB_NAME": "a/../b?c#d)[x](y", "spark.glue.JOB_RUN_ID": "r"})
    assert run.url == "https://console.aws.amazon.com/gluestudio/home#/job/a%2F..%2Fb%3Fc%23d%29%5Bx%5D%28y/run/r"
    host = {"spark.databricks.clusterUsageTags.clusterId": "c", "spark.databricks.workspaceUrl": "evil.com/x?"}
    assert find_orchestrator_runs(host)[0].url is None


def test_options_are_checked() -> None:
    assert parse_urls(["airflow=https://a/"]) == {"airflow": "https://a"}
    assert parse_fields(["airflow.dag=s*"]) == {"airflow.dag": "s*"}
    for wrong in ("cron=https://a", "airflow=javascript:x", "airflow"):
        with pytest.raises(ValueError, match=r"write NAME=URL|must begin"):
            parse_urls([wrong])
    with pytest.raises(ValueError, match="the fields are"):
        parse_fields(["airflow.owner=x"])
    assert parse_fields(["databricks.run=9"]) == {"databricks.run": "9"}
    with pytest.raises(ValueError, match=r"databricks\.run is a property of jobs"):
        parse_fields(["databricks.run=9"], of_head=True)
    assert parse_fields(["databricks.job=7"], of_head=True) == {"databricks.job": "7"}  # a tag of the cluster
