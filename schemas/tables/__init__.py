"""The tables, one per entity. Every column is declared once.

`afterglow export` writes them as Parquet, and `afterglow.ingest.read` returns them. docs/tables.md is generated from
them. Columns keep Spark's units; a missing value is null. A `metric` is also written to the runs of every level.
"""

from .annotations import ANNOTATED_RUNS, ANNOTATIONS, MODELS, TASK_METRICS
from .applications import APPLICATIONS, ISSUES, PROPERTIES
from .connect import CONNECT_OPERATIONS, CONNECT_SESSIONS
from .executors import CACHED_RDDS, EXECUTOR_METRICS, EXECUTORS
from .findings import FINDINGS
from .jobs_stages_tasks import JOBS, STAGES, TASKS
from .sql import SQL_EXECUTIONS, SQL_METRICS, SQL_NODES, SQL_SCANS
from .streaming import STREAMING_BATCHES, STREAMING_QUERIES
from .training import FITS, TRIALS, TUNINGS

TABLES = (
    APPLICATIONS,
    TUNINGS,
    TRIALS,
    FITS,
    JOBS,
    STAGES,
    TASKS,
    EXECUTORS,
    EXECUTOR_METRICS,
    CACHED_RDDS,
    SQL_EXECUTIONS,
    SQL_NODES,
    SQL_METRICS,
    SQL_SCANS,
    STREAMING_QUERIES,
    STREAMING_BATCHES,
    CONNECT_SESSIONS,
    CONNECT_OPERATIONS,
    TASK_METRICS,
    ANNOTATIONS,
    ANNOTATED_RUNS,
    MODELS,
    PROPERTIES,
    FINDINGS,
    ISSUES,
)

__all__ = [
    "ANNOTATED_RUNS",
    "ANNOTATIONS",
    "APPLICATIONS",
    "CACHED_RDDS",
    "CONNECT_OPERATIONS",
    "CONNECT_SESSIONS",
    "EXECUTORS",
    "EXECUTOR_METRICS",
    "FINDINGS",
    "FITS",
    "ISSUES",
    "JOBS",
    "MODELS",
    "PROPERTIES",
    "SQL_EXECUTIONS",
    "SQL_METRICS",
    "SQL_NODES",
    "SQL_SCANS",
    "STAGES",
    "STREAMING_BATCHES",
    "STREAMING_QUERIES",
    "TABLES",
    "TASKS",
    "TASK_METRICS",
    "TRIALS",
    "TUNINGS",
]
