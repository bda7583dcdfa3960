"""Spark's strings: event names, property keys and reasons, each with the Scala symbol that defines it."""

from __future__ import annotations

import re
from collections.abc import Iterable

# org.apache.spark.scheduler.SparkListenerEvent, `Event` of JsonProtocol.*ToJson: the class name, without the package
# for what lives in org.apache.spark.scheduler and is known to JsonProtocol, with it for everything else.
LOG_START = "SparkListenerLogStart"
APPLICATION_START = "SparkListenerApplicationStart"
APPLICATION_END = "SparkListenerApplicationEnd"
ENVIRONMENT_UPDATE = "SparkListenerEnvironmentUpdate"
RESOURCE_PROFILE_ADDED = "SparkListenerResourceProfileAdded"
EXECUTOR_ADDED = "SparkListenerExecutorAdded"
EXECUTOR_REMOVED = "SparkListenerExecutorRemoved"
BLOCK_MANAGER_ADDED = "SparkListenerBlockManagerAdded"
JOB_START = "SparkListenerJobStart"
JOB_END = "SparkListenerJobEnd"
STAGE_SUBMITTED = "SparkListenerStageSubmitted"
STAGE_COMPLETED = "SparkListenerStageCompleted"
TASK_START = "SparkListenerTaskStart"
TASK_END = "SparkListenerTaskEnd"
STAGE_EXECUTOR_METRICS = "SparkListenerStageExecutorMetrics"
SQL_START = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
SQL_ADAPTIVE_UPDATE = "org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate"
DRIVER_ACCUM_UPDATES = "org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates"
SQL_END = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd"
# org.apache.spark.sql.connect.service.ExecuteEventsManager and SessionEventsManager, since 3.5
_CONNECT = "org.apache.spark.sql.connect.service.SparkListenerConnect"
CONNECT_SESSION_STARTED = _CONNECT + "SessionStarted"
CONNECT_SESSION_CLOSED = _CONNECT + "SessionClosed"
CONNECT_OPERATION_STARTED = _CONNECT + "OperationStarted"
CONNECT_OPERATION_FINISHED = _CONNECT + "OperationFinished"
CONNECT_OPERATION_FAILED = _CONNECT + "OperationFailed"
CONNECT_OPERATION_CANCELED = _CONNECT + "OperationCanceled"
CONNECT_OPERATION_CLOSED = _CONNECT + "OperationClosed"
# Databricks writes this before, or instead of, SparkListenerLogStart (no public source; seen in real logs).
DATABRICKS_METADATA = "DBCEventLoggingListenerMetadata"
# Properties of every Databricks cluster (no public source; seen in real logs). Delta Lake's own, such as
# spark.databricks.delta.retentionDurationCheck.enabled, are set on any Spark.
_DATABRICKS_PROPERTY = re.compile(r"spark\.databricks\.(?!delta\.)")


def is_databricks(properties: Iterable[str]) -> bool:
    """Whether properties with these keys are those of a Databricks cluster."""
    return any(map(_DATABRICKS_PROPERTY.match, properties))


# org.apache.spark.SparkContext.SPARK_JOB_GROUP_ID, SPARK_JOB_DESCRIPTION, SPARK_JOB_TAGS
JOB_GROUP = "spark.jobGroup.id"
JOB_DESCRIPTION = "spark.job.description"
JOB_TAGS = "spark.job.tags"
# org.apache.spark.sql.execution.SQLExecution.EXECUTION_ID_KEY, EXECUTION_ROOT_ID_KEY
SQL_EXECUTION_ID = "spark.sql.execution.id"
# org.apache.spark.sql.connect.execution.ExecuteThreadRunner (4.1); before, the operation is in a tag of the job:
# org.apache.spark.sql.connect.service.ExecuteJobTag
CONNECT_OPERATION_ID = "spark.connect.operation_id"
CONNECT_JOB_TAG = "SparkConnect_OperationTag_User_"

# java.util.concurrent.CompletableFuture, before Spark 4 FutureTask, running SQLExecution.withThreadLocalCaptured: the
# call site of a stage that adaptive execution or a broadcast submitted from a pool does not say who submitted it
POOL_THREAD_CALLSITES = (" at CompletableFuture.java:", " at FutureTask.java:")


def is_pool_thread(callsite: str) -> bool:
    """Whether a stage with this call site was submitted from such a pool."""
    return any(place in callsite for place in POOL_THREAD_CALLSITES)


JOB_PROPERTIES = frozenset({JOB_GROUP, JOB_DESCRIPTION, JOB_TAGS, SQL_EXECUTION_ID, CONNECT_OPERATION_ID})
# afterglow.annotate writes local properties below this prefix (schemas.annotations)
ANNOTATION_PREFIX = "afterglow."

# pyspark.ml.tuning.CrossValidator._kFold: `randCol = self.uid + "_rand"`, as an attribute of a plan
RANDOM_COLUMN = "_rand#"
# and with foldCol: the Python UDF that checks the column (3.1 to 4.2), the text of its error (4.3)
SEARCH_SIGNS = (RANDOM_COLUMN, "checker(", "Fold number must be in range")

