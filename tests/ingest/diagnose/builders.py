"""Handmade applications: a few stages and tasks as tables, without a log, so that a finding's figures are known."""

from collections.abc import Iterable, Sequence
from typing import Any

from afterglow.ingest import arrow
from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.diagnose import diagnose
from afterglow.schemas.findings import FINDING_CODES
from afterglow.schemas.findings.threshold_overrides import thresholds
from afterglow.schemas.logs import EventLog, EventLogTables
from afterglow.schemas.tables import TABLES

START = 1_700_000_000_000
Row = dict[str, Any]
found: set[tuple[str, str | None]] = set()
"""Code and cause of every finding that the cases of this process have raised; see test_every_code."""
_GIVEN = {"status": "SUCCESS", "locality": "PROCESS_LOCAL", "attempt": 0, "speculative": False}


def task(duration_ms: int, executor: str | None = None, at: int | None = None, **columns: Any) -> Row:
    """A task; run time is its duration unless said otherwise. Without an executor it gets the next free one."""
    own = {"duration_ms": duration_ms, "executor_id": executor, "at": at}
    return {**own, "executor_run_time_ms": duration_ms, "executor_cpu_time_ns": duration_ms * 900_000, **columns}


class Made:
    """An application that is put together stage by stage. Times are ms after its start; it ends with its last stage
    unless a duration is given."""

    def __init__(
        self, duration_ms: int | None = None, executors: int = 4, cores: int = 1, master: str = "yarn"
    ) -> None:
        self.application = {
            "app_id": "made",
            "name": "made",
            "start_time_ms": START,
            "completed": True,
            "master": master,
            "completeness": "complete",
            "num_issues": 0,
            "num_executors": executors,
        }
        self.cores, self.duration_ms = cores, duration_ms
        self.executors: list[Row] = [
            {"executor_id": str(n), "host": f"host-{n}", "cores": cores, "add_time_ms": START}
            for n in range(1, executors + 1)
        ]
        self.rows: dict[str, list[Row]] = {table.name: [] for table in TABLES}
        self.at = 0

    def stage(
        self, tasks: Iterable[Row | int], name: str = "collect at job.py:1", attempt: int = 0, **columns: Any
    ) -> int:
        """A stage of tasks, each begun on the executor that is free first; its id. It is a job of its own unless
        `job_id` says otherwise; the next one begins when it has ended."""
        job = columns.pop("job", {})
        stage_id = columns.pop("stage_id", len({row["stage_id"] for row in self.rows["stages"]}))
        job_id = columns.get("job_id", len(self.rows["jobs"]))
        free = {(row["executor_id"], slot): self.at for row in self.executors for slot in range(self.cores)}
        end = self.at
        rows = []
        for index, given in enumerate(tasks):
            row = dict(task(given) if isinstance(given, int) else given)
            slots = [slot for slot in free if row["executor_id"] in (None, slot[0])]
            slot = min(slots, key=lambda one: free[one])
            begin = free[slot] if row["at"] is None else row["at"]
            free[slot] = begin + row["duration_ms"]
            end = max(end, free[slot])
            row.pop("at")
            host = next(one["host"] for one in self.executors if one["executor_id"] == slot[0])
            rows.append(
                {
                    **_GIVEN,
                    "stage_id": stage_id,
                    "stage_attempt": attempt,
                    "task_id": len(self.rows["tasks"]) + index,
                    "index": index,
                    **row,
                    "executor_id": slot[0],
                    "host": host,
                    "launch_time_ms": START + begin,
                    "finish_time_ms": START + begin + row["duration_ms"],
                }
            )
        self.rows["tasks"].extend(rows)
        times = {"submission_time_ms": START + self.at, "completion_time_ms": START + end}
        self.rows["stages"].append(
            {
                "stage_id": stage_id,
                "stage_attempt": attempt,
                "job_id": job_id,
                "name": name,
                "status": "COMPLETE",
                "num_tasks": len(rows),
                "num_resubmitted_tasks": 0,
                **times,
                **columns,
            }
        )
        if "job_id" not in columns:
            status = {
                "status": "SUCCEEDED",
                "annotation": False,
                "num_tasks": len(rows),
                "name": name,
                "num_skipped_stages": 0,
            }
            self.rows["jobs"].append({"job_id": job_id, "stage_ids": [stage_id], **status, **times, **job})
        self.at = end
        return stage_id

    def warm(self, count: int = 8) -> None:
        """A first stage, so that the tasks of the next are not the first on their executors."""
        self.stage([100] * count, name="warm up")

    def node(self, name: str, parent: int | None = None, execution: int = 0, **columns: Any) -> int:
        """A node of the plan of a SQL execution, below its `parent`; its number. `metrics` are totals by name."""
        rows = self.rows["sql_nodes"]
        node_id = sum(row["execution_id"] == execution for row in rows)
        key = {"execution_id": execution, "node_id": node_id}
        for metric, total in columns.pop("metrics", {}).items():
            self.rows["sql_metrics"].append({**key, "name": metric, "type": "sum", "total": total})
        given = {"description": name, "stage_ids": [], "parent_ids": [] if parent is None else [parent], **columns}
        rows.append({**key, "name": name, **given})
        return node_id

    def tables(self) -> EventLogTables:
        """As assemble gives them."""
        duration = self.at if self.duration_ms is None else self.duration_ms
        end = START + duration
        times = {"end_time_ms": end, "last_event_time_ms": end, "duration_ms": duration}
        rows = {**self.rows, "applications": [self.application | times], "executors": self.executors}
        rows["tasks"] = sorted(rows["tasks"], key=lambda r: (r["stage_id"], r["stage_attempt"], r["task_id"]))
        rows["stages"] = sorted(rows["stages"], key=lambda r: (r["stage_id"], r["stage_attempt"]))
        made = {t.name: arrow.from_rows(t, ([row.get(c.name) for c in t] for row in rows[t.name])) for t in TABLES}
        return EventLogTables(EventLog("made", "single", ()), made)

    def view(self, *given: tuple[str, float]) -> ApplicationView:
        """The application with its findings; `given` are thresholds."""
        app = ApplicationView(self.tables(), thresholds(given))
        app = app.with_findings(diagnose(app))
        found.update((row["code"], row["cause"]) for row in app.tables["findings"].to_pylist())
        return app

    def findings(self, *given: tuple[str, float]) -> list[Row]:
        """What is found, dearest first, without the figures that every application has."""
        rows: Sequence[Row] = self.view(*given).tables["findings"].to_pylist()
        return [row for row in rows if not FINDING_CODES[row["code"]].informational]

    def codes(self, *given: tuple[str, float]) -> list[str]:
        """Codes of those that stand for themselves and are about less than the application."""
        rows = self.findings(*given)
        return [row["code"] for row in rows if row["covered_by"] is None and row["level"] != "application"]

    def one(self, code: str, *given: tuple[str, float]) -> Row:
        """The finding of a code that stands for itself; there must be just one."""
        (row,) = [row for row in self.findings(*given) if row["code"] == code and row["covered_by"] is None]
        return row
