"""What an event log holds of the system that started the application: one entry per orchestrator.

Only documented properties are read. Each field names them, and the comment above it says which source sets them.
docs/orchestrators.md is generated from this module.
"""

from dataclasses import dataclass
from typing import Literal

TAG_PREFIX = "afterglow."
NAMES_TAG = "afterglow.orchestrator"


@dataclass(frozen=True, slots=True)
class Source:
    """A property. With a `pattern`, its first group is the value, and a property that does not match has none."""

    key: str
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One fact about the orchestrator's run: the value of the first source that has one.

    `after` is a field whose value and a dot are cut off the front; without them there is no value. A `uuid7_time` is
    the time that a UUID of version 7 holds, as ISO 8601 in UTC. A field with `is_tag` False is only part of addresses.
    """

    name: str
    doc: str
    sources: tuple[Source, ...]
    after: str | None = None
    form: Literal["text", "uuid7_time"] = "text"
    is_tag: bool = True


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """A system that starts applications.

    An application has a run of it if one of the fields `shown_by` has a value. The run's address is `base` and the
    first of `paths` whose fields are all known; --orchestrator-url sets the base where the log does not have it. Its
    name is the first such text of `titles`. `job` is the form of its recurring job's name, None if it has none.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    shown_by: tuple[str, ...]
    titles: tuple[str, ...]
    paths: tuple[str, ...]
    base: str | None = None
    job: str | None = None

    def tag(self, field: str) -> str:
        """The tag of a field, or of the address (`url`)."""
        return f"{TAG_PREFIX}{self.name}.{field}"


_PARENT, _ROOT = "spark.openlineage.parent", "spark.openlineage.rootParent"
_CLUSTER_TAGS = "spark.databricks.clusterUsageTags."
_POD_LABEL = "spark.kubernetes.driver.label."
_AWS_CONSOLE = "https://console.aws.amazon.com"
_HOST = r"^([\w.\-]+)$"
EMR_STEP_FOLDER = r"/steps/(s-[0-9A-Z]{10,24})$"


def _environment(name: str, pattern: str | None = None) -> tuple[Source, ...]:
    """The properties that set an environment variable of the driver or of executors, on Spark's configuration page and
    its pages about YARN and Kubernetes."""
    return (
        Source(f"spark.yarn.appMasterEnv.{name}", pattern),
        Source(f"spark.kubernetes.driverEnv.{name}", pattern),
        Source(f"spark.executorEnv.{name}", pattern),
    )


# airflow.providers.openlineage.utils.spark._get_parent_job_information_as_spark_properties. The job's name is
# `<dag>.<task>` (plugins.macros.lineage_job_name). The run id is a UUID of version 7 of the logical date
# (plugins.adapter.OpenLineageAdapter.build_task_instance_run_id). AIRFLOW_CTX_*: airflow.utils.operator_helpers.
AIRFLOW = Orchestrator(
    "airflow",
    "Airflow",
    (
        Field("dag", "DAG id.", (Source(_ROOT + "JobName"), Source(_PARENT + "JobName", r"^([^.]+)\."))),
        Field("task", "Task id.", (Source(_PARENT + "JobName"),), after="dag"),
        Field("run", "DAG run id.", _environment("AIRFLOW_CTX_DAG_RUN_ID")),
        Field("task_run", "OpenLineage run id of the task instance.", (Source(_PARENT + "RunId"),)),
        Field("logical_date", "Logical date of the DAG run.", (Source(_PARENT + "RunId"),), form="uuid7_time"),
    ),
    ("task",),
    ("{dag}.{task} of {logical_date}", "{dag}.{task}"),
    (
        "/dags/{dag}/runs/{run}/tasks/{task}",
        "/dags/{dag}/runs/scheduled__{logical_date}/tasks/{task}",
        "/dags/{dag}/tasks/{task}",
    ),
    job="airflow {dag}.{task}",
)

# io.openlineage.spark.agent.facets.builder.DatabricksEnvironmentFacetBuilder reads the properties of jobs. A job's
# cluster has the tag JobId, see the page "Use tags to attribute and track usage". Addresses of runs are on its pages
# about jobs: https://<workspace>/jobs/<job>/runs/<run>?o=<org>.
DATABRICKS = Orchestrator(
    "databricks",
    "Databricks",
    (
        Field(
            "job",
            "Job id.",
            (
                Source("spark.databricks.job.id"),
                Source(_CLUSTER_TAGS + "clusterAllTags", r'"key"\s*:\s*"JobId"\s*,\s*"value"\s*:\s*"(\d+)"'),
            ),
        ),
        Field("run", "Run id of the job.", (Source("spark.databricks.job.runId"),)),
        Field("notebook", "Notebook id.", (Source("spark.databricks.notebook.id"),)),
        Field("notebook_path", "Path of the notebook.", (Source("spark.databricks.notebook.path"),)),
        Field("cluster", "Cluster id.", (Source(_CLUSTER_TAGS + "clusterId"),)),
        Field("workspace", "Host of the workspace.", (Source("spark.databricks.workspaceUrl", _HOST),)),
        Field(
            "org",
            "Organization id.",
            (Source(_CLUSTER_TAGS + "clusterOwnerOrgId"), Source(_CLUSTER_TAGS + "orgId")),
            is_tag=False,
        ),
    ),
    ("job", "notebook", "cluster"),
    ("job {job}, run {run}", "job {job}", "notebook {notebook_path}", "notebook {notebook}", "cluster {cluster}"),
    (
        "/jobs/{job}/runs/{run}?o={org}",
        "/jobs/{job}/runs/{run}",
        "/jobs/{job}",
        "/#notebook/{notebook}",
        "/compute/clusters/{cluster}",
    ),
    base="https://{workspace}",
    job="databricks {job}",
)

