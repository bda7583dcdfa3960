"""One application's tables -> its runs, parents before children."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ...schemas import runs as names
from ...schemas.logs import EventLogTables
from ...schemas.runs import Level, Run, RunTree, Status
from .. import arrow
from .figures import TaskFigures
from .overview import mark_overview
from .said import with_said
from .searches import Branch, branches, job_parent
from .task_runs import choose_task_runs, task_history, task_run
from .timeline import Timeline

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class TaskRuns:
    """Which tasks get a run. `all`: every task while there are no more than `at_most`, else the notable ones."""

    policy: Literal["all", "notable", "none"] = "all"
    at_most: int = 2000


def derive(tables: EventLogTables, task_runs: TaskRuns | None = None) -> RunTree:
    """The runs of one application attempt, with the figures that schemas.runs declares."""
    return _Tree(tables, task_runs or TaskRuns()).build()


class _Tree:
    """What building the tree needs at every level: the tables, the figures of tasks, the root's key."""

    def __init__(self, tables: EventLogTables, task_runs: TaskRuns) -> None:
        self.tables, self.task_runs = tables, task_runs
        self.app = tables.application
        self.root = f"{self.app['app_id']}/{self.app['app_attempt'] or '1'}"
        self.properties = {
            row["key"]: row["value"] for row in tables["properties"].to_pylist() if row["value"] is not None
        }
        start = self.app["start_time_ms"] or 0
        self.last = max(self.app["end_time_ms"] or self.app["last_event_time_ms"] or start, start)
        self.open = self.app["completeness"] == "in_progress"
        self.figures = TaskFigures(tables["tasks"])
        cpus = self.properties.get("spark.task.cpus", "1")
        self.timeline = Timeline(
            tables["tasks"], tables["executors"], start, self.last, int(cpus) if cpus.isdecimal() else 1
        )
        self.stages = [row for row in tables["stages"].to_pylist() if row["status"] not in ("SKIPPED", "PENDING")]
        self.jobs = [job for job in tables["jobs"].to_pylist() if not job["annotation"]]
        self.rows_of_stage = _rows_of_stage(tables["tasks"])
        self.user_metrics = _user_metrics(tables["task_metrics"])

    def build(self) -> RunTree:
        runs = [self._application()]
        by_job: dict[int | None, list[Mapping[str, Any]]] = {}
        for stage in self.stages:
            by_job.setdefault(stage["job_id"], []).append(stage)
        above = {branch.key: branch for branch in branches(self.tables.tables, self.root)}
        parents = {job["job_id"]: job_parent(self.root, job, set(above)) for job in self.jobs}
        jobs = {
            job["job_id"]: self._job(job, by_job.get(job["job_id"], []), parents[job["job_id"]]) for job in self.jobs
        }
        chosen = choose_task_runs(self.tables["tasks"], self.task_runs.policy, self.task_runs.at_most)
        for run in _in_order(self.root, [*self._branches(above, parents, by_job), *jobs.values()]):
            runs.append(run)
            if run.level == "job":
                runs.extend(self._stages(by_job.get(int(run.tags["spark.job.id"]), []), run, chosen))
        runs.extend(self._stages(by_job.get(None, []), runs[0], chosen))
        left = len(self.tables["tasks"]) - len(chosen)
        if left:
            runs[0] = replace(runs[0], tags={**runs[0].tags, "afterglow.tasks_without_run": str(left)})
        scans = {(row["format"], row["location"]): None for row in self.tables["sql_scans"].to_pylist()}
        runs = with_said(runs, self.tables["annotations"], self.root)
        return RunTree(mark_overview(runs), tuple(scans))

    def _application(self) -> Run:
        app = self.app
        start = app["start_time_ms"] or self.last
        everything = np.arange(len(self.tables["tasks"]))
        metrics = {
            **self._times(start, None if self.open else self.last),
            **self.figures.of(everything),
            **self._user(everything),
            **_job_counts(self.jobs, self.stages),
            "executors/total": float(app["num_executors"]),
        }
        wanted = {
            "spark.version": app["spark_version"],
            "java.version": self.properties.get("Java Version"),
            "executors": app["num_executors"],
            "total_cores": app["total_cores"] or None,
            **{key: self.properties.get(key) for key in names.PARAM_PROPERTIES},
        }
        tags = {
            "afterglow.completeness": app["completeness"],
            "afterglow.log": self.tables.log.name,
            "afterglow.issues": str(app["num_issues"]),
            "spark.app.attempt.id": app["app_attempt"],
            "mlflow.source.name": app["name"],
        }
        status: Status = "RUNNING" if self.open else "FINISHED" if app["completed"] else "KILLED"
        if app["exit_code"]:
            status = "FAILED"
        title = app["name"] or app["app_id"]
        return self._run(
            "application",
            self.root,
            None,
            title,
            status,
            start,
            self.last,
            metrics,
            tags,
            params={key: str(value) for key, value in wanted.items() if value not in (None, "")},
        )

    def _branches(
        self,
        above: Mapping[str, Branch],
        parents: Mapping[int, str],
        by_job: Mapping[int | None, list[Mapping[str, Any]]],
    ) -> Iterator[Run]:
        """Searches, trials and fits, each with the figures of all tasks below it."""
        below: dict[str, list[Mapping[str, Any]]] = {}
        for job in self.jobs:
            key = parents[job["job_id"]]
            while key in above:
                below.setdefault(key, []).append(job)
                key = above[key].parent
        for branch in above.values():
            jobs = below.get(branch.key, [])
            stages = [stage for job in jobs for stage in by_job.get(job["job_id"], [])]
            at = self._rows(stages)
            start = branch.start_ms or self.app["start_time_ms"] or self.last
            metrics = {
                **self._times(start, branch.end_ms),
                **self.figures.of(at),
                **self._user(at),
                **_job_counts(jobs, stages),
                **branch.metrics,
            }
            yield self._run(
                branch.level,
                branch.key,
                branch.parent,
                branch.name,
                branch.status,
                start,
                branch.end_ms,
                metrics,
                branch.tags,
                branch.params,
            )

    def _job(self, job: Mapping[str, Any], stages: list[Mapping[str, Any]], parent: str) -> Run:
        at = self._rows(stages)
        start = job["submission_time_ms"] or min(
            (stage["submission_time_ms"] for stage in stages if stage["submission_time_ms"]),
            default=self.app["start_time_ms"] or self.last,
        )
        end = job["completion_time_ms"]
        if end is None and job["status"] != "RUNNING":
            end = max((stage["completion_time_ms"] or start for stage in stages), default=start)
        title = job["description"] or job["name"]
        metrics = {
            **self._times(start, end),
            **self.figures.of(at),
            **self._user(at),
            **_stage_counts(stages),
            "stages/skipped": float(job["num_skipped_stages"]),
        }
        tags = {
            "spark.job.id": str(job["job_id"]),
            "spark.job.group": job["group"],
            "spark.job.tags": job["tags"],
            "spark.sql.execution.id": job["sql_execution_id"],
            "spark.failure_reason": job["failure_reason"],
            "afterglow.tuning.uid": job["tuning_uid"],
            "afterglow.trial": job["trial"],
            "afterglow.fold": job["fold"],
            "afterglow.phase": job["phase"],
            "afterglow.estimator": job["estimator_class"],
            "afterglow.estimator.uid": job["estimator_uid"],
        }
        status = {"SUCCEEDED": "FINISHED", "FAILED": "FAILED"}.get(job["status"])
        return self._run(
            "job",
            f"{self.root}/job/{job['job_id']}",
            parent,
            f"job {job['job_id']}" + (f" · {title}" if title else ""),
            status,
            start,
            end,
            metrics,
            tags,
        )

    def _stages(self, stages: list[Mapping[str, Any]], parent: Run, chosen: Mapping[int, str | None]) -> Iterator[Run]:
        ordered = sorted(stages, key=lambda s: (s["submission_time_ms"] or 0, s["stage_id"], s["stage_attempt"]))
        for stage in ordered:
            at = self._rows([stage])
            run = self._stage(stage, parent, at)
            with_run = [int(row) for row in at if int(row) in chosen]
            if len(with_run) < len(at):
                left = {"afterglow.tasks_without_run": str(len(at) - len(with_run))}
                run = replace(run, tags={**run.tags, **left})
            yield run
            if with_run:
                yield from self._tasks(with_run, run, chosen)

    def _stage(self, stage: Mapping[str, Any], parent: Run, at: Array) -> Run:
        identity = f"{stage['stage_id']}.{stage['stage_attempt']}"
        launches = arrow.numbers(self.tables["tasks"], "launch_time_ms")[at]
        start = stage["submission_time_ms"] or (int(launches.min()) if len(launches) else parent.start_ms)
        metrics = {**self._times(start, stage["completion_time_ms"]), **self.figures.of(at), **self._user(at)}
        tags = {"spark.stage.id": identity, "spark.failure_reason": stage["failure_reason"]}
        status = {"COMPLETE": "FINISHED", "FAILED": "FAILED"}.get(stage["status"])
        run = self._run(
            "stage",
            f"{self.root}/stage/{identity}",
            parent.key,
            f"stage {identity}" + (f" · {stage['name']}" if stage["name"] else ""),
            status,
            start,
            stage["completion_time_ms"],
            metrics,
            tags,
        )
        return replace(run, history=task_history(self.tables["tasks"], at))

    def _tasks(self, at: list[int], stage: Run, chosen: Mapping[int, str | None]) -> Iterator[Run]:
        rows = self.tables["tasks"].take(arrow.from_numpy(np.array(at), "int64")).to_pylist()
        order = sorted(range(len(at)), key=lambda i: (rows[i]["launch_time_ms"] or 0, rows[i]["task_id"]))
        for i in order:
            one = np.array([at[i]])
            row = rows[i]
            run = task_run(row, stage, self.root, chosen[at[i]])
            end = None if row["status"] == "RUNNING" else run.end_ms
            yield self._run(
                "task",
                run.key,
                stage.key,
                run.name,
                None if row["status"] == "RUNNING" else run.status,
                run.start_ms,
                end,
                {**self._times(run.start_ms, end, idle=False), **self.figures.sums(one), **self._user(one)},
                run.tags,
            )

    def _run(
        self,
        level: Level,
        key: str,
        parent: str | None,
        name: str,
        status: Any,
        start: int,
        end: int | None,
        metrics: Mapping[str, float],
        tags: Mapping[str, Any],
        params: Mapping[str, str] | None = None,
    ) -> Run:
        """`status` None: it never ended in the log; it runs on where the log is still written, else it was killed."""
        status = status or ("RUNNING" if self.open else "KILLED")
        ended = None if status == "RUNNING" else max(end if end is not None else self.last, start)
        own = {
            names.LEVEL_TAG: level,
            names.KEY_TAG: key,
            names.APP_ID_TAG: self.app["app_id"],
            "mlflow.user": self.app["user"],
            **tags,
        }
        return Run(
            level,
            key,
            parent,
            name,
            status,
            start,
            ended,
            metrics,
            params or {},
            {tag: str(value) for tag, value in own.items() if value not in (None, "")},
        )

    def _times(self, start: int, end: int | None, idle: bool = True) -> dict[str, float]:
        end_ms = self.last if end is None else end
        figures = {} if end is None else {"time/duration_s": max(end - start, 0) / 1e3}
        ratio = self.timeline.idle_ratio(start, end_ms) if idle else None
        return figures if ratio is None else {**figures, "executors/idle_ratio": ratio}

    def _rows(self, stages: list[Mapping[str, Any]]) -> Array:
        ranges = [self.rows_of_stage.get((stage["stage_id"], stage["stage_attempt"]), (0, 0)) for stage in stages]
        parts = [np.arange(begin, end) for begin, end in ranges]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def _user(self, at: Array) -> dict[str, float]:
        """User accumulators, summed over these tasks (failed attempts do not count: Spark discards their updates)."""
        sums: dict[str, float] = {}
        if self.user_metrics:
            ids = arrow.numbers(self.tables["tasks"], "task_id")[at]
            for task_id in ids.tolist():
                for name, value in self.user_metrics.get(task_id, ()):
                    sums[f"user/{name}"] = sums.get(f"user/{name}", 0.0) + value
        return sums