# org.apache.spark.sql.execution.DataSourceScanExec.nodeName, DataSourceV2ScanExecBase
SCAN_NODES = ("Scan ", "BatchScan ")
# org.apache.spark.sql.execution.python: nodes that run a user's function on whole partitions or groups
# org.apache.spark.sql.execution.RangeExec.simpleString: `Range (0, 6, step=1, splits=2)`
RANGE_NODE = "Range"
PYTHON_NODES = frozenset(
    {
        "MapInPandas",
        "MapInArrow",
        "PythonMapInArrow",
        "FlatMapGroupsInPandas",
        "FlatMapGroupsInArrow",
        "FlatMapCoGroupsInPandas",
        "FlatMapCoGroupsInArrow",
        "FlatMapGroupsInPandasWithState",
        "AggregateInPandas",
        "ArrowAggregatePython",
        "FlatMapGroupsInR",
    }
)

# The nodes above, org.apache.spark.sql.execution.python.BatchEvalPythonExec, ArrowEvalPythonExec and their like
PYTHON_NODE = re.compile(r"Python|InPandas|InArrow")
# org.apache.spark.api.python.PythonRDD, the name of its RDDs
PYTHON_RDD = "PythonRDD"
# pyspark.traceback_utils.CallSite: the line of the user's file
PYTHON_CALL_SITE = re.compile(r" at \S+\.py:\d+$")
# org.apache.spark.sql.execution.CoalesceExec, org.apache.spark.sql.execution.window.WindowExec and its like
COALESCE_NODE = "Coalesce"
WINDOW_NODE = re.compile(r"Window(?!GroupLimit|InPandas)")
GENERATE_NODE = "Generate"
BROADCAST_NODE = "BroadcastExchange"
# org.apache.spark.sql.execution.joins.CartesianProductExec, BroadcastNestedLoopJoinExec
PAIRING_NODES = ("CartesianProduct", "BroadcastNestedLoopJoin")
# org.apache.spark.sql.execution.python.BatchEvalPythonExec; ArrowEvalPythonExec passes batches
ROW_PYTHON_NODE = "BatchEvalPython"
JOIN_NODE = re.compile(r"Join|CartesianProduct")

# org.apache.spark.TaskEndReason and its subclasses, as JsonProtocol.taskEndReasonToJson names them
SUCCESS = "Success"
RESUBMITTED = "Resubmitted"
TASK_KILLED = "TaskKilled"
TASK_COMMIT_DENIED = "TaskCommitDenied"
FETCH_FAILED = "FetchFailed"
EXCEPTION_FAILURE = "ExceptionFailure"
EXECUTOR_LOST = "ExecutorLostFailure"

