"""Models of groups: each counts once, the whole has their figures, and the slowest have runs."""

from typing import Any

import pytest

from afterglow.ingest.application_view import ApplicationView
from afterglow.ingest.derive import derive, group_models
from afterglow.schemas.logs import EventLog, EventLogTables, LogFile
from afterglow.schemas.runs.metrics import RUN_METRICS
from afterglow.schemas.runs.params_tags import RUN_TAGS
from tests.ingest.assemble.test_assemble import tables
from tests.ingest.derive.models_log import rows_of_models


def read(values: list[list[Any]]) -> EventLogTables:
    return tables(EventLog("app-1", "single", (LogFile("app-1", 1),)), **rows_of_models(values))


def model(task: int, key: str, seconds: float, *, stage: int = 0, rows: int = 10) -> list[Any]:
    return [stage, task, 1_050 + task, key, {"depth": 3}, {"rmse": seconds * 2}, rows, seconds]


def test_a_group_that_a_later_stage_attempt_trained_again_counts_once() -> None:
    # Task 2 is index 0 of the second attempt, which trained again the groups of index 1 of the first.
    found = read([model(0, "a", 1.0), model(1, "b", 1.0), model(2, "b", 4.0)])
    rows = [(r["group_key"], r["task_id"], r["stage_attempt"], r["seconds"]) for r in found["models"].to_pylist()]
    assert rows == [("a", 0, 0, 1.0), ("b", 2, 1, 4.0)]
    (fit,) = found.fits.to_pylist()
    assert (fit["name"], fit["source"], fit["fit_uid"], fit["num_jobs"]) == ("2 models", "annotated", "models_1", 1)


def test_the_run_of_the_whole_has_the_figures_and_the_slowest_have_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_models, "MOST_MODEL_RUNS", 2)
    runs = derive(ApplicationView(read([model(1, "a", 1.0), model(1, "b", 4.0, rows=30), model(2, "c", 2.0)]))).runs
    (whole,) = [run for run in runs if run.key.endswith("/fit/models_1")]
    figures = {name: value for name, value in whole.metrics.items() if name.startswith("models/")}
    assert figures == {
        "models/total": 3.0,
        "models/rows_max": 30.0,
        "models/rows_median": 10.0,
        "models/seconds_max": 4.0,
        "models/seconds_median": 2.0,
        "models/skew_ratio": 2.0,
    }
    assert (whole.tags["afterglow.models.slowest"], whole.tags["afterglow.models_without_run"]) == ("b", "1")
    below = [run for run in runs if run.parent == whole.key and run.level == "fit"]
    assert sorted((run.name, run.metrics["rmse"], run.params["depth"]) for run in below) == [
        ("model b", 8.0, "3"),
        ("model c", 4.0, "3"),
    ]
    declared = {metric.name: metric.levels for metric in RUN_METRICS} | {tag.name: tag.levels for tag in RUN_TAGS}
    for run in (whole, *below):
        names = [name for name in (*run.metrics, *run.tags) if "models" in name]
        assert names and all("fit" in declared[name] for name in names)