def _rows_of_stage(tasks: Any) -> dict[tuple[int, int], tuple[int, int]]:
    """Stage attempt -> its rows in the tasks table, which is sorted by it."""
    stage, attempt = arrow.numbers(tasks, "stage_id"), arrow.numbers(tasks, "stage_attempt")
    if not len(stage):
        return {}
    begins = np.flatnonzero(np.concatenate(([True], (stage[1:] != stage[:-1]) | (attempt[1:] != attempt[:-1]))))
    ends = np.append(begins[1:], len(stage))
    keys = zip(stage[begins].tolist(), attempt[begins].tolist(), strict=True)
    return dict(zip(keys, zip(begins.tolist(), ends.tolist(), strict=True), strict=True))


def _in_order(root: str, runs: list[Run]) -> Iterator[Run]:
    """Parents before children, children by start (equal starts as they stand)."""
    below: dict[str | None, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.start_ms):
        below.setdefault(run.parent, []).append(run)
    pending = below.get(root, [])[::-1]
    while pending:
        run = pending.pop()
        yield run
        pending.extend(below.get(run.key, [])[::-1])


def _job_counts(jobs: list[Mapping[str, Any]], stages: list[Mapping[str, Any]]) -> dict[str, float]:
    return {
        **_stage_counts(stages),
        "stages/skipped": float(sum(job["num_skipped_stages"] for job in jobs)),
        "jobs/total": float(len(jobs)),
        "jobs/failed": float(sum(job["status"] == "FAILED" for job in jobs)),
    }


def _stage_counts(stages: list[Mapping[str, Any]]) -> dict[str, float]:
    return {
        "stages/total": float(len(stages)),
        "stages/failed": float(sum(stage["status"] == "FAILED" for stage in stages)),
    }


def _user_metrics(task_metrics: Any) -> dict[int, list[tuple[str, float]]]:
    by_task: dict[int, list[tuple[str, float]]] = {}
    for row in task_metrics.to_pylist():
        by_task.setdefault(row["task_id"], []).append((row["name"], row["value"]))
    return by_task