# AWS Glue sets both for every job run, see Datadog's page on OpenLineage for AWS Glue.
GLUE = Orchestrator(
    "glue",
    "AWS Glue",
    (
        Field("job", "Job name.", (Source("spark.glue.JOB_NAME"),)),
        Field("run", "Job run id.", (Source("spark.glue.JOB_RUN_ID"),)),
    ),
    ("run",),
    ("{job}, run {run}", "run {run}"),
    ("/gluestudio/home#/job/{job}/run/{run}",),
    base=_AWS_CONSOLE,
    job="glue {job}",
)

# A step runs in the folder /mnt/var/lib/hadoop/steps/<step>, which is the driver's user.dir in client mode
# (datadog.trace.instrumentation.spark.EmrUtils). EMR on EKS labels its pods emr-containers.amazonaws.com/job.id.
EMR = Orchestrator(
    "emr",
    "Amazon EMR",
    (
        Field("step", "Step id.", (*_environment("EMR_STEP_ID"), Source("user.dir", EMR_STEP_FOLDER))),
        Field("cluster", "Cluster id.", _environment("EMR_CLUSTER_ID", r"^(j-[0-9A-Z]+)$")),
        Field("job_run", "Job run id of EMR on EKS.", (Source(_POD_LABEL + "emr-containers.amazonaws.com/job.id"),)),
        Field(
            "virtual_cluster",
            "Virtual cluster id of EMR on EKS.",
            (Source(_POD_LABEL + "emr-containers.amazonaws.com/virtual-cluster-id"),),
        ),
    ),
    ("step", "cluster", "job_run"),
    ("step {step} of cluster {cluster}", "step {step}", "cluster {cluster}", "job run {job_run}"),
    (
        "/emr/home#/clusterDetails/{cluster}",
        "/emr/home#/eks/clusters/{virtual_cluster}/jobs/{job_run}",
        "/emr/home#/clusters",
    ),
    base=_AWS_CONSOLE,
)

# org.apache.spark.deploy.k8s.Config: KUBERNETES_NAMESPACE, KUBERNETES_DRIVER_POD_NAME, KUBERNETES_DRIVER_LABEL_PREFIX.
# Labels of the operator: kubeflow/spark-operator, pkg/common: LabelSparkAppName, LabelScheduledSparkAppName. The path
# is that of a pod in the Kubernetes Dashboard.
KUBERNETES = Orchestrator(
    "kubernetes",
    "Kubernetes",
    (
        Field("namespace", "Namespace.", (Source("spark.kubernetes.namespace"),)),
        Field("pod", "Pod of the driver.", (Source("spark.kubernetes.driver.pod.name"),)),
        Field("application", "SparkApplication.", (Source(_POD_LABEL + "sparkoperator.k8s.io/app-name"),)),
        Field(
            "schedule",
            "ScheduledSparkApplication.",
            (Source(_POD_LABEL + "sparkoperator.k8s.io/scheduled-app-name"),),
        ),
    ),
    ("pod", "application"),
    ("SparkApplication {namespace}/{application}", "pod {namespace}/{pod}", "pod {pod}"),
    ("/#/pod/{namespace}/{pod}?namespace={namespace}",),
    job="kubernetes {namespace}/{schedule}",
)

# org.apache.spark.deploy.yarn.config.APPLICATION_TAGS; PROXY_URI_BASES: deploy.yarn.ApplicationMaster.addAmIpFilter.
# The path is that of an application in the ResourceManager's pages.
YARN = Orchestrator(
    "yarn",
    "YARN",
    (
        Field("tags", "Tags of the YARN application.", (Source("spark.yarn.tags"),)),
        Field("application", "Application id.", (Source("spark.app.id", r"^(application_\d+_\d+)$"),)),
        Field(
            "resource_manager",
            "Address of the ResourceManager.",
            (
                Source(
                    "spark.org.apache.hadoop.yarn.server.webproxy.amfilter.AmIpFilter.param.PROXY_URI_BASES",
                    r"^(https?://[\w.\-]+(?::\d+)?)/proxy/",
                ),
            ),
            is_tag=False,
        ),
    ),
    ("application",),
    ("application {application}",),
    ("/cluster/app/{application}",),
    base="{resource_manager}",
)

ORCHESTRATORS: tuple[Orchestrator, ...] = (AIRFLOW, DATABRICKS, GLUE, EMR, KUBERNETES, YARN)
"""The one that knows most about a recurring job comes first."""

LOCAL_PROPERTIES = frozenset(
    source.key
    for field in DATABRICKS.fields
    for source in field.sources
    if source.key.startswith(("spark.databricks.job.", "spark.databricks.notebook."))
)
"""Properties of jobs (SparkContext.setLocalProperty), which are no configuration of the application."""
SYSTEM_PROPERTIES = {"user.dir": EMR_STEP_FOLDER}
"""System properties of the JVM that are kept where they match."""