# Reasons of SparkListenerExecutorRemoved that are not a loss: CoarseGrainedSchedulerBackend.killExecutors and
# ExecutorKilled, YarnAllocator (dynamic allocation), deploy.worker.ExecutorRunner, ExecutorPodsLifecycleManager
WANTED_REMOVAL = (
    r"(?i)killed by driver|explicit termination request|exit(?:ed)?(?: with)?(?: exit)? (?:code|status) 0\b|idle|"
    r"was deleted by a user or the framework|decommission(?:ed|ing)? finished|shutdown"
)
# And what a reason says of a loss: SIGKILL (128 + 9) or SIGTERM, YarnAllocator.memLimitExceededLogMessage, preemption.
# YARN writes `Exit status: 143` and `Exit code is 143`. 52 is org.apache.spark.util.SparkExitCode.OOM
_EXIT = r"(?i:(?:code|status)(?: is|:)?) "
KILLED_PROCESS = rf"{_EXIT}(?:137|143)\b|(?i:memory limit|out ?of ?memory|oom)"
FULL_HEAP = rf"{_EXIT}52\b"
PREEMPTED = (
    r"(?i)preempt|\bspot\b|decommission|lost node|node (?:was )?(?:lost|terminated|removed)|worker lost|"
    r"instance terminat|host .{0,80}(?:terminat|reclaim)|container released"
)
# org.apache.spark.streaming.scheduler.ReceiverTracker.startReceiver; JobScheduler.JobHandler; and
# org.apache.spark.sql.execution.streaming.runtime.StreamExecution.getBatchDescriptionString
RECEIVER_JOB = "Streaming job running receiver "
DSTREAM_BATCH_JOB = "Streaming job from "
# org.apache.spark.sql.streaming.StreamingQueryListener, which EventLoggingListener writes as JSON of its fields
_QUERY_LISTENER = "org.apache.spark.sql.streaming.StreamingQueryListener$"
QUERY_STARTED = _QUERY_LISTENER + "QueryStartedEvent"
QUERY_PROGRESS = _QUERY_LISTENER + "QueryProgressEvent"
QUERY_TERMINATED = _QUERY_LISTENER + "QueryTerminatedEvent"
MICRO_BATCH_JOB = r"runId = [0-9a-f-]{4,36}\b[\s\S]*\bbatch = "
# org.apache.spark.sql.execution.datasources.HadoopFSUtils.parallelListLeafFilesInternal
LISTING_JOB = "Listing leaf files and directories"
# org.apache.spark.sql.execution.exchange.BroadcastExchangeExec: the job that collects the side to broadcast
BROADCAST_JOB = "broadcast exchange"
# org.apache.spark.scheduler.DAGScheduler.handleJobCancellation, cleanUpAfterSchedulerStop
CANCELLED_JOB = r"(?i)\bcancell?ed\b"
# What Spark itself puts before spark.*.extraJavaOptions: org.apache.spark.launcher.JavaModuleOptions
MODULE_OPTIONS = (
    r"^(?=.*-XX:\+IgnoreUnrecognizedVMOptions)(?:(?:-Djava\.net\.preferIPv6Addresses=false|"
    r"-XX:\+IgnoreUnrecognizedVMOptions|--add-modules=jdk\.incubator\.vector|"
    r"--add-opens=java\.base/(?:java\.(?:lang|lang\.invoke|lang\.reflect|io|net|nio|util|util\.concurrent|"
    r"util\.concurrent\.atomic)|jdk\.internal\.ref|sun\.(?:nio\.ch|nio\.cs|security\.action|util\.calendar))"
    r"=ALL-UNNAMED|--add-opens=java\.security\.jgss/sun\.security\.krb5=ALL-UNNAMED|"
    r"-Djdk\.reflect\.useDirectMethodHandle=false|-Dio\.netty\.(?:tryReflectionSetAccessible=true|"
    r"allocator\.type=pooled|handler\.ssl\.defaultEndpointVerificationAlgorithm=NONE)|"
    r"--sun-misc-unsafe-memory-access=allow|--enable-native-access=ALL-UNNAMED)(?:\s+|$))+"
)
# java.lang.OutOfMemoryError, org.apache.spark.memory.SparkOutOfMemoryError, Python's MemoryError, and exit codes
OUT_OF_MEMORY = rf"OutOfMemoryError|\bMemoryError|{_EXIT}(?:52|137)\b|(?i:memory limit)"
LOST_EXECUTOR = r"ExecutorLostFailure|FetchFailed|(?i:executor .{0,40}(?:lost|exited))"
# org.apache.spark.scheduler.TaskSetManager.handleSuccessfulTask: why a copy by speculation was killed
ANOTHER_SUCCEEDED = "another attempt succeeded"

# org.apache.spark.SparkContext.DRIVER_IDENTIFIER
DRIVER = "driver"

# org.apache.spark.internal.config.SECRET_REDACTION_PATTERN (`spark.redaction.regex`): 4.3's default, to which we add
# three names that Spark leaves readable; and org.apache.spark.util.Utils.REDACTION_REPLACEMENT_TEXT
REDACTION_PATTERN_KEY = "spark.redaction.regex"
REDACTION_PATTERN = r"(?i)secret|password|token|access[.]?key|credential|passwd|api[._-]?key|account[.]key"
REDACTED = "*********(redacted)"

# org.apache.spark.internal.config: EVENT_LOG_ENABLED, EVENT_LOG_DIR, SUBMIT_DEPLOY_MODE; and
# org.apache.spark.scheduler.EventLoggingListener.DEFAULT_LOG_DIR
EVENT_LOG_ENABLED = "spark.eventLog.enabled"
EVENT_LOG_DIR = "spark.eventLog.dir"
DEPLOY_MODE = "spark.submit.deployMode"
DEFAULT_LOG_DIR = "/tmp/spark-events"
# org.apache.spark.io.CompressionCodec.getShortName: the extension of a compressed log
EVENT_LOG_CODECS = ("zstd", "lz4", "snappy", "lzf")
# Set by SparkContext itself
APP_ID, APP_ATTEMPT_ID = "spark.app.id", "spark.app.attempt.id"
# org.apache.spark.repl.Main; the names of spark-shell, pyspark, spark-sql, Databricks, Zeppelin and Livy; and the
# call site of what is typed into a Scala shell
REPL_PROPERTY = "spark.repl.class.uri"
SHELL_NAME = re.compile(r"Spark shell$|PySparkShell$|SparkSQL::|Databricks Shell$|Zeppelin|livy-session-")
CONSOLE_CALL_SITE = " at <console>:"
# Ours: a property that a job gets from `afterglow submit`, by which its log is known
SUBMIT_ID = "spark.afterglow.submit.id"

# org.apache.spark.metrics.ExecutorMetricType, of JsonProtocol.executorMetricsToJson: the peaks since the one before
EXECUTOR_METRICS = {
    "jvm_heap_bytes": "JVMHeapMemory",
    "jvm_off_heap_bytes": "JVMOffHeapMemory",
    "on_heap_storage_bytes": "OnHeapStorageMemory",
    "off_heap_storage_bytes": "OffHeapStorageMemory",
    "jvm_rss_bytes": "ProcessTreeJVMRSSMemory",
    "python_rss_bytes": "ProcessTreePythonRSSMemory",
    "other_rss_bytes": "ProcessTreeOtherRSSMemory",
}
