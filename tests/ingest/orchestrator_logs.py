"""Small logs of applications that an orchestrator started: what Spark writes, with the properties that it sets."""

import json
from pathlib import Path
from typing import Any

from tests.ingest.cli.logs import write_log

PARENT_RUN = "01931885-2800-7be7-aa8d-aaa15c337267"  # a UUID of version 7 of 2024-11-11T00:00:00Z

LOGS: dict[str, dict[str, dict[str, str]]] = {
    "airflow": {
        "Spark Properties": {
            "spark.openlineage.parentJobNamespace": "default",
            "spark.openlineage.parentJobName": "sales.daily.train_model",
            "spark.openlineage.parentRunId": PARENT_RUN,
            "spark.openlineage.rootParentJobName": "sales.daily",
        }
    },
    "databricks": {
        "Spark Properties": {
            "spark.databricks.clusterUsageTags.clusterId": "1127-195801-abcd1234",
            "spark.databricks.clusterUsageTags.clusterOwnerOrgId": "8721196619973675",
            "spark.databricks.clusterUsageTags.clusterAllTags": '[{"key":"Vendor","value":"Databricks"},'
            '{"key":"JobId","value":"7"}]',
            "spark.databricks.workspaceUrl": "dbc-1234.cloud.databricks.com",
        },
        "Job": {"spark.databricks.job.id": "618", "spark.databricks.job.runId": "90210"},
    },
    "glue": {"Spark Properties": {"spark.glue.JOB_NAME": "load orders", "spark.glue.JOB_RUN_ID": "jr_0f3a"}},
    "emr": {
        "Spark Properties": {"spark.yarn.appMasterEnv.EMR_CLUSTER_ID": "j-1AB2CD3EF4GH5"},
        "System Properties": {"user.dir": "/mnt/var/lib/hadoop/steps/s-07767992IY7VC5NVV854"},
    },
    "kubernetes": {
        "Spark Properties": {
            "spark.kubernetes.namespace": "ml",
            "spark.kubernetes.driver.pod.name": "sales-etl-1700-driver",
            "spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name": "sales-etl-1700",
            "spark.kubernetes.driver.label.sparkoperator.k8s.io/scheduled-app-name": "sales-etl",
        }
    },
    "yarn": {
        "Spark Properties": {
            "spark.app.id": "application_1555004656427_0144",
            "spark.yarn.tags": "team-ml,nightly",
            "spark.org.apache.hadoop.yarn.server.webproxy.amfilter.AmIpFilter.param.PROXY_URI_BASES": (
                "http://rm.example.com:8088/proxy/application_1555004656427_0144"
            ),
        }
    },
}


def write_orchestrator_log(folder: Path, name: str, **named: Any) -> Path:
    """Writes the log of an application that the orchestrator of this name started."""
    given = LOGS[name]
    path = write_log(folder, f"job of {name}", f"app-{name}", file=name, **named)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    environment = {"Event": "SparkListenerEnvironmentUpdate", "JVM Information": {}, **given}
    environment.pop("Job", None)
    events.insert(1, environment)  # SparkContext posts it before ApplicationStart
    for event in events:
        if event["Event"] == "SparkListenerJobStart":
            event["Properties"] = given.get("Job", {})
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path
