"""Times of runs fit into each other."""

from typing import Any

from afterglow.ingest.derive.nesting import nest
from afterglow.schemas.runs.tree import Run, Status


def run(level: Any, key: str, parent: str | None, status: Status, start: int, end: int | None) -> Run:
    return Run(level, key, parent, key, status, start, end, {"time/duration_s": 0.0})


def test_a_known_end_widens_the_parents_and_their_durations() -> None:
    root, job, stage = nest(
        [
            run("application", "a", None, "FINISHED", 10, 100),
            run("job", "a/j", "a", "FINISHED", 20, 90),
            run("stage", "a/s", "a/j", "FINISHED", 5, 120),
        ],
        {},
    )
    assert [(one.start_ms, one.end_ms) for one in (root, job, stage)] == [(5, 120)] * 3
    assert root.metrics["time/duration_s"] == job.metrics["time/duration_s"] == 0.115


def test_an_unknown_end_is_the_parents_or_that_of_the_last_task() -> None:
    runs = [
        run("application", "a", None, "FINISHED", 10, 100),
        run("job", "a/j", "a", "FAILED", 20, 50),
        run("stage", "a/s", "a/j", "KILLED", 30, 100),
        run("stage", "a/t", "a/j", "RUNNING", 30, None),
    ]
    _, job, killed, running = nest(runs, {"a/t": 60})
    assert (killed.end_ms, running.end_ms, running.status, job.end_ms) == (50, 60, "KILLED", 60)


def test_what_runs_in_a_log_that_is_being_written_stays_open() -> None:
    runs = [
        run("application", "a", None, "RUNNING", 10, None),
        run("job", "a/j", "a", "RUNNING", 20, None),
    ]
    assert [one.end_ms for one in nest(runs, {})] == [None, None]
