"""One application as numpy columns and rows, built once for diagnose, derive and report."""

import copy
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from ..schemas import spark
from ..schemas.findings.threshold_overrides import Thresholds
from ..schemas.logs import EventLogTables
from ..schemas.runs.tree import Status
from ..schemas.tables.training import MINIMUM_CONFIDENCE
from .arrow import Array
from .critical_path import CriticalPath, critical_path
from .query_plans import PlanNode, QueryPlan, query_plans
from .run_names import job_name, python_operator, stage_call_site, stage_name
from .task_arrays import Row, TaskArrays
from .timeline import Timeline

_BATCH = re.compile(f"{re.escape(spark.DSTREAM_BATCH_JOB)}|{spark.MICRO_BATCH_JOB}")
T = TypeVar("T")
_SPANS = [f"{phase}{end}_time_ms" for phase in ("", "fit_", "evaluate_") for end in ("start", "end")]


class ApplicationView(TaskArrays):
    """The tables of one application attempt, and cached values that are computed from them.

    `end_ms` is the time of the last event if the log has no end. `in_progress` means that the log is still being
    written.
    """

    def __init__(self, tables: EventLogTables, thresholds: Thresholds | None = None) -> None:
        super().__init__(tables, thresholds or Thresholds())
        self.application: Row = tables.application
        self.start_ms: int = self.application["start_time_ms"] or 0
        end = self.application["end_time_ms"] or self.application["last_event_time_ms"] or 0
        self.end_ms: int = max(end, self.start_ms)
        self._remembered: dict[str, Any] = {}
        self.in_progress: bool = self.application["completeness"] == "in_progress"

    def __reduce__(self) -> Any:
        """Pickle only the tables; cached values are computed again."""
        return ApplicationView, (self.tables, self.threshold)

    @cached_property
    def paired_searches(self) -> list[Row]:
        """The rows of tunings whose trials are certain enough to draw conclusions from."""
        rows = self.tables["tunings"].to_pylist()
        return [row for row in rows if row["confidence"] is None or row["confidence"] >= MINIMUM_CONFIDENCE]

    def fits_of_trials(self, tuning_uid: str) -> list[Row]:
        """One row per trial and fold of a search, by start. Several fits of a loop's trial in one fold become one
        row."""
        found: dict[tuple[int, int | None], dict[str, Any]] = {}
        for fit in self.tables["fits"].to_pylist():
            if fit["tuning_uid"] == tuning_uid and fit["trial"] is not None:
                known = found.setdefault((fit["trial"], fit["fold"]), fit)
                for name in _SPANS if known is not fit else ():
                    times = [row[name] for row in (known, fit) if row[name] is not None]
                    pick = min if name.endswith("start_time_ms") else max
                    known[name] = pick(times, default=None)
        return sorted(found.values(), key=lambda fit: fit["start_time_ms"] or 0)

    def remember(self, name: str, compute: Callable[["ApplicationView"], T]) -> T:
        """What `compute` returns for this application, computed once."""
        if name not in self._remembered:
            self._remembered[name] = compute(self)
        value: T = self._remembered[name]
        return value

    def with_findings(self, findings: pa.Table) -> "ApplicationView":
        """The same application with its `findings` table; cached values are shared."""
        other = copy.copy(self)
        other.tables = EventLogTables(self.tables.log, {**self.tables.tables, "findings": findings})
        other.__dict__.pop("findings", None)
        return other

    @cached_property
    def findings(self) -> list[Row]:
        """The rows of the findings table."""
        rows: list[Row] = self.tables["findings"].to_pylist()
        return rows

    @cached_property
    def plans(self) -> list[QueryPlan]:
        """The plans of the SQL executions, by execution."""
        return query_plans(self.tables)

    @cached_property
    def nodes_of_stage(self) -> dict[int, list[PlanNode]]:
        """Stage id -> the nodes of SQL plans that it ran, without those that other stages filled a cache with."""
        found: dict[int, list[PlanNode]] = {}
        for plan in self.plans:
            for node in plan:
                for stage in plan.stages_of(node):
                    found.setdefault(stage, []).append(node)
        return found

    @cached_property
    def python_stages(self) -> frozenset[int]:
        """The positions of the stages whose tasks run Python functions, whose CPU time Spark does not measure."""
        return frozenset(self.python_operators)

    @cached_property
    def python_operators(self) -> dict[int, list[str]]:
        """Position of a stage -> what runs Python functions in it: operators of the plan with the functions' names
        where the plan has them (`MapInPandas train`), else operators or RDDs."""
        found = {}
        for stage, row in enumerate(self.stages):
            nodes = [
                node for node in self.nodes_of_stage.get(row["stage_id"], ()) if spark.PYTHON_NODE.search(node.name)
            ]
            job = self._job_by_id.get(row["job_id"])
            on_rdds = job is not None and job["sql_execution_id"] is None
            if nodes:
                found[stage] = sorted({python_operator(node.name, node.description) for node in nodes})
            elif row["python_operators"]:
                found[stage] = row["python_operators"]
            elif on_rdds and spark.PYTHON_CALL_SITE.search(row["name"] or ""):  # a log without RDDs
                found[stage] = [spark.PYTHON_RDD]
        return found

    @cached_property
    def working_ms(self) -> Array:
        """How long each task computed: its CPU time where Spark measures it, else its run time without waits."""
        run = self.column("executor_run_time_ms").astype(np.float64)
        waits = self.within_run_time("jvm_gc_time_ms") + self.within_run_time("shuffle_fetch_wait_ms")
        without = np.maximum(run - waits, 0)
        cpu = np.minimum(self.column("executor_cpu_time_ns") / 1e6, run)
        unmeasured = ~self.known("executor_cpu_time_ns") | np.isin(self.stage_of, list(self.python_stages))
        working: Array = np.where(unmeasured, without, cpu)
        return working

    @cached_property
    def stages_by_id(self) -> dict[int, list[int]]:
        """Stage id -> the positions of its attempts in `stages`."""
        found: dict[int, list[int]] = {}
        for stage, row in enumerate(self.stages):
            found.setdefault(row["stage_id"], []).append(stage)
        return found

    @property
    def duration_ms(self) -> int:
        """The application's duration, up to the last event if it has no end."""
        return self.end_ms - self.start_ms

    @property
    def state(self) -> Status:
        """The MLflow status: RUNNING, FINISHED, FAILED or KILLED.

        Databricks never writes ApplicationEnd: there the application is FINISHED when all of its jobs have ended, or
        FAILED when the last of them failed.
        """
        if self.in_progress:
            return "RUNNING"
        if self.application["completed"]:
            return "FAILED" if self.application["exit_code"] else "FINISHED"
        jobs = self.tables["jobs"].to_pylist()
        if not self.is_databricks or not jobs or any(job["status"] == "RUNNING" for job in jobs):
            return "KILLED"
        return "FAILED" if jobs[-1]["status"] == "FAILED" else "FINISHED"

    @property
    def is_databricks(self) -> bool:
        """Whether a Databricks runtime wrote the log."""
        return spark.is_databricks(self.properties)

    @cached_property
    def is_interactive(self) -> bool:
        """Whether a user typed the jobs into a shell or a notebook."""
        return (
            spark.REPL_PROPERTY in self.properties
            or spark.SHELL_NAME.match(self.title) is not None
            or any(spark.CONSOLE_CALL_SITE in (job["name"] or "") for job in self.jobs)
        )

    @cached_property
    def registered_ms(self) -> int:
        """When the executors had registered that the first job began with; the start if none is known."""
        first = min((self.job_span(job)[0] for job in self.jobs), default=self.end_ms)
        added = [row["add_time_ms"] for row in self.tables["executors"].to_pylist() if row["add_time_ms"]]
        return max(max((at for at in added if at <= first), default=self.start_ms), self.start_ms)

    @property
    def title(self) -> str:
        """The application's name, or its id if it has none."""
        return str(self.application["name"] or self.application["app_id"])

    @cached_property
    def jobs(self) -> list[Row]:
        """The application's jobs, without those that only wrote annotations to the log."""
        return [row for row in self.tables["jobs"].to_pylist() if not row["annotation"]]

    @cached_property
    def properties(self) -> dict[str, str]:
        """Configuration, redacted."""
        return {row["key"]: row["value"] for row in self.tables["properties"].to_pylist() if row["value"] is not None}

    @cached_property
    def timeline(self) -> Timeline:
        """How busy the cores were."""
        return Timeline(self.tasks, self.tables["executors"], self.start_ms, self.end_ms, self.task_cpus)

    def span(self, stage: int) -> tuple[int, int]:
        """When stage i began and ended; taken from its tasks if the log does not contain it."""
        return self._spans[stage]

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [self._span(stage, row) for stage, row in enumerate(self.stages)]

    def _span(self, stage: int, row: Row) -> tuple[int, int]:
        start, end = row["submission_time_ms"], row["completion_time_ms"]
        if start and end:
            return start, max(start, end)
        rows = np.arange(self.begin[stage], self.end[stage])
        launched = self.column("launch_time_ms")[rows[self.known("launch_time_ms")[rows]]]
        start = start or (int(launched.min()) if len(launched) else self.start_ms)
        end = end or (int(self.ended[rows].max()) if len(launched) else 0)
        if not end:
            end = start if self.stage_has_ended(stage) else self.end_ms
        return start, max(start, end)

    def stage_has_ended(self, stage: int) -> bool:
        """Whether stage i has ended. If StageCompleted is missing, its tasks and its job decide."""
        return self.stage_status(stage) != "ACTIVE"

    def stage_status(self, stage: int) -> str:
        """COMPLETE, FAILED or ACTIVE. Also COMPLETE if only StageCompleted is missing and the job succeeded."""
        row = self.stages[stage]
        job = self._job_status.get(row["job_id"])
        done = row["num_tasks"] is not None and (row["num_complete_tasks"] or 0) >= row["num_tasks"]
        return "COMPLETE" if row["status"] == "ACTIVE" and done and job == "SUCCEEDED" else str(row["status"])

    @cached_property
    def _job_status(self) -> dict[int, str]:
        return {row["job_id"]: row["status"] for row in self.tables["jobs"].to_pylist()}

    def job_status(self, job: Row) -> str:
        """SUCCEEDED, FAILED or RUNNING. Also SUCCEEDED if only JobEnd is missing: the application ended, and every
        stage of the job is complete."""
        ended = job["status"] != "RUNNING" or not self.application["completed"]
        own = self.stages_of_job.get(job["job_id"], [])
        if ended or not own or any(self.stages[stage]["status"] != "COMPLETE" for stage in own):
            return str(job["status"])
        return "SUCCEEDED"

    @cached_property
    def stages_of_job(self) -> dict[int | None, list[int]]:
        """Job id -> the positions of the stages it ran; None for stages of no job."""
        stages: dict[int | None, list[int]] = {}
        for stage, row in enumerate(self.stages):
            stages.setdefault(row["job_id"], []).append(stage)
        return stages

    def job_span(self, job: Row) -> tuple[int, int]:
        """When a job began and ended; taken from its stages if the log does not contain it (before Spark 1.3)."""
        start, end = job["submission_time_ms"], job["completion_time_ms"]
        if start and end is not None:
            return start, max(start, end)
        spans = [self.span(stage) for stage in self.stages_of_job.get(job["job_id"], [])]
        start = start or min((begin for begin, _ in spans), default=self.start_ms)
        if end is None:
            over = self.job_status(job) != "RUNNING"
            end = max((end for _, end in spans), default=start) if over else self.end_ms
        return start, max(start, end)

    @cached_property
    def critical_path(self) -> CriticalPath:
        """The stages on the critical path, as positions in `stages`, without receivers."""
        spans = [(0, 0) if stage in self.receivers else self.span(stage) for stage in range(len(self.stages))]
        return critical_path(spans, self.start_ms, self.end_ms)

    @cached_property
    def receivers(self) -> frozenset[int]:
        """The receiver stages of Spark Streaming. Each has one task that runs as long as the application."""
        jobs = [job for job in self.jobs if (job["description"] or "").startswith(spark.RECEIVER_JOB)]
        return frozenset(stage for job in jobs for stage in self.stages_of_job.get(job["job_id"], []))

    def is_batch(self, job: Row) -> bool:
        """Whether the job belongs to a batch of a stream."""
        return _BATCH.search(job["description"] or "") is not None

    def job_title(self, job: Row) -> str:
        """The name of a job's run."""
        return job_name(job, self._executions.get(job["sql_execution_id"]))

    def stage_title(self, stage: int) -> str:
        """The name of a stage's run."""
        return stage_name(self.stages[stage], *self._caller(stage))

    def _caller(self, stage: int) -> tuple[Row | None, Row | None]:
        """The job of a stage, and its SQL execution."""
        job = self._job_by_id.get(self.stages[stage]["job_id"])
        return job, self._executions.get(job["sql_execution_id"]) if job else None

    @cached_property
    def _executions(self) -> dict[int, Row]:
        return {row["execution_id"]: row for row in self.tables["sql_executions"].to_pylist()}

    @cached_property
    def _job_by_id(self) -> dict[int, Row]:
        return {job["job_id"]: job for job in self.jobs}

    def subject(self, stage: int) -> str:
        """The stage's name in a finding."""
        identity = self.stage_identity(stage)
        name = stage_call_site(self.stages[stage], *self._caller(stage))
        return f"stage {identity} · {name}" if name else f"stage {identity}"

    def stage_identity(self, stage: int) -> str:
        """`<stage>.<attempt>`, as in Spark's UI."""
        row = self.stages[stage]
        return f"{row['stage_id']}.{row['stage_attempt']}"
